//! Removes files and trees, following no link.
//!
//! A tree is flattened: directories at the second level are renamed into the top directory until there are none. So it
//! needs no stack, no path and only a few descriptors, however deep the tree, and each directory is renamed once.

use std::os::fd::{AsFd, OwnedFd};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{ResolveFlag, renameat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::errors::errno_of;
use super::reserved::fresh_name;
use super::root::{DIRECTORY, EntryAt, open_beneath};
use super::unlink_in_place::{is_left, remove_in_place};
use super::walk::is_dots;

/// Renames an entry to a name that no client sees, and returns that name.
pub(super) fn hide(entry: &EntryAt) -> nix::Result<Vec<u8>> {
    let hidden = fresh_name();
    move_to(&entry.parent, &entry.last, &entry.parent, &hidden)?;
    Ok(hidden)
}

/// Removes a file, or a directory with everything in it. Several threads may do so concurrently.
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

/// Removes an entry of the top directory; the directories in it are renamed into the top. `EXDEV` where one cannot be.
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
    // The next round removes what was created in it meanwhile.
    is_left(unlinkat(top, name, UnlinkatFlags::RemoveDir)).map(drop)
}

/// Opens a directory twice, to remove entries and to read; `None` if it does not exist.
fn open_directory(parent: &OwnedFd, name: &[u8]) -> nix::Result<Option<(OwnedFd, Dir)>> {
    let resolve = ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    match open_beneath(parent, name, DIRECTORY, resolve) {
        Ok(handle) => Ok(Some((handle.try_clone().map_err(errno_of)?, Dir::from_fd(handle)?))),
        Err(Errno::ENOENT) => Ok(None),
        // A mount point, whose files do not belong to this tree.
        Err(Errno::EXDEV) => Err(Errno::EBUSY),
        Err(errno) => Err(errno),
    }
}

/// Renames to a fresh name, which is unique: `RENAME_NOREPLACE`, which not every file system supports, is not needed.
fn move_to(from: impl AsFd, name: &[u8], to: impl AsFd, new: &[u8]) -> nix::Result<()> {
    renameat(from, name, to, new)
}
