//! Temporary files and directories: under a reserved name in the directory of their target, so that one rename installs
//! them. Removed when dropped, unless they persist.
//!
//! Each is locked (`flock`) while it is in use. A daemon that dies leaves it unlocked, so that a sweep (`recovery`) can
//! distinguish a leftover from one that another daemon is still writing.

use std::fs::{File, TryLockError};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{EntryAt, fresh_name, remove};

/// How often a new name is tried. A sweep removes a temporary file only where it finds it before it is locked, but on a
/// busy machine this race can be lost many times.
const TRIES: usize = 128;
/// The error for a temporary file that was lost in this race.
const SWEPT: Errno = Errno::EAGAIN;

/// A file or a directory under a reserved name.
pub(super) struct Temporary {
    /// Its directory entry.
    pub entry: EntryAt,
    /// The open file or directory.
    pub file: File,
    /// Whether it persists when this is dropped: it was renamed, or is used again later.
    pub persists: bool,
}

impl Temporary {
    /// Makes an empty file of mode 0600.
    pub fn file(parent: OwnedFd) -> nix::Result<Self> {
        Self::make(parent, |parent, name| {
            let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)
        })
    }

    /// Makes an empty directory of mode 0700.
    pub fn directory(parent: OwnedFd) -> nix::Result<Self> {
        Self::make(parent, |parent, name| {
            mkdirat(parent, name, Mode::S_IRWXU)?;
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::empty()).map_err(|errno| match errno {
                Errno::ENOENT => SWEPT,
                errno => errno,
            })
        })
    }

    fn make(parent: OwnedFd, create: impl Fn(&OwnedFd, &[u8]) -> nix::Result<OwnedFd>) -> nix::Result<Self> {
        let mut entry = EntryAt::new(parent, Vec::new())?;
        for _ in 0..TRIES {
            entry.last = fresh_name();
            let file = match create(&entry.parent, &entry.last) {
                Ok(file) => File::from(file),
                Err(Errno::EEXIST | SWEPT) => continue,
                Err(errno) => return Err(errno),
            };
            if is_ours(&file)? {
                return Ok(Temporary { entry, file, persists: false });
            }
        }
        Err(SWEPT)
    }

    /// Opens a file for appending under a name that outlives the process; `new` are the flags that create it. `EAGAIN`
    /// where it is locked by somebody else.
    pub fn named(parent: OwnedFd, last: Vec<u8>, new: OFlag) -> nix::Result<Self> {
        let entry = EntryAt::new(parent, last)?;
        let flags = new | OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = File::from(openat(&entry.parent, entry.last.as_slice(), flags, mode)?);
        match is_ours(&file)? {
            true => Ok(Temporary { entry, file, persists: false }),
            false => Err(Errno::EAGAIN),
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.persists {
            // Ignore the error: the next sweep tries again.
            let _ = remove(&self.entry.parent, &self.entry.last);
        }
    }
}

/// Makes an unlinked file (`O_TMPFILE`); where the file system does not support that, creates a file and unlinks it.
pub(super) fn unlinked_file(directory: &OwnedFd, mode: Mode) -> nix::Result<File> {
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    match openat(directory, ".", flags | OFlag::O_TMPFILE, mode) {
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

/// Locks a new file; false where a sweep has locked it first. On a file system without locks a sweep removes nothing.
fn is_ours(file: &File) -> nix::Result<bool> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(false),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(fstat(file)?.st_nlink > 0),
    }
}
