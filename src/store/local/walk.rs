//! Walks through a directory, or through all beneath it, entry by entry. Follows no link, so it ends. Whether a client
//! may see an entry is not known here.
//!
//! It holds three descriptors whatever the depth, and memory for the directories still to be read, never for files.

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

/// An iterator over entries. An error of one directory does not end it.
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

/// An entry that the walk has come to.
pub(super) struct WalkEntry {
    /// The path to it from where the walk began, without a slash at either end.
    pub path: Vec<u8>,
    /// The stat of the entry itself, even if it is a link.
    pub stat: FileStat,
    /// Its digest attribute, where that was asked for.
    pub kept: Option<Attribute>,
}

impl Walk {
    /// Begins in `base`; with `recursive` goes through all beneath it, a directory before what is in it. The daemon's
    /// temporary directories are found but not entered.
    pub fn new(base: OwnedFd, recursive: bool) -> nix::Result<Self> {
        let reading = Some(Reading::new(Vec::new(), base.try_clone().map_err(errno_of)?)?);
        Ok(Walk { base, recursive, with_digest: false, waiting: Vec::new(), reading })
    }

    /// Reads the digest attribute of each file, too.
    pub fn with_digest(self) -> Self {
        Walk { with_digest: true, ..self }
    }

    /// Opens something that was found, which must still be no link.
    pub fn open(&self, path: &[u8], flags: nix::fcntl::OFlag) -> nix::Result<OwnedFd> {
        open_beneath(&self.base, path, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)
    }

    /// Whether a link that was found stays, with each step, within the directory the walk began in.
    pub fn stays_within(&self, path: &[u8]) -> bool {
        open_beneath(&self.base, path, HANDLE, ResolveFlag::empty()).is_ok()
    }

    /// Opens the next directory. One that has gone since it was seen is no error.
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

    /// Stats an entry; `None` for `.`, `..` and what has gone since.
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
    /// The directory it is in, from where the walk began, and its name there.
    pub fn split(&self) -> (&[u8], &[u8]) {
        let slash = self.path.iter().rposition(|&byte| byte == b'/');
        match slash.and_then(|slash| self.path.split_at_checked(slash)) {
            Some((above, last)) => (above, last.strip_prefix(b"/").unwrap_or(last)),
            None => (b".", &self.path),
        }
    }

    /// Whether it is one of the daemon's own temporaries.
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
