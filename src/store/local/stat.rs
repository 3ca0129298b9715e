//! What one `fstat` says of a file: its kind, size, time and entity tag. Opens nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::{FileStat, Mode, SFlag};

use super::digest::Attribute;
use crate::store::contract::{Kind, Meta};

impl Meta {
    /// Reads it off a stat and what is kept with a file; nothing where it is neither a regular file nor a directory.
    pub(super) fn of(stat: &FileStat, kept: Option<Attribute>) -> Option<Meta> {
        let (kind, size) = match file_type(stat) {
            SFlag::S_IFREG => (Kind::File, u64::try_from(stat.st_size).unwrap_or_default()),
            SFlag::S_IFDIR => (Kind::Directory, 0),
            _ => return None,
        };
        Some(Meta { kind, size, modified: modified(stat), etag: etag(stat, kept) })
    }
}

/// The type bits.
pub(super) fn file_type(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// Whether it is a regular file.
pub(super) fn is_regular(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFREG
}

/// Whether it is a directory.
pub(super) fn is_directory(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFDIR
}

/// Whether it is a symbolic link.
pub(super) fn is_link(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFLNK
}

/// The permission bits: who may read, write and execute. Set-user-ID and its like are no part of a content.
pub(super) fn permissions(stat: &FileStat) -> Mode {
    Mode::from_bits_truncate(stat.st_mode & 0o777)
}

pub(super) fn modified(stat: &FileStat) -> SystemTime {
    let seconds = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let whole = match stat.st_mtime {
        0.. => UNIX_EPOCH.checked_add(seconds),
        _ => UNIX_EPOCH.checked_sub(seconds),
    };
    let rest = Duration::from_nanos(u64::try_from(stat.st_mtime_nsec).unwrap_or_default());
    whole.and_then(|whole| whole.checked_add(rest)).unwrap_or(UNIX_EPOCH)
}

/// The inode tells replaced files apart, size and time those written in place; a mark those whose time was set back. Not
/// the time of the inode: a rename changes that one, but no byte.
fn etag(stat: &FileStat, kept: Option<Attribute>) -> String {
    let mark = kept.map(|kept| kept.mark).filter(|mark| *mark != 0);
    let mark = mark.map(|mark| format!("-c{mark:x}")).unwrap_or_default();
    format!("\"{:x}-{:x}-{:x}{mark}\"", stat.st_ino, stat.st_size, modification_time(stat))
}

/// When the content was last changed, as far as nobody has set another time (`st_mtim`), in nanoseconds since 1970.
pub(super) fn modification_time(stat: &FileStat) -> i128 {
    i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)
}

/// When anything of the file was last changed, be it a name, a mode or an attribute (`st_ctim`), in nanoseconds since
/// 1970. Nobody can set it.
pub(super) fn change_time(stat: &FileStat) -> i128 {
    i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec)
}

#[cfg(test)]
mod tests {
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
        for (kind, served) in rows {
            let meta = Meta::of(&stat(|stat| stat.st_mode = kind.bits() | 0o644), None);
            assert_eq!(meta.map(|meta| meta.kind), served, "{kind:?}");
        }
    }
}
