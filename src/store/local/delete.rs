//! Deletes files and directories. A directory is renamed to a hidden name first, so that it disappears atomically, and
//! then removed; what of it cannot be removed is renamed back. A symbolic link itself is deleted, never its target.

use std::cell::RefCell;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{
    EntryAt, Removal, RemoveAll, Volume, absent, errno_of, hide, is_left, lookup, map_errno, remove_in_place,
    rename_to_free,
};
use crate::error::{Error, Result};
use crate::store::{Check, Kind, Name, ReportProgress};

/// Deletes what exists under a name. Where part of a directory could not be removed, that part is renamed back, and the error
/// is returned; where another thread has taken the name meanwhile, returns `Ok` with the error.
pub(super) fn delete(
    volume: &Volume,
    name: &Name,
    check: Check<'_>,
    report: ReportProgress<'_>,
) -> Result<Option<Error>> {
    let named = |errno| map_errno(name, errno);
    let entry = volume.root.existing_entry(name)?;
    let guard = volume.lock_names(&[&entry]).map_err(named)?;
    let found = lookup(&volume.root, name, &entry)?.require(name)?;
    match (found.meta.kind, name.is_directory()) {
        (Kind::File, true) => return Err(absent(name)),
        (Kind::Directory, false) => {
            let what = "is a directory: only with a final slash it is deleted, with all in it";
            return Err(Error::is_directory(name.shown(), what));
        }
        _ => check(Some(&found.meta))?,
    }
    if !found.is_tree() {
        let _deleted = volume.space().freeing.keep_open(&entry, &found.meta);
        entry.unlink().map_err(named)?;
        drop(guard);
        volume.sync.directory(&entry).map_err(named)?;
        return Ok(None);
    }
    volume.mounts.refuse(name, &entry)?;
    let hidden = hide(&entry);
    drop(guard);
    match hidden {
        Ok(hidden) => {
            // The name is gone: the rest is removed for a client that has disconnected too.
            let count = || drop(report(1, 0));
            let removed = volume.sync.directory(&entry);
            match removed.and_then(|()| remove_tree(&entry.parent, &hidden, &count)) {
                Ok(()) => Ok(None),
                Err(errno) => rename_back(volume, name, &entry, hidden, errno),
            }
        }
        // A directory of a lower layer of an overlay cannot be renamed: it is deleted under its name, as rm(1) does.
        Err(Errno::EXDEV) => remove_in_place(&entry.parent, &entry.last, &RemoveAll)
            .and_then(|()| volume.sync.directory(&entry))
            .map_or_else(|errno| Err(named(errno)), |()| Ok(None)),
        Err(errno) => Err(named(errno)),
    }
}

/// Removes a tree whose name is hidden already. What cannot be removed keeps its name, its place and its mode.
fn remove_tree(parent: &OwnedFd, hidden: &[u8], count: &dyn Fn()) -> nix::Result<()> {
    let deletion = TreeDeletion { count, opened: RefCell::default() };
    remove_in_place(parent, hidden, &deletion).inspect_err(|_| deletion.restore_modes())
}

/// The removal of a tree. Directories that are write-protected but belong to this process get all permissions of their owner
/// first.
struct TreeDeletion<'a> {
    /// Called after each entry that is not a directory.
    count: &'a dyn Fn(),
    /// The directories that got permissions and are still there, and their modes before.
    opened: RefCell<Vec<(OwnedFd, u32)>>,
}

impl Removal for TreeDeletion<'_> {
    fn enter(&self, directory: &OwnedFd) -> nix::Result<()> {
        let mode = fstat(directory)?.st_mode & 0o7777;
        if mode & OWNER == OWNER || set_mode(directory, mode | OWNER).is_err() {
            return Ok(());
        }
        let mut opened = self.opened.borrow_mut();
        // What was removed since is forgotten: at most those above are held.
        opened.retain(|(directory, _)| fstat(directory).is_ok_and(|stat| stat.st_nlink > 0));
        opened.push((directory.try_clone().map_err(errno_of)?, mode));
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

impl TreeDeletion<'_> {
    fn restore_modes(&self) {
        for (directory, mode) in self.opened.borrow().iter().rev() {
            // Ignore the error: the one of the removal is returned.
            let _ = set_mode(directory, *mode);
        }
    }
}

/// All permissions of the owner.
const OWNER: u32 = 0o700;

/// Sets the mode of a directory, also by a handle without permissions.
fn set_mode(directory: &OwnedFd, mode: u32) -> io::Result<()> {
    fs::set_permissions(format!("/proc/self/fd/{}", directory.as_raw_fd()), Permissions::from_mode(mode))
}

/// Renames what is left of a directory back to its name, and returns the error of the removal; returns `Ok` with an error for the
/// log where another entry has the name now.
fn rename_back(
    volume: &Volume,
    name: &Name,
    entry: &EntryAt,
    hidden: Vec<u8>,
    errno: Errno,
) -> Result<Option<Error>> {
    let named = |errno| map_errno(name, errno);
    let _guard = volume.lock_names(&[entry]).map_err(named)?;
    let left = not_removed(name, &hidden, errno);
    match rename_to_free(&entry.sibling(hidden).map_err(named)?, entry, true) {
        Ok(()) => volume.sync.directory(entry).and(Err(errno)).map_err(named),
        Err(_) => Ok(Some(left)),
    }
}

/// Returns the error of a directory that keeps space under a hidden name.
fn not_removed(name: &Name, hidden: &[u8], errno: Errno) -> Error {
    Error::io([&name.shown(), &b" as "[..], hidden].concat(), errno.into())
}
