//! Deletes what FROM lacks, entry by entry, as far as it still is what was listed when it was decided. What somebody else
//! has changed or added since, and what is not covered, stays with its directory.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use super::job::Deletion;
use super::synchronization::Synchronization;
use super::tally::Tally;
use super::transfer::changed;
use super::tree::{EntryKind, LINK, Tree, TreeEntry, version_of};
use crate::client::{Client, Precondition, Tag};
use crate::error::{Error, ErrorKind, Result};

/// Passes the deletions of an entry of TO to `add`, as far as it is covered; that of a directory after those of its entries.
/// Returns whether nothing of it stays.
pub(super) fn plan(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    entry: &TreeEntry,
    add: &mut dyn FnMut(Deletion) -> Result<()>,
) -> Result<bool> {
    plan_counted(sync, client, (path, entry), true, add)
}

fn plan_counted(
    sync: &Synchronization,
    client: &mut Client,
    (path, entry): (&[u8], &TreeEntry),
    is_counted: bool,
    add: &mut dyn FnMut(Deletion) -> Result<()>,
) -> Result<bool> {
    let Synchronization { rules, to, .. } = sync;
    if !rules.covers_some(path, entry.is_directory()) {
        return Ok(false);
    }
    let mut is_all = true;
    // A dry run names a directory only, unless something of it may stay.
    if entry.is_directory() && (rules.has_globs || !sync.is_dry) {
        for inner in to.list(client, path)? {
            let below = [path, b"/", &inner.name].concat();
            is_all &= plan_counted(sync, client, (&below, &inner), rules.has_globs, add)?;
        }
    }
    if !is_all || !rules.covers(path, entry.is_directory()) {
        return Ok(false);
    }
    let version = match to {
        Tree::Stored(_) if entry.is_link => LINK.to_owned(),
        // It changes with each entry that is deleted.
        _ if entry.is_directory() => String::new(),
        _ => entry.version.clone(),
    };
    let (path, kind) = (path.to_vec(), entry.kind);
    add(Deletion { path, kind, version, is_counted })?;
    Ok(true)
}

/// Deletes an entry of TO if it still is what was listed; a directory only if it is empty. `listed` are the entries of its
/// directory, if they were just read.
pub(super) fn remove(
    sync: &Synchronization,
    tally: &Tally,
    client: &mut Client,
    deletion: &Deletion,
    listed: Option<&[TreeEntry]>,
) -> Result<()> {
    let Deletion { path, kind, is_counted, .. } = deletion;
    let is_directory = *kind == EntryKind::Directory;
    let outcome = match &sync.to {
        _ if sync.is_dry => sync.list_change("delete", path, is_directory).map(|()| true),
        Tree::Stored(_) => remove_stored(sync, client, deletion, listed),
        Tree::Local(_) => remove_local(sync, deletion),
    };
    match outcome {
        // Somebody else has deleted it.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => Err(changed(sync, path)),
        Err(error) => Err(error),
        Ok(true) if *is_counted => {
            tally.count_deleted();
            Ok(())
        }
        Ok(false) if *is_counted => Err(Error::precondition_failed(
            sync.to.shown(path, true),
            "is not empty: somebody else has written to it meanwhile, or part of it could not be deleted",
        )),
        // The directory that it would have gone with tells of it.
        Ok(_) => Ok(()),
    }
}

/// Deletes an entry on the server. Returns false for a directory that is not empty.
fn remove_stored(
    sync: &Synchronization,
    client: &mut Client,
    deletion: &Deletion,
    listed: Option<&[TreeEntry]>,
) -> Result<bool> {
    let Deletion { path, kind, version, .. } = deletion;
    // The server would delete a directory with all in it.
    if *kind == EntryKind::Directory && !sync.to.list(client, path)?.is_empty() {
        return Ok(false);
    }
    if version == LINK {
        match listed {
            Some(listed) => require_link(sync, listed, deletion)?,
            None => require_link(sync, &sync.to.list(client, deletion.parent())?, deletion)?,
        }
    }
    // A symbolic link to a directory is named like one, and only the link is deleted.
    let name = sync.to.stored(path, *kind != EntryKind::File);
    client.delete(&name, &Precondition::on(Tag::from_server(version.clone()))).map(|()| true)
}

/// Requires that a name on the server still is that of a symbolic link. The list is sorted.
fn require_link(sync: &Synchronization, listed: &[TreeEntry], deletion: &Deletion) -> Result<()> {
    let path = &deletion.path;
    let base = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let found = listed.binary_search_by(|entry| entry.name.as_slice().cmp(base)).ok();
    match found.and_then(|at| listed.get(at)) {
        Some(entry) if entry.is_link => Ok(()),
        Some(_) => Err(changed(sync, path)),
        None => Err(Error::not_found(sync.to.shown(path, false), "is not there any more")),
    }
}

/// Deletes a local entry. Returns false for a directory that is not empty.
fn remove_local(sync: &Synchronization, deletion: &Deletion) -> Result<bool> {
    let local = sync.to.local(&deletion.path);
    let removed = match deletion.kind {
        EntryKind::Directory => match fs::remove_dir(&local) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(false),
            removed => removed,
        },
        _ => match version_of(&local)? {
            Some(version) if version.is(&deletion.version) => fs::remove_file(&local),
            Some(_) => return Err(changed(sync, &deletion.path)),
            None => return Ok(true),
        },
    };
    removed.map(|()| true).map_err(|error| Error::io(local.as_os_str().as_bytes(), error))
}
