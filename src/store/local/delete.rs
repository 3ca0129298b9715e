//! Deleting. A directory first loses its name, so that it is gone at once and whole, and then its content. No link
//! is followed.
//!
//! A tree is taken down flat: what lies two levels deep is moved up one, until nothing does. So it needs neither a
//! stack nor a path nor more than a few descriptors, however deep the tree, and each directory moves once.

use std::os::fd::{AsFd, OwnedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, renameat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::engine::Local;
use super::root::{DIRECTORY, HANDLE, Place, absent, open_beneath, wrong};
use super::temporary::fresh_name;
use super::unlink_in_place::{is_left, remove_in_place};
use super::walk::{errno_of, is_dots};
use crate::error::{Error, Result};
use crate::store::contract::{Check, Kind};
use crate::store::name::Name;

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
        refuse_mounts(local, name, &place)?;
        let hidden = hide(&place);
        drop(held);
        return match hidden {
            Ok(doomed) => {
                local.durability.entry(&place).map_err(|errno| wrong(name, errno))?;
                let left = remove(&place.parent, &doomed).err();
                Ok(left.map(|errno| not_removed(name, &doomed, errno)))
            }
            Err(Errno::EXDEV) => delete_in_place(local, name, &place).map(|()| None),
            Err(errno) => Err(wrong(name, errno)),
        };
    }
    unlinkat(&place.parent, place.last.as_slice(), UnlinkatFlags::NoRemoveDir)
        .and_then(|()| {
            drop(held);
            local.durability.entry(&place)
        })
        .map_err(|errno| wrong(name, errno))?;
    Ok(None)
}

/// A directory of a lower layer of an overlay cannot be renamed (EXDEV), only emptied under its name, as rm(1) does.
fn delete_in_place(local: &Local, name: &Name, place: &Place) -> Result<()> {
    remove_in_place(&place.parent, &place.last, &|_, _| Ok(()))
        .and_then(|()| local.durability.entry(place))
        .map_err(|errno| wrong(name, errno))
}

/// Refuses to remove a directory with something mounted at it or beneath it: the system would keep that, and what is
/// around it would be gone.
pub(super) fn refuse_mounts(local: &Local, name: &Name, place: &Place) -> Result<()> {
    let flags = HANDLE | OFlag::O_DIRECTORY;
    match open_beneath(&place.parent, &place.last, flags, ResolveFlag::RESOLVE_NO_SYMLINKS) {
        Ok(directory) => match local.mounts.at_or_beneath(&directory) {
            Some(below) => {
                let mounted = [name.as_directory().shown(), below].concat();
                Err(Error::status(409, mounted, "is a mount point: unmount it first"))
            }
            None => Ok(()),
        },
        // It is none, or none any more: whoever removes it sees that.
        Err(_) => Ok(()),
    }
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
            let name = entry.file_name().to_bytes();
            if is_dots(name) {
                continue;
            }
            match flatten(&handle, name) {
                Err(Errno::EXDEV) => remove_in_place(&handle, name, &|_, _| Ok(()))?,
                flattened => flattened?,
            }
        }
    }
    Ok(())
}

/// Removes an entry of the top directory; the directories in it become entries of the top themselves. `EXDEV` where
/// one cannot be moved.
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

/// A directory to read, and a handle to change it by; nothing if it has gone.
fn open_directory(parent: &OwnedFd, name: &[u8]) -> nix::Result<Option<(OwnedFd, Dir)>> {
    let resolve = ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    match open_beneath(parent, name, DIRECTORY, resolve) {
        Ok(handle) => Ok(Some((handle.try_clone().map_err(errno_of)?, Dir::from_fd(handle)?))),
        Err(Errno::ENOENT) => Ok(None),
        // Something is mounted there, whose files are none of this tree.
        Err(Errno::EXDEV) => Err(Errno::EBUSY),
        Err(errno) => Err(errno),
    }
}

/// Nothing has a fresh name: it need not be asked whether one is taken, which not every file system can.
fn move_to(from: impl AsFd, name: &[u8], to: impl AsFd, new: &[u8]) -> nix::Result<()> {
    renameat(from, name, to, new)
}
