//! Deletes files and directories. A directory is renamed to a hidden name first, so that it disappears atomically, and
//! then removed; what of it cannot be removed is renamed back. A symbolic link itself is deleted, never its target.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::errno::Errno;

use super::{
    DIRECTORY, EntryAt, RemoveAll, TreeDeletion, Volume, absent, hide, lookup, map_errno, remove_in_place,
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
    // A sweep leaves what is locked: it would take the hidden name for that of a leftover.
    let directory = entry.open(DIRECTORY).map(File::from);
    let _ = directory.as_ref().map(File::try_lock);
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
    let deletion = TreeDeletion::new(count);
    remove_in_place(parent, hidden, &deletion).inspect_err(|_| deletion.restore_modes())
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
