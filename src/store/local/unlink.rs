//! Removes files and trees, following no link.
//!
//! A tree that nobody shall see again is flattened: directories at the second level are renamed into the top directory
//! until there are none. So it needs no stack, no path and only a few descriptors, however deep the tree, and each directory
//! is renamed once.
//!
//! A tree of which something may have to stay, or a directory that cannot be renamed, such as one of a lower layer of an
//! overlay, is removed in place, depth first. That crosses no mount point, and holds a few descriptors at any depth, and a
//! name for each level. It ascends by `..`, after checking that this is still the directory it descended from.

use std::cell::RefCell;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag, openat, renameat};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{
    DIRECTORY, EntryAt, FileId, HANDLE, errno_of, file_id, fresh_name, names_in, open_beneath, reopen,
};

/// Renames an entry to a name that no client sees, and returns that name.
pub(super) fn hide(entry: &EntryAt) -> nix::Result<Vec<u8>> {
    let hidden = fresh_name();
    // It is unique: `RENAME_NOREPLACE`, which not every file system supports, is not needed.
    renameat(&entry.parent, entry.last.as_slice(), &entry.parent, hidden.as_slice())?;
    Ok(hidden)
}

/// Removes a file, or a directory with everything in it, also from directories that are write-protected and belong to this
/// process. Several threads may do so concurrently.
pub(super) fn remove(parent: &OwnedFd, last: &[u8]) -> nix::Result<()> {
    match remove_flattened(parent, last) {
        Err(Errno::EACCES) => remove_in_place(parent, last, &TreeDeletion::new(&|| ())),
        removed => removed,
    }
}

