//! A walk through a directory, or through all beneath it, read entry by entry. Follows no link, so it ends; knows
//! nothing of what a client may see.
//!
//! It holds three descriptors whatever the depth, and memory for the directories still waiting, never for files.

use std::os::fd::OwnedFd;

use nix::dir::{Dir, Entry, OwningIter};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, ResolveFlag};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::digest::{Attribute, of_entry};
use super::root::{DIRECTORY, HANDLE, open_beneath};
use super::stat::file_type;
use crate::store::name::TEMPORARY;

/// The walk. An error of one directory does not end it.
pub(super) struct Walk {
    base: OwnedFd,
    recursive: bool,
    /// Whether what is kept with each file is read, too.
    with_kept: bool,
    waiting: Vec<Vec<u8>>,
    reading: Option<Reading>,
}

/// The directory that is being read.
struct Reading {
    path: Vec<u8>,
    handle: OwnedFd,
    entries: OwningIter,
}

/// What was found.
pub(super) struct Found {
    /// The way to it from where the walk began, without a slash at either end.
    pub path: Vec<u8>,
    /// What is known of the entry itself, even if it is a link.
    pub stat: FileStat,
    /// What is kept with it, where that was asked for.
    pub kept: Option<Attribute>,
}

impl Walk {
    /// A walk through what is in `base`, and with `recursive` through all beneath it, a directory before what is
    /// in it. The daemon's temporary directories are found but not entered.
    pub fn new(base: OwnedFd, recursive: bool) -> nix::Result<Self> {
        let reading = Some(Reading::new(Vec::new(), base.try_clone().map_err(errno_of)?)?);
        Ok(Walk { base, recursive, with_kept: false, waiting: Vec::new(), reading })
    }

    /// Reads what is kept with each file, too.
    pub fn with_kept(self) -> Self {
        Walk { with_kept: true, ..self }
    }

    /// Opens something found for reading, which must still be no link.
    pub fn open(&self, path: &[u8], flags: nix::fcntl::OFlag) -> nix::Result<OwnedFd> {
        open_beneath(&self.base, path, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)
    }

    /// Whether a link found leads, wherever it turns, to something in the directory the walk began in.
    pub fn stays_within(&self, path: &[u8]) -> bool {
        open_beneath(&self.base, path, HANDLE, ResolveFlag::empty()).is_ok()
    }

    /// Opens the next directory that waits. One that has gone since it was seen is no error.
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
    type Item = nix::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(reading) = &mut self.reading {
                match reading.entries.next() {
                    Some(Ok(entry)) => match reading.found(&entry, self.with_kept) {
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

    /// An entry with what is known of it; nothing for `.`, `..` and what has gone since.
    fn found(&self, entry: &Entry, with_kept: bool) -> nix::Result<Option<Found>> {
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
        let kept = if with_kept { of_entry(&self.handle, name, &stat) } else { None };
        Ok(Some(Found { path, stat, kept }))
    }
}

impl Found {
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

fn is_entered(found: &Found) -> bool {
    found.is_directory() && !found.is_temporary()
}

/// The two names every directory has and no walk wants.
pub(super) fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}

/// What the system said, where `std` asked it.
pub(super) fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
