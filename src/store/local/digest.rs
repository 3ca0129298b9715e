//! Reads the digest attribute of a file, with a stat that it fits.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat};
use rustix::fs::{fgetxattr, getxattr, lgetxattr};

use super::digest_attribute::{ATTRIBUTE, LENGTH};
use super::{Attribute, READ, change_time, is_regular, is_unchanged, modification_time};

/// How often a file that changes during the read is read again.
const LOOKS_MAX: usize = 4;

/// Reads stat and attribute until they match, or nothing changes any more. Under the lock of the name no other thread
/// is between a rename and the write of the attribute that follows it.
pub(super) fn read_consistently(
    look: impl Fn() -> nix::Result<(FileStat, Option<Attribute>)>,
) -> nix::Result<(FileStat, Option<Attribute>)> {
    let mut last = look()?;
    for _ in 0..LOOKS_MAX {
        if last.1.is_none_or(|attribute| attribute.is_current) {
            break;
        }
        let next = look()?;
        if is_unchanged(&next.0, &last.0) {
            break;
        }
        last = next;
    }
    Ok(last)
}

/// Stats an open file that no other thread renames, and reads the attribute.
pub(super) fn stat_file(file: &File) -> nix::Result<(FileStat, Option<Attribute>)> {
    let stat = fstat(file)?;
    Ok((stat, read(&stat, |bytes| fgetxattr(file, ATTRIBUTE, bytes))))
}

/// Stats a file through an `O_PATH` descriptor, and reads its attribute.
pub(super) fn stat_handle(handle: &OwnedFd) -> nix::Result<(FileStat, Option<Attribute>)> {
    let (stat, path) = (fstat(handle)?, format!("/proc/self/fd/{}", handle.as_raw_fd()));
    Ok((stat, read(&stat, |bytes| getxattr(path, ATTRIBUTE, bytes))))
}

/// Stats an open file and reads the attribute, where there can be one: see [`is_written_alone`]. A file system of another
/// machine may leave the ctime as it is when an attribute is written (JuiceFS does).
pub(super) fn stat_content(file: &File, is_remote: bool) -> nix::Result<(FileStat, Option<Attribute>)> {
    let stat = fstat(file)?;
    match !is_remote && is_written_alone(&stat) {
        true => Ok((stat, None)),
        false => Ok((stat, read(&stat, |bytes| fgetxattr(file, ATTRIBUTE, bytes)))),
    }
}

/// Returns whether nothing but the content was changed last, so that no attribute was written since: the ctime is the
/// mtime. To read the attribute takes longer than a stat. A time in whole seconds may be that of a clock too coarse to
/// tell.
fn is_written_alone(stat: &FileStat) -> bool {
    stat.st_mtime_nsec != 0 && change_time(stat) == modification_time(stat)
}

/// Reads the attribute of a directory entry, which is no symbolic link; none where [`is_written_alone`].
pub(super) fn of_entry(directory: &OwnedFd, last: &[u8], stat: &FileStat) -> Option<Attribute> {
    use rustix::io::Errno;
    if is_written_alone(stat) {
        return None;
    }
    let path = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), last].concat();
    read(stat, |bytes| match lgetxattr(path, ATTRIBUTE, &mut *bytes) {
        // Without /proc, open the file.
        Err(Errno::NOENT) => {
            let flags = READ | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let file = openat(directory, last, flags, Mode::empty()).map_err(|_| Errno::NOENT)?;
            fgetxattr(file, ATTRIBUTE, bytes)
        }
        read => read,
    })
}

fn read(
    stat: &FileStat,
    get: impl FnOnce(&mut [u8]) -> Result<usize, rustix::io::Errno>,
) -> Option<Attribute> {
    let mut bytes = [0; LENGTH];
    let read = if is_regular(stat) { get(&mut bytes).ok()? } else { 0 };
    Attribute::parse(bytes.get(..read)?, stat)
}
