//! A directory entry, named by an open directory: each call is one system call on the name there.

use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{FileId, errno_of, file_id};

/// A directory entry: its directory, held open, and its name there. Made only from a directory that was opened beneath
/// the root, so it stays beneath the root whatever happens to the names above it.
pub(super) struct EntryAt {
    /// The directory.
    pub parent: OwnedFd,
    /// The name in the directory.
    pub last: Vec<u8>,
    directory: FileId,
}

/// What identifies an entry: its directory and its name there, so that two paths through links have one key.
pub(super) type EntryKey = (FileId, Vec<u8>);

impl EntryAt {
    /// Makes an entry of a directory that was opened beneath the root.
    pub fn new(parent: OwnedFd, last: Vec<u8>) -> nix::Result<Self> {
        let directory = file_id(&fstat(&parent)?);
        Ok(EntryAt { parent, last, directory })
    }

    /// Makes another entry of the same directory.
    pub fn sibling(&self, last: Vec<u8>) -> nix::Result<Self> {
        let parent = self.parent.try_clone().map_err(errno_of)?;
        Ok(EntryAt { parent, last, directory: self.directory })
    }

    /// Stats it, following no link.
    pub fn stat(&self) -> nix::Result<FileStat> {
        fstatat(&self.parent, self.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// Opens it, following no link.
    pub fn open(&self, flags: OFlag) -> nix::Result<OwnedFd> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.parent, self.last.as_slice(), flags, Mode::empty())
    }

    /// Reads the target of a symbolic link.
    pub fn read_link(&self) -> nix::Result<Vec<u8>> {
        readlinkat(&self.parent, self.last.as_slice()).map(OsStringExt::into_vec)
    }

    /// Removes it, unless it is a directory.
    pub fn unlink(&self) -> nix::Result<()> {
        unlinkat(&self.parent, self.last.as_slice(), UnlinkatFlags::NoRemoveDir)
    }

    /// Returns the identity of the directory.
    pub fn directory(&self) -> FileId {
        self.directory
    }

    /// Returns what identifies it.
    pub fn key(&self) -> EntryKey {
        (self.directory, self.last.clone())
    }
}
