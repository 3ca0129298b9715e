//! Deleting. A directory first loses its name, so that it is gone at once and whole, and then its content. No link
//! is followed.
//!
//! A tree is taken down flat: what lies two levels deep is moved up one, until nothing does. So it needs neither a
//! stack nor a path nor more than a few descriptors, however deep the tree, and each directory moves once.

use std::os::fd::{AsFd, OwnedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::beneath::{Place, absent, wrong};
use super::local::Local;
use super::temporary::fresh_name;
use super::walk::{errno_of, is_dots};
use super::{Check, Kind, Name};
use crate::error::{Error, Result};

/// Deletes what stands under a name: a link is deleted itself, what it leads to stays. What of a directory cannot be
/// removed is given back as an error: its name is gone all the same.
pub(super) fn delete(local: &Local, name: &Name, check: Check<'_>) -> Result<Option<Error>> {
    let place = local.root.place_of(name)?;
    let held = local.locks.hold(vec![place.key()]);
    let standing = local.root.look(name.components(), &place).map_err(|errno| wrong(name, errno))?;
    let served = standing.served().ok_or_else(|| absent(name))?;
    match (served.meta.kind, name.is_directory()) {
        (Kind::File, true) => return Err(absent(name)),
        (Kind::Directory, false) => {
            let what = "is a directory: only with a final slash it is deleted, with all in it";
            return Err(Error::status(409, name.shown(), what));
        }
        _ => check(Some(&served.meta))?,
    }
    if served.is_tree() {
        let doomed = hide(&place).map_err(|errno| wrong(name, errno))?;
        drop(held);
        local.durability.entry(&place).map_err(|errno| wrong(name, errno))?;
        let left = remove(&place.parent, &doomed).err();
        return Ok(left.map(|errno| not_removed(name, &doomed, errno)));
    }
    unlinkat(&place.parent, place.last.as_slice(), UnlinkatFlags::NoRemoveDir)
        .and_then(|()| {
            drop(held);
            local.durability.entry(&place)
        })
        .map_err(|errno| wrong(name, errno))?;
    Ok(None)
}

/// What cannot be removed takes room under a name that no client sees.
pub(super) fn not_removed(name: &Name, hidden: &[u8], errno: Errno) -> Error {
    let hidden = [b" as ", hidden].concat();
    Error::io([name.shown(), hidden].concat(), errno.into())
}

/// Takes something's name away; it has one of the daemon's own then.
pub(super) fn hide(place: &Place) -> nix::Result<Vec<u8>> {
    let hidden = fresh_name();
    move_to(&place.parent, &place.last, &place.parent, &hidden)?;
    Ok(hidden)
}

/// Removes a file, or a directory with all in it, following no link. Others may do the same at the same time.
pub(super) fn remove(parent: &OwnedFd, last: &[u8]) -> nix::Result<()> {
    if !is_left(unlinkat(parent, last, UnlinkatFlags::NoRemoveDir))? {
        return Ok(());
    }
    while is_left(unlinkat(parent, last, UnlinkatFlags::RemoveDir))? {
        let Some((handle, mut top)) = open_directory(parent, last)? else { return Ok(()) };
        for entry in top.iter() {
            let entry = entry?;
            if !is_dots(entry.file_name().to_bytes()) {
                flatten(&handle, entry.file_name().to_bytes())?;
            }
        }
    }
    Ok(())
}

/// Removes an entry of the top directory; the directories in it become entries of the top themselves.
fn flatten(top: &OwnedFd, name: &[u8]) -> nix::Result<()> {
    if !is_left(unlinkat(top, name, UnlinkatFlags::NoRemoveDir))?
        || !is_left(unlinkat(top, name, UnlinkatFlags::RemoveDir))?
    {
        return Ok(());
    }
    let Some((handle, mut directory)) = open_directory(top, name)? else { return Ok(()) };
    for entry in directory.iter() {
        let entry = entry?;
        let inner = entry.file_name().to_bytes();
        if !is_dots(inner) && is_left(unlinkat(&handle, inner, UnlinkatFlags::NoRemoveDir))? {
            match move_to(&handle, inner, top, &fresh_name()) {
                Err(Errno::ENOENT) => {}
                moved => moved?,
            }
        }
    }
    // What came into it meanwhile is found on the next round.
    is_left(unlinkat(top, name, UnlinkatFlags::RemoveDir)).map(drop)
}

/// Whether an entry is still there after it was to be removed: it is a directory, or one that is not empty.
fn is_left(removed: nix::Result<()>) -> nix::Result<bool> {
    match removed {
        Ok(()) | Err(Errno::ENOENT) => Ok(false),
        Err(Errno::EISDIR | Errno::ENOTEMPTY | Errno::EEXIST) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// A directory to read, and a handle to change it by; nothing if it has gone.
fn open_directory(parent: &OwnedFd, name: &[u8]) -> nix::Result<Option<(OwnedFd, Dir)>> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Ok(handle) => Ok(Some((handle.try_clone().map_err(errno_of)?, Dir::from_fd(handle)?))),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Nothing has a fresh name: it need not be asked whether one is taken, which not every file system can.
fn move_to(from: impl AsFd, name: &[u8], to: impl AsFd, new: &[u8]) -> nix::Result<()> {
    renameat(from, name, to, new)
}
