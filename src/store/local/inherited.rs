//! The owner, mode, ACL and user attributes of new content when it is installed: those of the file that it replaces,
//! else of the file it was copied from, else those of any new file in its directory. Until then it has mode 0600.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::Mode;
use rustix::fs::getxattr;

use super::{EntryAt, HANDLE, READ, unlinked_file};
use crate::attributes::{ACL_OF_NEW, Attributes};

/// The mode of a new file before the umask.
const MODE_NEW: u32 = 0o666;

/// Reads the umask of this process from /proc: `umask(2)` would change it for a moment.
pub(super) fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}

/// Reads the attributes of the file that is about to be replaced; `None` where it has gone.
pub(super) fn of_replaced(entry: &EntryAt) -> io::Result<Option<Attributes>> {
    // A file without read permission can still be opened with `O_PATH`.
    match entry.open(READ).or_else(|_| entry.open(HANDLE)) {
        Err(Errno::ENOENT) => Ok(None),
        opened => Attributes::of(opened?).map(Attributes::without_special_bits).map(Some),
    }
}

/// Returns the attributes of a new file in a directory. `is_made_there` tells whether the content was created in this
/// directory, and so already has the right group.
pub(super) fn of_new(directory: &OwnedFd, umask: Option<u32>, is_made_there: bool) -> io::Result<Attributes> {
    match umask.filter(|_| is_made_there && has_no_default(directory)) {
        Some(umask) => Ok(Attributes::of_mode(MODE_NEW & !umask)),
        None => Attributes::of(unlinked_file(directory, Mode::from_bits_truncate(MODE_NEW))?),
    }
}

/// Whether the directory has no default ACL: the umask alone decides then.
fn has_no_default(directory: &OwnedFd) -> bool {
    use rustix::io::Errno;
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    matches!(getxattr(path, ACL_OF_NEW, &mut [0u8; 0][..]), Err(Errno::NODATA | Errno::OPNOTSUPP))
}
