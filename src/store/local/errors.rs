//! Maps errno values to errors that name the file as a client does, never by a path of the machine.

use nix::errno::Errno;

use crate::error::{Error, shown};
use crate::store::Name;

/// The message where names are locked in a file that is no longer there.
const LOST: &str =
    "the file .cfpd-locks was removed, by which daemons lock names: restart all that serve this directory";

/// The message where a name beneath a directory is too long.
const HOLDS_LONG: &str = "holds a name that is longer than the system takes";

/// Returns whether an errno means that nothing served exists: no such name, no directory on the path, a link that loops or
/// leads outside, a socket or a device without a driver.
pub(super) fn is_absent(errno: Errno) -> bool {
    use Errno::{ELOOP, ENODEV, ENOENT, ENOTDIR, ENXIO, EXDEV};
    matches!(errno, ENOENT | ENOTDIR | ELOOP | EXDEV | ENXIO | ENODEV)
}

/// Maps the errno for a name that should exist.
pub(super) fn map_errno(name: &Name, errno: Errno) -> Error {
    match errno {
        errno if is_absent(errno) => absent(name),
        Errno::ENAMETOOLONG if name.is_directory() && !name.is_too_long() => {
            Error::not_found(name.shown(), HOLDS_LONG)
        }
        Errno::ENAMETOOLONG => {
            Error::not_found(name.beginning(), "is longer than the system takes: nothing has it")
        }
        Errno::EAGAIN => Error::busy(name.shown(), "is being changed by others"),
        Errno::ENOLCK => Error::unavailable(name.shown(), LOST),
        Errno::EBUSY => Error::conflict(name.shown(), "is a mount point, or in use by the system"),
        errno => Error::io(name.shown(), errno.into()),
    }
}

/// Maps the errno for a name to be created: what is missing then is its parent directory.
pub(super) fn map_errno_new(name: &Name, errno: Errno) -> Error {
    match errno {
        errno if is_absent(errno) => no_directory(name),
        Errno::ENAMETOOLONG if name.is_directory() && !name.is_too_long() => {
            Error::invalid(name.shown(), HOLDS_LONG)
        }
        Errno::ENAMETOOLONG => Error::invalid(name.beginning(), "is longer than the system takes"),
        errno => map_errno(name, errno),
    }
}

/// Returns the error of a name that the file system does not allow.
pub(super) fn unfit(name: &Name) -> Error {
    Error::conflict(name.shown(), "this file system does not allow this name")
}

/// Returns the error of a name under which nothing served exists.
pub(super) fn absent(name: &Name) -> Error {
    Error::not_found(name.shown(), "is not there")
}

/// Returns the error of a name whose parent directory does not exist.
pub(super) fn no_directory(name: &Name) -> Error {
    let above = name.components().split_last().map(|(_, above)| above).unwrap_or_default();
    let directory: Vec<u8> =
        above.iter().flat_map(|component| [component, b"/".as_slice()].concat()).collect();
    Error::no_parent(name.shown(), format!("no directory /{}", shown(&directory)))
}

/// Returns the error of a disk without space for content of this size.
pub(super) fn no_room(name: &Name, size: u64) -> Error {
    Error::no_space(name.shown(), format!("no room for {size} bytes"))
}

/// Returns the errno of an `io::Error`.
pub(super) fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
