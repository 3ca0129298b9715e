//! Copies the bytes of a file into another, in the kernel (`copy_file_range`) where possible, and a tree into an empty
//! directory. A symbolic link to something within the tree is copied as a link; what is not served, and the daemon's own
//! files, are omitted.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, copy_file_range, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use nix::unistd::symlinkat;

use super::commit::set_modified;
use super::walk::stat;
use super::{
    ContentSnapshot, DIRECTORY, EntryAt, HANDLE, Lookup, READ, Reservation, Volume, Walk, WalkEntry,
    classify, file_type, is_regular, no_room, open_beneath, size_of, snapshot,
};
use crate::attributes::Attributes;
use crate::error::Error;
use crate::store::{Kind, Name, ReportProgress};

/// Copies everything beneath `base`, the directory `from`, into the empty directory `top`, which is to become `to`.
pub(super) fn fill(
    volume: &Volume,
    (from, to): (&Name, &Name),
    base: OwnedFd,
    top: &File,
    report: ReportProgress<'_>,
) -> io::Result<()> {
    let reservation = volume.space().reservation(fstat(top)?.st_dev);
    let mut copy = TreeCopy { volume, from, to, walk: Walk::new(base, true, stat)?, reservation, report };
    while let Some(found) = copy.walk.next() {
        let found = found?;
        if !found.is_temporary() {
            let (above, last) = found.split();
            let flags = HANDLE | OFlag::O_DIRECTORY;
            let parent = open_beneath(top, above, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)?;
            copy.add(&found, &EntryAt::new(parent, last.to_vec())?)?;
        }
    }
    Ok(())
}

/// A copy in progress.
struct TreeCopy<'a> {
    volume: &'a Volume,
    /// The directory that is copied.
    from: &'a Name,
    /// The name of the copy.
    to: &'a Name,
    walk: Walk<FileStat>,
    /// The space for the file that is being copied.
    reservation: Reservation,
    report: ReportProgress<'a>,
}

