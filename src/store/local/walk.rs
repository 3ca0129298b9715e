//! Walks through a directory, or through everything beneath it, entry by entry. Follows no link, so it terminates.
//! Whether a client may see an entry is up to the caller.
//!
//! It holds three descriptors at any depth, and in memory the paths of the directories still to be read.

use std::os::fd::OwnedFd;

use nix::dir::{Dir, Entry, OwningIter, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, ResolveFlag};
use nix::sys::stat::{FileStat, SFlag, fstatat};

use super::{
    Attribute, DIRECTORY, HANDLE, TEMPORARY, errno_of, file_type, of_entry, open_beneath, properties_of_entry,
};

/// An iterator over entries, of each of which it reads `D`. An error in one directory does not end it.
pub(super) struct Walk<D> {
    base: OwnedFd,
    recursive: bool,
    read: ReadDetails<D>,
    waiting: Vec<Vec<u8>>,
    reading: Option<Reading>,
}

/// Reads what a walk is to know of an entry of an open directory, itself also where it is a symbolic link, and its file
/// type.
type ReadDetails<D> = fn(&OwnedFd, &Entry) -> nix::Result<(SFlag, D)>;

/// Reads the stat of an entry.
pub(super) fn stat(directory: &OwnedFd, entry: &Entry) -> nix::Result<(SFlag, FileStat)> {
    let stat = fstatat(directory, entry.file_name(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    Ok((file_type(&stat), stat))
}

/// The stat of an entry and its digest attribute.
type StatAndDigest = (FileStat, Option<Attribute>);

/// Reads the stat of an entry and its digest attribute.
pub(super) fn stat_and_digest(directory: &OwnedFd, entry: &Entry) -> nix::Result<(SFlag, StatAndDigest)> {
    let (file_type, stat) = stat(directory, entry)?;
    let name = entry.file_name().to_bytes();
    // The daemon's own files are not listed, and must not be opened: closing the lock file would unlock all names.
    let attribute = if name.starts_with(TEMPORARY) { None } else { of_entry(directory, name, &stat) };
    Ok((file_type, (stat, attribute)))
}

/// Reads the stat of an entry, its digest attribute and its properties.
pub(super) fn stat_digest_and_properties(
    directory: &OwnedFd,
    entry: &Entry,
) -> nix::Result<(SFlag, (StatAndDigest, Vec<u8>))> {
    let (file_type, details) = stat_and_digest(directory, entry)?;
    let is_own = entry.file_name().to_bytes().starts_with(TEMPORARY);
    let properties =
        if is_own { Vec::new() } else { properties_of_entry(directory, entry.file_name(), file_type) };
    Ok((file_type, (details, properties)))
}

/// Reads the file type alone, which most file systems return with the name: no system call for the entry.
pub(super) fn type_alone(directory: &OwnedFd, entry: &Entry) -> nix::Result<(SFlag, SFlag)> {
    let file_type = match entry.file_type() {
        Some(Type::File) => SFlag::S_IFREG,
        Some(Type::Directory) => SFlag::S_IFDIR,
        Some(Type::Symlink) => SFlag::S_IFLNK,
        _ => stat(directory, entry)?.0,
    };
    Ok((file_type, file_type))
}

/// The directory that is being read.
struct Reading {
    path: Vec<u8>,
    handle: OwnedFd,
    entries: OwningIter,
}

/// An entry of the walk.
pub(super) struct WalkEntry<D> {
    /// Its path relative to the start of the walk, without a slash at either end.
    pub path: Vec<u8>,
    /// What was read of it.
    pub details: D,
    /// Its own type: a symbolic link is not followed.
    pub file_type: SFlag,
}

impl<D> Walk<D> {
    /// Begins in `base`; with `recursive` walks through everything beneath it, each directory before its entries. The
    /// daemon's temporary directories are returned but not entered.
    pub fn new(base: OwnedFd, recursive: bool, read: ReadDetails<D>) -> nix::Result<Self> {
        let reading = Some(Reading::new(Vec::new(), base.try_clone().map_err(errno_of)?)?);
        Ok(Walk { base, recursive, read, waiting: Vec::new(), reading })
    }

    /// Opens an entry of the walk, following no link.
    pub fn open(&self, path: &[u8], flags: nix::fcntl::OFlag) -> nix::Result<OwnedFd> {
        open_beneath(&self.base, path, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)
    }

    /// Returns whether every step of a symbolic link of the walk stays beneath the directory where the walk began.
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

impl<D> Iterator for Walk<D> {
    type Item = nix::Result<WalkEntry<D>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(reading) = &mut self.reading {
                match reading.entries.next() {
                    Some(Ok(entry)) => match reading.read_entry(&entry, self.read) {
                        Ok(None) => continue,
                        Ok(Some(found)) => {
                            if self.recursive && found.file_type == SFlag::S_IFDIR && !found.is_temporary() {
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

    /// Reads an entry; `None` for `.`, `..` and what was removed since.
    fn read_entry<D>(&self, entry: &Entry, read: ReadDetails<D>) -> nix::Result<Option<WalkEntry<D>>> {
        let name = entry.file_name().to_bytes();
        if is_dots(name) {
            return Ok(None);
        }
        let (file_type, details) = match read(&self.handle, entry) {
            Ok(read) => read,
            Err(Errno::ENOENT) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let path = match self.path.as_slice() {
            b"" => name.to_vec(),
            path => [path, b"/", name].concat(),
        };
        Ok(Some(WalkEntry { path, details, file_type }))
    }
}

impl<D> WalkEntry<D> {
    /// Returns its parent directory, relative to the start of the walk, and its name there.
    pub fn split(&self) -> (&[u8], &[u8]) {
        let slash = self.path.iter().rposition(|&byte| byte == b'/');
        match slash.and_then(|slash| self.path.split_at_checked(slash)) {
            Some((above, last)) => (above, last.strip_prefix(b"/").unwrap_or(last)),
            None => (b".", &self.path),
        }
    }

    /// Returns whether it is one of the daemon's temporary files or directories.
    pub fn is_temporary(&self) -> bool {
        self.split().1.starts_with(TEMPORARY)
    }
}

/// Returns the names in a directory.
pub(super) fn names_in(directory: OwnedFd) -> nix::Result<impl Iterator<Item = nix::Result<Vec<u8>>>> {
    let names = Dir::from_fd(directory)?.into_iter().map(|entry| Ok(entry?.file_name().to_bytes().to_vec()));
    Ok(names.filter(|name| !name.as_ref().is_ok_and(|name| is_dots(name))))
}

/// Returns whether it is `.` or `..`.
pub(super) fn is_dots(name: &[u8]) -> bool {
    matches!(name, b"." | b"..")
}
