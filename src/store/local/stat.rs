//! What a `FileStat` says: identity, type, permissions, times, and the metadata for clients. Makes no system call.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::{FileStat, Mode, SFlag};

use crate::store::{EntryStat, Kind, Meta};

/// The identity of a file, whatever its names: device and inode number.
pub(super) type FileId = (u64, u64);

/// Returns the identity of the file.
pub(super) fn file_id(stat: &FileStat) -> FileId {
    (stat.st_dev, stat.st_ino)
}

/// Returns the size in bytes.
pub(super) fn size_of(stat: &FileStat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// Returns the type bits.
pub(super) fn file_type(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// Returns whether it is a regular file.
pub(super) fn is_regular(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFREG
}

/// Returns whether it is a directory.
pub(super) fn is_directory(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFDIR
}

/// Returns whether it is a symbolic link.
pub(super) fn is_link(stat: &FileStat) -> bool {
    file_type(stat) == SFlag::S_IFLNK
}

/// Returns the permission bits, without set-user-ID, set-group-ID and sticky.
pub(super) fn permissions(stat: &FileStat) -> Mode {
    Mode::from_bits_truncate(stat.st_mode & 0o777)
}

/// Returns the mtime as a `SystemTime`.
pub(super) fn modified(stat: &FileStat) -> SystemTime {
    let seconds = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let whole = match stat.st_mtime {
        0.. => UNIX_EPOCH.checked_add(seconds),
        _ => UNIX_EPOCH.checked_sub(seconds),
    };
    let rest = Duration::from_nanos(u64::try_from(stat.st_mtime_nsec).unwrap_or_default());
    whole.and_then(|whole| whole.checked_add(rest)).unwrap_or(UNIX_EPOCH)
}

/// Returns the mtime in nanoseconds since 1970: when the content was last changed, unless a program has set another time.
pub(super) fn modification_time(stat: &FileStat) -> i128 {
    i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)
}

/// Returns the ctime in nanoseconds since 1970: when the content or any metadata of the inode was last changed. No program can
/// set it.
pub(super) fn change_time(stat: &FileStat) -> i128 {
    i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec)
}

/// Returns size and mtime: they change with the content, unless a program restores them.
pub(super) fn content_of(stat: &FileStat) -> [u8; 24] {
    let mut content = [0; 24];
    let (size, time) = content.split_at_mut(8);
    size.copy_from_slice(&stat.st_size.to_le_bytes());
    time.copy_from_slice(&modification_time(stat).to_le_bytes());
    content
}

/// Returns whether nothing has changed a file between two stats.
pub(super) fn is_unchanged(now: &FileStat, before: &FileStat) -> bool {
    content_of(now) == content_of(before) && change_time(now) == change_time(before)
}

/// Returns the metadata for clients, with the mark of the digest attribute; `None` where it is neither a regular file nor a
/// directory.
pub(super) fn meta_of(stat: &FileStat, mark: Option<i128>) -> Option<Meta> {
    let (kind, EntryStat { size, modified }) = entry_stat(stat)?;
    Some(Meta { kind, size, modified, etag: etag(stat, mark) })
}

/// Returns the kind, size and time for clients; `None` as for [`meta_of`].
pub(super) fn entry_stat(stat: &FileStat) -> Option<(Kind, EntryStat)> {
    let (kind, size) = match file_type(stat) {
        SFlag::S_IFREG => (Kind::File, size_of(stat)),
        SFlag::S_IFDIR => (Kind::Directory, 0),
        _ => return None,
    };
    Some((kind, EntryStat { size, modified: modified(stat) }))
}

/// Makes the entity tag. The inode number distinguishes replaced files, size and mtime those written in place, the mark
/// those whose mtime was set back. The ctime is not part of it: a rename changes it, but no byte.
fn etag(stat: &FileStat, mark: Option<i128>) -> String {
    // One is made for each entry of a list: room for all of it, and no division of 128 bits.
    let mut tag = String::with_capacity(64);
    let time = modification_time(stat);
    // A write to a String does not fail.
    let _ = write!(tag, "\"{:x}-{:x}-", stat.st_ino, stat.st_size);
    let _ = match u64::try_from(time) {
        Ok(time) => write!(tag, "{time:x}"),
        Err(_) => write!(tag, "{time:x}"),
    };
    if let Some(mark) = mark.filter(|mark| *mark != 0) {
        let _ = write!(tag, "-c{mark:x}");
    }
    tag.push('"');
    tag
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
        let before_1970 = plain(|stat| stat.st_mtime = -1);
        assert_eq!(before_1970, format!("\"1a-400-{}c4653605\"", "f".repeat(24)));
        let marked = |mark| etag(&stat(|_| ()), Some(mark));
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
