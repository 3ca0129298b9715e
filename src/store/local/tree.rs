//! Fills an empty directory with what is in another. A link to something in it is copied as it is written; what is not
//! served, and what is the daemon's own, is left out.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, mkdirat};
use nix::unistd::symlinkat;

use super::copy::{Spending, attributes_of, transfer};
use super::draft::no_room;
use super::engine::Local;
use super::lookup::Standing;
use super::root::{DIRECTORY, HANDLE, READ, open_beneath};
use super::snapshot;
use super::space::Promise;
use super::stat::file_type;
use super::walk::{Found, Walk};
use crate::error::Error;
use crate::store::contract::Kind;
use crate::store::name::Name;

/// Copies all that is beneath `base`, the directory `from`, into the empty directory `top`.
pub(super) fn fill(local: &Local, from: &Name, base: OwnedFd, top: &File) -> io::Result<()> {
    let mut promise = local.space.promise(fstat(top)?.st_dev);
    let mut walk = Walk::new(base, true)?;
    while let Some(found) = walk.next() {
        let found = found?;
        if found.is_temporary() {
            continue;
        }
        let (above, last) = found.split();
        let parent = open_beneath(top, above, HANDLE | OFlag::O_DIRECTORY, ResolveFlag::RESOLVE_NO_SYMLINKS)?;
        match file_type(&found.stat) {
            SFlag::S_IFDIR => add_directory(&walk, &parent, last, &found)?,
            SFlag::S_IFREG => {
                let size = u64::try_from(found.stat.st_size).unwrap_or_default();
                let promise = promise_room(&mut promise, from, &parent, size)?;
                add_file(local, from, &walk, &parent, &found, promise)?;
            }
            SFlag::S_IFLNK => add_link(local, from, &walk, &parent, &found, &mut promise)?,
            _ => {}
        }
    }
    Ok(())
}

/// Has room promised for the next file; what the last one left over is given back. Errors have status 507.
fn promise_room<'p>(
    promise: &'p mut Promise,
    from: &Name,
    on: &OwnedFd,
    size: u64,
) -> io::Result<&'p mut Promise> {
    promise.spend(u64::MAX);
    match promise.grow(on, size, size)? {
        Some(_) => Ok(promise),
        None => Err(no_room(from, size).into()),
    }
}

/// A directory has what the first has, but its owner all permissions: it is still to be filled, and to be deleted one
/// day.
fn add_directory(walk: &Walk, parent: &OwnedFd, last: &[u8], found: &Found) -> io::Result<()> {
    mkdirat(parent, last, Mode::S_IRWXU)?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let copy = File::from(open_beneath(parent, last, flags, ResolveFlag::RESOLVE_NO_SYMLINKS)?);
    // One that has gone since it was found is empty.
    match walk.open(&found.path, DIRECTORY).or_else(|_| walk.open(&found.path, HANDLE)) {
        Ok(first) => attributes_of(first)?.open_to_owner().give(&copy).map(drop),
        Err(_) => Ok(()),
    }
}

/// A file that has gone since it was found is left out.
fn add_file(
    local: &Local,
    from: &Name,
    walk: &Walk,
    parent: &OwnedFd,
    found: &Found,
    promise: &mut Promise,
) -> io::Result<()> {
    let file = match walk.open(&found.path, READ) {
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP | Errno::ENXIO) => return Ok(()),
        opened => File::from(opened?),
    };
    let stat = fstat(&file)?;
    match file_type(&stat) {
        SFlag::S_IFREG => add_content(local, from, (&file, &stat), parent, found.split().1, promise),
        _ => Ok(()),
    }
}

fn add_content(
    local: &Local,
    from: &Name,
    (file, stat): (&File, &FileStat),
    parent: &OwnedFd,
    last: &[u8],
    promise: &mut Promise,
) -> io::Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let copy = File::from(openat(parent, last, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    match snapshot::take(local, file, stat)? {
        Some(all) => {
            let promise = promise_room(promise, from, parent, all.size())?;
            all.write_to(&mut Spending { to: &copy, promise })?;
        }
        None => transfer(file, &copy, u64::try_from(stat.st_size).unwrap_or_default(), promise)?,
    }
    attributes_of(file)?.give(&copy).map(drop)
}

/// Written elsewhere, a link that leads out of what is copied could lead to what its reader has no right to: as where
/// such a link is copied by itself, the file it leads to is.
fn add_link(
    local: &Local,
    from: &Name,
    walk: &Walk,
    parent: &OwnedFd,
    found: &Found,
    promise: &mut Promise,
) -> io::Result<()> {
    let way = [from.components(), std::slice::from_ref(&found.path)].concat();
    let (above, last) = found.split();
    let Standing::Served(served) = local.root.judge(&way, found.stat, None)? else { return Ok(()) };
    if walk.stays_within(&found.path) {
        let target = readlinkat(walk.open(above, HANDLE | OFlag::O_DIRECTORY)?, last)?;
        return Ok(symlinkat(target.as_os_str(), parent, last)?);
    }
    if served.meta.kind == Kind::Directory {
        let name = [from.shown(), found.path.clone()].concat();
        return Err(
            Error::status(409, name, "is a link to a directory, by a way out of what is copied").into()
        );
    }
    let promise = promise_room(promise, from, parent, served.meta.size)?;
    let file = File::from(local.root.descend(&way, READ)?);
    add_content(local, from, (&file, &fstat(&file)?), parent, last, promise)
}
