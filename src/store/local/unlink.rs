//! Removes files and trees, following no link.
//!
//! A tree is flattened: directories at the second level are renamed into the top directory until there are none. So it
//! needs no stack, no path and only a few descriptors, however deep the tree, and each directory is renamed once.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::errors::errno_of;
use super::reserved::fresh_name;
use super::root::{DIRECTORY, EntryAt};
use super::unlink_in_place::{is_left, is_left_of, open_to_clear, remove_in_place};
use super::walk::names_in;

/// Renames an entry to a name that no client sees, and returns that name.
pub(super) fn hide(entry: &EntryAt) -> nix::Result<Vec<u8>> {
    let hidden = fresh_name();
    // It is unique: `RENAME_NOREPLACE`, which not every file system supports, is not needed.
    renameat(&entry.parent, entry.last.as_slice(), &entry.parent, hidden.as_slice())?;
    Ok(hidden)
}

/// Removes a file, or a directory with everything in it. Several threads may do so concurrently.
pub(super) fn remove(parent: &OwnedFd, last: &[u8]) -> nix::Result<()> {
    if !is_left(unlinkat(parent, last, UnlinkatFlags::NoRemoveDir))? {
        return Ok(());
    }
    while is_left(unlinkat(parent, last, UnlinkatFlags::RemoveDir))? {
        let Some(top) = open_to_clear(parent, last, DIRECTORY)? else { return Ok(()) };
        for name in names_in(top.try_clone().map_err(errno_of)?)? {
            let name = name?;
            match flatten(&top, &name) {
                Err(Errno::EXDEV) => remove_in_place(&top, &name, &|_, _| Ok(()))?,
                flattened => flattened?,
            }
        }
    }
    Ok(())
}

/// Removes an entry of the top directory; the directories in it are renamed into the top. `EXDEV` where one cannot be.
fn flatten(top: &OwnedFd, name: &[u8]) -> nix::Result<()> {
    if !is_left_of(top, name)? {
        return Ok(());
    }
    let Some(directory) = open_to_clear(top, name, DIRECTORY)? else { return Ok(()) };
    for inner in names_in(directory.try_clone().map_err(errno_of)?)? {
        let inner = inner?;
        if is_left(unlinkat(&directory, inner.as_slice(), UnlinkatFlags::NoRemoveDir))? {
            match renameat(&directory, inner.as_slice(), top, fresh_name().as_slice()) {
                Err(Errno::ENOENT) => {}
                moved => moved?,
            }
        }
    }
    // The next round removes what was created in it meanwhile.
    is_left(unlinkat(top, name, UnlinkatFlags::RemoveDir)).map(drop)
}
