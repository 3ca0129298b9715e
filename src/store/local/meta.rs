//! The metadata of a file: kind, size, time and entity tag, made from one stat. Opens nothing.

use nix::sys::stat::{FileStat, SFlag};

use super::digest::Attribute;
use super::stat::{file_type, modification_time, modified, size_of};
use crate::store::contract::{Kind, Meta};

/// Makes it from a stat and the digest attribute; `None` where it is neither a regular file nor a directory.
pub(super) fn meta_of(stat: &FileStat, kept: Option<Attribute>) -> Option<Meta> {
    let (kind, size) = match file_type(stat) {
        SFlag::S_IFREG => (Kind::File, size_of(stat)),
        SFlag::S_IFDIR => (Kind::Directory, 0),
        _ => return None,
    };
    Some(Meta { kind, size, modified: modified(stat), etag: etag(stat, kept) })
}

/// Makes the entity tag. The inode number distinguishes replaced files, size and mtime those written in place, the mark
/// those whose mtime was set back. The ctime is not part of it: a rename changes it, but no byte.
fn etag(stat: &FileStat, kept: Option<Attribute>) -> String {
    let mark = kept.map(|kept| kept.mark).filter(|mark| *mark != 0);
    let mark = mark.map(|mark| format!("-c{mark:x}")).unwrap_or_default();
    format!("\"{:x}-{:x}-{:x}{mark}\"", stat.st_ino, stat.st_size, modification_time(stat))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn stat(change: impl FnOnce(&mut FileStat)) -> FileStat {
        let mut stat = nix::sys::stat::fstat(std::fs::File::open("Cargo.toml").unwrap()).unwrap();
        (stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec) = (0x1a, 0x400, 1, 5);
        change(&mut stat);
        stat
    }

    #[test]
    fn the_tag_is_of_inode_size_time_and_mark() {
        let plain = |change: fn(&mut FileStat)| etag(&stat(change), None);
        assert_eq!(plain(|_| ()), "\"1a-400-3b9aca05\"");
        let marked = |mark| etag(&stat(|_| ()), Some(Attribute { digest: None, mark, is_true: true }));
        assert_eq!((marked(0), marked(0x1f)), (plain(|_| ()), "\"1a-400-3b9aca05-c1f\"".to_owned()));
        let others: [fn(&mut FileStat); 4] = [
            |stat| stat.st_ino += 1,
            |stat| stat.st_size += 1,
            |stat| stat.st_mtime += 1,
            |stat| {
                stat.st_mtime_nsec += 1;
            },
        ];
        for change in others {
            assert_ne!(plain(change), plain(|_| ()));
        }
        assert_eq!(plain(|stat| stat.st_ctime += 1), plain(|_| ()));
    }

    #[test]
    fn a_time_before_1970_is_kept() {
        let before = stat(|stat| (stat.st_mtime, stat.st_mtime_nsec) = (-2, 500_000_000));
        assert_eq!(modified(&before), UNIX_EPOCH - Duration::from_millis(1500));
    }

    #[test]
    fn only_regular_files_and_directories_are_served() {
        let rows = [
            (SFlag::S_IFREG, Some(Kind::File)),
            (SFlag::S_IFDIR, Some(Kind::Directory)),
            (SFlag::S_IFIFO, None),
            (SFlag::S_IFSOCK, None),
            (SFlag::S_IFCHR, None),
            (SFlag::S_IFBLK, None),
            (SFlag::S_IFLNK, None),
        ];
        for (kind, found) in rows {
            let meta = meta_of(&stat(|stat| stat.st_mode = kind.bits() | 0o644), None);
            assert_eq!(meta.map(|meta| meta.kind), found, "{kind:?}");
        }
    }
}
