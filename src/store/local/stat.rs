//! Accessors of a `FileStat`: identity, type, permissions and times. Makes no system call.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::{FileStat, Mode, SFlag};

/// The identity of a file, whatever its names: device and inode number.
pub(super) type FileId = (u64, u64);

/// The identity of the file.
pub(super) fn file_id(stat: &FileStat) -> FileId {
    (stat.st_dev, stat.st_ino)
}

/// The size in bytes.
pub(super) fn size_of(stat: &FileStat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
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

/// The permission bits, without set-user-ID, set-group-ID and sticky.
pub(super) fn permissions(stat: &FileStat) -> Mode {
    Mode::from_bits_truncate(stat.st_mode & 0o777)
}

/// The mtime as a `SystemTime`.
pub(super) fn modified(stat: &FileStat) -> SystemTime {
    let seconds = Duration::from_secs(stat.st_mtime.unsigned_abs());
    let whole = match stat.st_mtime {
        0.. => UNIX_EPOCH.checked_add(seconds),
        _ => UNIX_EPOCH.checked_sub(seconds),
    };
    let rest = Duration::from_nanos(u64::try_from(stat.st_mtime_nsec).unwrap_or_default());
    whole.and_then(|whole| whole.checked_add(rest)).unwrap_or(UNIX_EPOCH)
}

/// The mtime in nanoseconds since 1970: when the content was last changed, unless a program has set another time.
pub(super) fn modification_time(stat: &FileStat) -> i128 {
    i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)
}

/// The ctime in nanoseconds since 1970: when the content or any metadata of the inode was last changed. No program can
/// set it.
pub(super) fn change_time(stat: &FileStat) -> i128 {
    i128::from(stat.st_ctime) * 1_000_000_000 + i128::from(stat.st_ctime_nsec)
}
