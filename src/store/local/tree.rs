//! Copies a tree into an empty directory. A symbolic link to something within the tree is copied as a link; what is not
//! served, and the daemon's own files, are omitted.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use nix::unistd::symlinkat;

use super::errors::no_room;
use super::lookup::{Lookup, classify};
use super::root::{DIRECTORY, HANDLE, READ, open_beneath};
use super::snapshot;
use super::space::Reservation;
use super::stat::file_type;
use super::transfer::{attributes_of, copy_content};
use super::volume::Volume;
use super::walk::{Walk, WalkEntry};
use crate::error::Error;
use crate::store::contract::Kind;
use crate::store::name::Name;

/// Copies everything beneath `base`, the directory `from`, into the empty directory `top`.
pub(super) fn fill(volume: &Volume, from: &Name, base: OwnedFd, top: &File) -> io::Result<()> {
    let mut reservation = volume.space().reservation(fstat(top)?.st_dev);
    let mut walk = Walk::new(base, true)?;
    while let Some(found) = walk.next() {
        let found = found?;
        if found.is_temporary() {
            continue;
        }
        let (above, last) = found.split();
        let parent = open_beneath(top, above, HANDLE | OFlag::O_DIRECTORY, ResolveFlag::RESOLVE_NO_SYMLINKS)?;
        match file_type(&found.details) {
            SFlag::S_IFDIR => add_directory(&walk, &parent, last, &found)?,
            SFlag::S_IFREG => {
                let size = u64::try_from(found.details.st_size).unwrap_or_default();
                reserve(&mut reservation, from, &parent, size)?;
                add_file(volume, from, &walk, &parent, &found, &mut reservation)?;
            }
            SFlag::S_IFLNK => add_link(volume, from, &walk, &parent, &found, &mut reservation)?,
            _ => {}
        }
    }
    Ok(())
}

/// Reserves space for the next file, and releases what the last one did not spend. `NoSpace` where there is too little.
fn reserve(reservation: &mut Reservation, from: &Name, on: &OwnedFd, size: u64) -> io::Result<()> {
    reservation.spend(u64::MAX);
    match reservation.grow(on, size, size)? {
        Some(_) => Ok(()),
        None => Err(no_room(from, size).into()),
    }
}

/// Makes a directory with the attributes of the original, but with all permissions for its owner, since files are still
/// to be created in it.
fn add_directory(
    walk: &Walk<FileStat>,
    parent: &OwnedFd,
    last: &[u8],
    found: &WalkEntry<FileStat>,
) -> io::Result<()> {
    mkdirat(parent, last, Mode::S_IRWXU)?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let copy = File::from(open_beneath(parent, last, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)?);
    // The copy of a directory that was removed since it was listed stays empty.
    match walk.open(&found.path, DIRECTORY).or_else(|_| walk.open(&found.path, HANDLE)) {
        Ok(first) => attributes_of(first)?.open_to_owner().give(&copy).map(drop),
        Err(_) => Ok(()),
    }
}

/// Copies a file, unless it was removed since it was listed.
fn add_file(
    volume: &Volume,
    from: &Name,
    walk: &Walk<FileStat>,
    parent: &OwnedFd,
    found: &WalkEntry<FileStat>,
    reservation: &mut Reservation,
) -> io::Result<()> {
    let file = match walk.open(&found.path, READ) {
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENXIO) => return Ok(()),
        opened => File::from(opened?),
    };
    let stat = fstat(&file)?;
    match file_type(&stat) {
        SFlag::S_IFREG => add_content(volume, from, (&file, &stat), parent, found.split().1, reservation),
        _ => Ok(()),
    }
}

fn add_content(
    volume: &Volume,
    from: &Name,
    (file, stat): (&File, &FileStat),
    parent: &OwnedFd,
    last: &[u8],
    reservation: &mut Reservation,
) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let copy = File::from(openat(parent, last, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    let snapshot = snapshot::take(volume.snapshots, || volume.spools.make(), file, stat)?;
    if let Some(all) = &snapshot {
        reserve(reservation, from, parent, all.size())?;
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    copy_content(file, snapshot.as_ref(), size, &copy, reservation)?;
    attributes_of(file)?.give(&copy).map(drop)
}

/// Copies a symbolic link. From its new directory, one that leads out of the tree could lead to a file that the client
/// has no right to read: its target is copied instead.
fn add_link(
    volume: &Volume,
    from: &Name,
    walk: &Walk<FileStat>,
    parent: &OwnedFd,
    found: &WalkEntry<FileStat>,
    reservation: &mut Reservation,
) -> io::Result<()> {
    let path = [from.components(), std::slice::from_ref(&found.path)].concat();
    let (above, last) = found.split();
    let Lookup::Found(target) = classify(&volume.root, &path, found.details, None)? else { return Ok(()) };
    if walk.stays_within(&found.path) {
        let text = readlinkat(walk.open(above, HANDLE | OFlag::O_DIRECTORY)?, last)?;
        return Ok(symlinkat(text.as_os_str(), parent, last)?);
    }
    if target.meta.kind == Kind::Directory {
        let name = [from.shown(), found.path.clone()].concat();
        return Err(Error::conflict(name, "is a link to a directory, by a way out of what is copied").into());
    }
    reserve(reservation, from, parent, target.meta.size)?;
    let file = File::from(volume.root.open_beneath(&path, READ)?);
    add_content(volume, from, (&file, &fstat(&file)?), parent, last, reservation)
}
