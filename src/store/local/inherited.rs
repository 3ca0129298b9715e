//! What a content takes over besides its name: from the file that it replaces, else from the one it is a copy of, else from
//! its directory, as any new file there. Until it has that, a content is its owner's alone.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};
use rustix::fs::getxattr;

use super::lookup::Served;
use super::root::{HANDLE, Place, READ};
use super::temporary::fresh_name;
use crate::attributes::{ACL_OF_NEW, Attributes};

/// The mode that a new file is asked for, before the umask.
const MODE_NEW: u32 = 0o666;

/// The umask of this process, where the system tells it; it cannot be asked without being changed for a moment.
pub(super) fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// What the file has that is replaced. Nothing where there is none any more.
pub(super) fn of_replaced(place: &Place, replaced: Option<&Served>) -> io::Result<Option<Attributes>> {
    if replaced.is_none() {
        return Ok(None);
    }
    let open = |flags| {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&place.parent, place.last.as_slice(), flags, Mode::empty())
    };
    // One that may not be read has a handle all the same.
    match open(READ).or_else(|_| open(HANDLE)) {
        Err(Errno::ENOENT) => Ok(None),
        opened => Attributes::of(opened?).map(Attributes::without_special_bits).map(Some),
    }
}

/// What a new file in a directory has. One that was not made there has not the group of the directory either.
pub(super) fn of_new(directory: &OwnedFd, umask: Option<u32>, is_made_there: bool) -> io::Result<Attributes> {
    match umask.filter(|_| is_made_there && has_no_default(directory)) {
        Some(umask) => Ok(Attributes::of_mode(MODE_NEW & !umask)),
        None => Attributes::of(make_new(directory)?),
    }
}

/// Whether the umask alone decides.
fn has_no_default(directory: &OwnedFd) -> bool {
    use rustix::io::Errno;
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    matches!(getxattr(path, ACL_OF_NEW, &mut [0u8; 0][..]), Err(Errno::NODATA | Errno::OPNOTSUPP))
}

/// A new and empty file in a directory, as the system makes one, which has no name there.
fn make_new(directory: &OwnedFd) -> nix::Result<File> {
    let mode = Mode::from_bits_truncate(MODE_NEW);
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    match openat(directory, ".", flags | OFlag::O_TMPFILE, mode) {
        // Not every file system has nameless files.
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => {
            let name = fresh_name();
            let flags = flags | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
            let file = openat(directory, name.as_slice(), flags, mode)?;
            unlinkat(directory, name.as_slice(), UnlinkatFlags::NoRemoveDir)?;
            Ok(file.into())
        }
        made => made.map(File::from),
    }
}