impl TreeCopy<'_> {
    fn add(&mut self, found: &WalkEntry<FileStat>, to: &EntryAt) -> io::Result<()> {
        match file_type(&found.details) {
            SFlag::S_IFDIR => self.add_directory(found, to),
            SFlag::S_IFREG => self.add_file(found, to),
            SFlag::S_IFLNK => self.add_link(found, to),
            _ => Ok(()),
        }
    }

    /// Makes a directory with the attributes of the original, but with all permissions for its owner, since files are
    /// still to be created in it.
    fn add_directory(&self, found: &WalkEntry<FileStat>, to: &EntryAt) -> io::Result<()> {
        mkdirat(&to.parent, to.last.as_slice(), Mode::S_IRWXU)?;
        let copy = open_beneath(&to.parent, &to.last, DIRECTORY, ResolveFlag::RESOLVE_NO_SYMLINKS)?;
        // The copy of a directory that was removed since it was listed stays empty.
        match self.walk.open(&found.path, DIRECTORY).or_else(|_| self.walk.open(&found.path, HANDLE)) {
            Ok(first) => attributes_of(first)?.open_to_owner().apply_to(&copy.into()).map(drop),
            Err(_) => Ok(()),
        }
    }

    /// Copies a file, unless it was removed since it was listed.
    fn add_file(&mut self, found: &WalkEntry<FileStat>, to: &EntryAt) -> io::Result<()> {
        self.reserve(to, size_of(&found.details))?;
        let file = match self.walk.open(&found.path, READ) {
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENXIO) => return Ok(()),
            opened => File::from(opened?),
        };
        if is_regular(&fstat(&file)?) { self.add_content(&file, to) } else { Ok(()) }
    }

    fn add_content(&mut self, file: &File, to: &EntryAt) -> io::Result<()> {
        let stat = fstat(file)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
        let copy = openat(&to.parent, to.last.as_slice(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?.into();
        let snapshot = snapshot::take(self.volume.snapshots, || self.volume.spools.make(), file, &stat)?;
        if let Some(all) = &snapshot {
            self.reserve(to, all.size())?;
        }
        let mut sink = ReservedFile { to: &copy, reservation: &mut self.reservation, report: self.report };
        copy_content(file, snapshot.as_ref(), size_of(&stat), &mut sink)?;
        set_modified(&copy, Some(stat.st_mtime))?;
        attributes_of(file)?.apply_to(&copy)?;
        (self.report)(1, 0)
    }

    /// Copies a symbolic link. From its new directory, one that leads out of the tree could lead to a file that the
    /// client has no right to read: its target is copied instead.
    fn add_link(&mut self, found: &WalkEntry<FileStat>, to: &EntryAt) -> io::Result<()> {
        let path = [self.from.components(), std::slice::from_ref(&found.path)].concat();
        let Lookup::Found(target) = classify(&self.volume.root, &path, found.details, None)? else {
            return Ok(());
        };
        if self.walk.stays_within(&found.path) {
            let (above, last) = found.split();
            let text = readlinkat(self.walk.open(above, HANDLE | OFlag::O_DIRECTORY)?, last)?;
            return Ok(symlinkat(text.as_os_str(), &to.parent, to.last.as_slice())?);
        }
        if target.meta.kind == Kind::Directory {
            let name = [self.from.shown(), found.path.clone()].concat();
            let what = "is a link to a directory outside of what is copied";
            return Err(Error::conflict(name, what).into());
        }
        self.reserve(to, target.meta.size)?;
        self.add_content(&self.volume.root.open_beneath(&path, READ)?.into(), to)
    }

    /// Reserves space for the next file, and releases what the last one did not spend. `NoSpace` where there is too
    /// little.
    fn reserve(&mut self, to: &EntryAt, size: u64) -> io::Result<()> {
        self.reservation.spend(u64::MAX);
        match self.reservation.grow(&to.parent, size, size)? {
            Some(_) => Ok(()),
            None => Err(no_room(self.to, size).into()),
        }
    }
}

/// Bytes per `copy_file_range`: after each call the reservation is spent, and the caller told.
const STEP: u64 = 16 << 20;

/// Copies the content of a file, whose space `sink` has reserved: the snapshot where one was taken, else the first `size`
/// bytes.
pub(super) fn copy_content(
    from: &File,
    snapshot: Option<&ContentSnapshot>,
    size: u64,
    sink: &mut ReservedFile<'_>,
) -> io::Result<()> {
    match snapshot {
        Some(all) => all.write_to(sink),
        None => transfer(from, size, sink),
    }
}

/// Reads the attributes that a copy gets: all but the owner, which is the daemon's user.
pub(super) fn attributes_of(first: impl AsFd) -> io::Result<Attributes> {
    Ok(Attributes::of(first)?.without_owner().without_special_bits())
}

/// Copies the first `size` bytes. Fewer are an error: the file was truncated meanwhile.
fn transfer(from: &File, size: u64, sink: &mut ReservedFile<'_>) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let step = usize::try_from(left.min(STEP)).unwrap_or(usize::MAX);
        match copy_file_range(from, None, sink.to, None, step) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => {
                left = left.saturating_sub(copied as u64);
                sink.spend(copied as u64)?;
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EXDEV | Errno::ENOSYS | Errno::EINVAL | Errno::EOPNOTSUPP) => {
                return stream(from, left, sink);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// Copies by read and write: between file systems, or without `copy_file_range`.
fn stream(from: &File, left: u64, sink: &mut ReservedFile<'_>) -> io::Result<()> {
    use io::Read;
    match io::copy(&mut from.take(left), sink)? {
        copied if copied < left => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// A file for which space was reserved; what is written spends the reservation.
pub(super) struct ReservedFile<'a> {
    /// The file.
    pub to: &'a File,
    /// The space.
    pub reservation: &'a mut Reservation,
    /// Is told what was written.
    pub report: ReportProgress<'a>,
}

impl ReservedFile<'_> {
    fn spend(&mut self, written: u64) -> io::Result<()> {
        self.reservation.spend(written);
        (self.report)(0, written)
    }
}

impl io::Write for ReservedFile<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.to.write(block)?;
        self.spend(written as u64)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::store::local::space::Space;

    #[test]
    fn both_ways_of_copying_stop_at_the_size_and_miss_no_byte() {
        type Way = fn(&File, u64, &mut ReservedFile<'_>) -> io::Result<()>;
        let ways: [Way; 2] = [transfer, stream];
        for way in ways {
            for (size, copied) in [(0, Some("")), (3, Some("con")), (7, Some("content")), (8, None)] {
                let (mut from, mut to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
                from.write_all(b"content").unwrap();
                from.rewind().unwrap();
                let reservation = &mut Space::default().reservation(0);
                let mut sink = ReservedFile { to: &to, reservation, report: &|_, _| Ok(()) };
                let done = way(&from, size, &mut sink);
                to.rewind().unwrap();
                match copied {
                    Some(copied) => assert_eq!(io::read_to_string(&to).unwrap(), copied),
                    None => assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof),
                }
            }
        }
    }
}