fn remove_flattened(parent: &OwnedFd, last: &[u8]) -> nix::Result<()> {
    if !is_left(unlinkat(parent, last, UnlinkatFlags::NoRemoveDir))? {
        return Ok(());
    }
    while is_left(unlinkat(parent, last, UnlinkatFlags::RemoveDir))? {
        let Some(top) = open_to_clear(parent, last, DIRECTORY)? else { return Ok(()) };
        for name in names_in(top.try_clone().map_err(errno_of)?)? {
            let name = name?;
            match flatten(&top, &name) {
                Err(Errno::EXDEV) => remove_in_place(&top, &name, &RemoveAll)?,
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

/// How often a directory that was emptied may be found not empty when it is removed.
const TRIES: u32 = 128;

/// How the entries of a directory are removed in place. An error stops the removal.
pub(super) trait Removal {
    /// Called with each directory before anything in it is removed.
    fn enter(&self, _directory: &OwnedFd) -> nix::Result<()> {
        Ok(())
    }

    /// Removes a file or an empty directory; true where a directory with entries is left.
    fn remove(&self, directory: &OwnedFd, name: &[u8]) -> nix::Result<bool> {
        is_left_of(directory, name)
    }
}

/// The removal of everything.
pub(super) struct RemoveAll;

impl Removal for RemoveAll {}

/// The removal of a tree. Directories that are write-protected but belong to this process get all permissions of their owner
/// first.
pub(super) struct TreeDeletion<'a> {
    /// Called after each entry that is not a directory.
    count: &'a dyn Fn(),
    /// The directories that got permissions, and their modes before.
    opened: RefCell<Vec<(OwnedFd, u32)>>,
}

/// All permissions of the owner.
const OWNER: u32 = 0o700;

/// Of how many directories the modes are restored where a removal fails: each takes a descriptor until then.
const RESTORED_MAX: usize = 64;

impl<'a> TreeDeletion<'a> {
    pub fn new(count: &'a dyn Fn()) -> Self {
        TreeDeletion { count, opened: RefCell::default() }
    }

    /// Takes the permissions back from what is left.
    pub fn restore_modes(&self) {
        for (directory, mode) in self.opened.borrow().iter().rev() {
            // Ignore the error: the one of the removal is returned.
            let _ = set_mode(directory, *mode);
        }
    }
}

impl Removal for TreeDeletion<'_> {
    fn enter(&self, directory: &OwnedFd) -> nix::Result<()> {
        let mode = fstat(directory)?.st_mode & 0o7777;
        if mode & OWNER == OWNER || set_mode(directory, mode | OWNER).is_err() {
            return Ok(());
        }
        let mut opened = self.opened.borrow_mut();
        if opened.len() == RESTORED_MAX {
            opened.retain(|(directory, _)| fstat(directory).is_ok_and(|stat| stat.st_nlink > 0));
        }
        if opened.len() < RESTORED_MAX {
            opened.push((directory.try_clone().map_err(errno_of)?, mode));
        }
        Ok(())
    }

    fn remove(&self, directory: &OwnedFd, name: &[u8]) -> nix::Result<bool> {
        if is_left(unlinkat(directory, name, UnlinkatFlags::NoRemoveDir))? {
            return is_left(unlinkat(directory, name, UnlinkatFlags::RemoveDir));
        }
        (self.count)();
        Ok(false)
    }
}

/// Sets the mode of a directory, also by a handle without permissions.
fn set_mode(directory: &OwnedFd, mode: u32) -> io::Result<()> {
    fs::set_permissions(format!("/proc/self/fd/{}", directory.as_raw_fd()), Permissions::from_mode(mode))
}

/// How many directories above are read at once. One further above is read again when the removal is back in it.
const LISTS_OPEN: usize = 8;

/// A directory on the way down: its parent, its name there, and the names in it that are still to come.
struct Level<N> {
    above: FileId,
    name: Vec<u8>,
    names: Option<N>,
}

/// Removes a directory with everything in it. Stops at the first entry that `removal` keeps; what is left stays under
/// its name.
pub(super) fn remove_in_place(parent: &OwnedFd, last: &[u8], removal: &dyn Removal) -> nix::Result<()> {
    let mut here = parent.try_clone().map_err(errno_of)?;
    let (mut levels, mut tries) = (Vec::new(), 0);
    let mut next = Some(last.to_vec());
    loop {
        if let Some(name) = next.take()
            && let Some(child) = open_to_clear(&here, &name, HANDLE | OFlag::O_DIRECTORY)?
        {
            removal.enter(&child)?;
            let distant = levels.len().checked_sub(LISTS_OPEN).and_then(|at| levels.get_mut(at));
            distant.into_iter().for_each(|level: &mut Level<_>| level.names = None);
            levels.push(Level { above: file_id(&fstat(&here)?), name, names: None });
            here = child;
        }
        let Some(level) = levels.last_mut() else { return Ok(()) };
        let names = match &mut level.names {
            Some(names) => names,
            none => none.insert(names_in(reopen(&here)?)?),
        };
        next = first_left(names, &here, removal)?;
        if next.is_some() {
            continue;
        }
        let Some(Level { above, name, .. }) = levels.pop() else { return Ok(()) };
        here = open_above(&here, above)?;
        if is_left(unlinkat(&here, name.as_slice(), UnlinkatFlags::RemoveDir))? {
            tries += 1;
            if tries > TRIES {
                return Err(Errno::ENOTEMPTY);
            }
            next = Some(name);
        } else {
            tries = 0;
        }
    }
}

/// Removes the entries of a directory up to the first directory that is not empty, whose name is returned.
fn first_left(
    names: &mut impl Iterator<Item = nix::Result<Vec<u8>>>,
    directory: &OwnedFd,
    removal: &dyn Removal,
) -> nix::Result<Option<Vec<u8>>> {
    for name in names {
        let name = name?;
        if removal.remove(directory, &name)? {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Opens a directory to remove its entries; `None` if it does not exist.
pub(super) fn open_to_clear(parent: &OwnedFd, name: &[u8], flags: OFlag) -> nix::Result<Option<OwnedFd>> {
    let resolve = ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_XDEV;
    match open_beneath(parent, name, flags, resolve) {
        Err(Errno::ENOENT) => Ok(None),
        // A mount point, whose files do not belong to this tree.
        Err(Errno::EXDEV) => Err(Errno::EBUSY),
        opened => opened.map(Some),
    }
}

/// Removes a file or an empty directory; true where a directory with entries is left.
pub(super) fn is_left_of(parent: &OwnedFd, name: &[u8]) -> nix::Result<bool> {
    Ok(is_left(unlinkat(parent, name, UnlinkatFlags::NoRemoveDir))?
        && is_left(unlinkat(parent, name, UnlinkatFlags::RemoveDir))?)
}

/// Opens the parent directory; an error where it is no longer the expected one.
fn open_above(directory: &OwnedFd, expected: FileId) -> nix::Result<OwnedFd> {
    let above = openat(directory, "..", HANDLE | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    if file_id(&fstat(&above)?) == expected { Ok(above) } else { Err(Errno::EAGAIN) }
}

/// Returns whether an entry still exists after the removal: it is a directory, or one that is not empty.
pub(super) fn is_left(removed: nix::Result<()>) -> nix::Result<bool> {
    match removed {
        Ok(()) | Err(Errno::ENOENT) => Ok(false),
        Err(Errno::EISDIR | Errno::ENOTEMPTY | Errno::EEXIST) => Ok(true),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_tree_goes_with_all_in_it_and_what_links_lead_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("kept"), "").unwrap();
        let mut deep = folder.path().join("d");
        for level in 0..40 {
            fs::create_dir_all(deep.join("empty")).unwrap();
            fs::write(deep.join("f"), format!("{level}")).unwrap();
            symlink(folder.path(), deep.join("link")).unwrap();
            deep.push("deeper");
        }
        let parent = OwnedFd::from(File::open(folder.path()).unwrap());
        remove_in_place(&parent, b"d", &RemoveAll).unwrap();
        remove_in_place(&parent, b"d", &RemoveAll).unwrap();
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["kept"]);
    }

    #[test]
    fn what_must_not_go_ends_it() {
        struct Keep;
        impl Removal for Keep {
            fn remove(&self, _: &OwnedFd, _: &[u8]) -> nix::Result<bool> {
                Err(Errno::EPERM)
            }
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("d/e")).unwrap();
        fs::write(folder.path().join("d/e/f"), "").unwrap();
        let parent = OwnedFd::from(File::open(folder.path()).unwrap());
        assert_eq!(remove_in_place(&parent, b"d", &Keep), Err(Errno::EPERM));
        assert!(folder.path().join("d/e/f").exists());
    }
}
