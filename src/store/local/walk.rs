//! Walks through a directory, or through everything beneath it, entry by entry. Follows no link, so it terminates.
//! Whether a client may see an entry is up to the caller.
//!
//! It holds three descriptors at any depth, and in memory the paths of the directories still to be read.

use std::os::fd::OwnedFd;

use nix::dir::{Dir, Entry, OwningIter};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, ResolveFlag};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::digest::{Attribute, of_entry};
use super::errors::errno_of;
use super::reserved::TEMPORARY;
use super::root::{DIRECTORY, HANDLE, open_beneath};
use super::stat::file_type;

/// An iterator over entries. An error in one directory does not end it.
pub(super) struct Walk {
    base: OwnedFd,
    recursive: bool,
    /// Whether the digest attribute of each file is read, too.
    with_digest: bool,
    waiting: Vec<Vec<u8>>,
    reading: Option<Reading>,
}

/// The directory that is being read.
struct Reading {
    path: Vec<u8>,
    handle: OwnedFd,
    entries: OwningIter,
}

/// An entry of the walk.
pub(super) struct WalkEntry {
    /// Its path relative to the start of the walk, without a slash at either end.
    pub path: Vec<u8>,
    /// The stat of the entry itself, also where it is a symbolic link.
    pub stat: FileStat,
    /// Its digest attribute, where it was requested.
    pub kept: Option<Attribute>,
}

impl Walk {
    /// Begins in `base`; with `recursive` walks through everything beneath it, each directory before its entries. The
    /// daemon's temporary directories are returned but not entered.
    pub fn new(base: OwnedFd, recursive: bool) -> nix::Result<Self> {
        let reading = Some(Reading::new(Vec::new(), base.try_clone().map_err(errno_of)?)?);
        Ok(Walk { base, recursive, with_digest: false, waiting: Vec::new(), reading })
    }

    /// Reads the digest attribute of each file, too.
    pub fn with_digest(self) -> Self {
        Walk { with_digest: true, ..self }
    }

    /// Opens an entry of the walk, following no link.
    pub fn open(&self, path: &[u8], flags: nix::fcntl::OFlag) -> nix::Result<OwnedFd> {
        open_beneath(&self.base, path, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)
    }

    /// Whether every step of a symbolic link of the walk stays beneath the directory where the walk began.
    pub fn stays_within(&self, path: &[u8]) -> bool {
        open_beneath(&self.base, path, HANDLE, ResolveFlag::empty()).is_ok()
    }

    /// Opens the next directory. One that was removed since it was listed is no error.
    fn enter(&mut self, path: Vec<u8>) -> nix::Result<()> {
        match self.open(&path, DIRECTORY) {
            Ok(handle) => self.reading = Some(Reading::new(path, handle)?),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = nix::Result<WalkEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(reading) = &mut self.reading {
                match reading.entries.next() {
                    Some(Ok(entry)) => match reading.read_entry(&entry, self.with_digest) {
                        Ok(None) => continue,
                        Ok(Some(found)) => {
                            if self.recursive && is_entered(&found) {
                                self.waiting.push(found.path.clone());
                            }
                            return Some(Ok(found));
                        }
                        Err(errno) => return Some(Err(errno)),
                    },
                    Some(Err(errno)) => {
                        self.reading = None;
                        return Some(Err(errno));
                    }
                    None => self.reading = None,
                }
            }
            let path = self.waiting.pop()?;
            if let Err(errno) = self.enter(path) {
                return Some(Err(errno));
            }
        }
    }
}

impl Reading {
    fn new(path: Vec<u8>, handle: OwnedFd) -> nix::Result<Self> {
        let entries = Dir::from_fd(handle.try_clone().map_err(errno_of)?)?.into_iter();
        Ok(Reading { path, handle, entries })
    }

    /// Stats an entry; `None` for `.`, `..` and what was removed since.
    fn read_entry(&self, entry: &Entry, with_digest: bool) -> nix::Result<Option<WalkEntry>> {
        let name = entry.file_name().to_bytes();
        if is_dots(name) {
            return Ok(None);
        }
        let stat = match fstatat(&self.handle, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let path = match self.path.as_slice() {
            b"" => name.to_vec(),
            path => [path, b"/", name].concat(),
        };
        let kept = if with_digest { of_entry(&self.handle, name, &stat) } else { None };
        Ok(Some(WalkEntry { path, stat, kept }))
    }
}

impl WalkEntry {
    /// Its parent directory, relative to the start of the walk, and its name there.
    pub fn split(&self) -> (&[u8], &[u8]) {
        let slash = self.path.iter().rposition(|&byte| byte == b'/');
        match slash.and_then(|slash| self.path.split_at_checked(slash)) {
            Some((above, last)) => (above, last.strip_prefix(b"/").unwrap_or(last)),
            None => (b".", &self.path),
        }
    }

    /// Whether it is one of the daemon's temporary files or directories.
    pub fn is_temporary(&self) -> bool {
        self.split().1.starts_with(TEMPORARY)
    }

    /// Whether it is a directory itself.
    pub fn is_directory(&self) -> bool {
        file_type(&self.stat) == SFlag::S_IFDIR
    }
}

fn is_entered(found: &WalkEntry) -> bool {
    found.is_directory() && !found.is_temporary()
}

/// Whether it is `.` or `..`.
pub(super) fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}
