//! Deletes what FROM lacks. If some names are not covered, a directory is deleted entry by entry, and stays where
//! anything in it stays.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use super::synchronization::Synchronization;
use super::tally::Tally;
use super::transfer::{changed, version_of};
use super::tree::{EntryKind, Tree, TreeEntry};
use crate::client::{Client, Precondition, Tag};
use crate::error::{Error, ErrorKind, Result};

/// Deletes an entry of TO, and returns whether nothing is left of it.
pub(super) fn remove(
    sync: &Synchronization,
    tally: &Tally,
    client: &mut Client,
    path: &[u8],
    entry: &TreeEntry,
) -> Result<bool> {
    match entry.is_directory() && sync.rules.has_globs {
        true => remove_covered(sync, tally, client, path),
        false => remove_whole(sync, tally, client, path, entry).map(|()| true),
    }
}

/// Deletes what is covered in a directory of TO, and the directory if nothing is left in it.
fn remove_covered(sync: &Synchronization, tally: &Tally, client: &mut Client, path: &[u8]) -> Result<bool> {
    let mut is_empty = true;
    for entry in sync.to.list(client, path)? {
        let below = [path, b"/", &entry.name].concat();
        is_empty &= match entry.is_directory() {
            true => sync.rules.enters(&below) && remove_covered(sync, tally, client, &below)?,
            false if sync.rules.covers(&below, false) => {
                remove_whole(sync, tally, client, &below, &entry)?;
                true
            }
            false => false,
        };
    }
    let is_gone = is_empty && sync.rules.covers(path, true);
    if is_gone {
        let (name, modified, version) = (Vec::new(), String::new(), String::new());
        let entry = TreeEntry { name, kind: EntryKind::Directory, size: 0, modified, version };
        remove_whole(sync, tally, client, path, &entry)?;
    }
    Ok(is_gone)
}

/// Deletes an entry of TO with all in it. A file is kept if somebody else has changed it since the list was read; a
/// directory is not checked.
fn remove_whole(
    sync: &Synchronization,
    tally: &Tally,
    client: &mut Client,
    path: &[u8],
    entry: &TreeEntry,
) -> Result<()> {
    let outcome = match &sync.to {
        _ if sync.is_dry => sync.list_change("delete", path, entry.is_directory()),
        Tree::Stored(_) => {
            // A symbolic link to a directory is named like one, and only the link is deleted.
            let name = sync.to.stored(path, entry.kind != EntryKind::File);
            client.delete(&name, &Precondition::on(Tag::from_server(entry.version.clone())))
        }
        Tree::Local(_) => remove_local(sync, path, entry),
    };
    match outcome {
        // Somebody else has deleted it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => return Err(changed(sync, path)),
        outcome => outcome?,
    }
    tally.count_deleted();
    Ok(())
}

fn remove_local(sync: &Synchronization, path: &[u8], entry: &TreeEntry) -> Result<()> {
    let local = sync.to.local(path);
    let removed: io::Result<()> = match entry.kind {
        EntryKind::Directory if sync.rules.has_globs => fs::remove_dir(&local),
        EntryKind::Directory => fs::remove_dir_all(&local),
        _ => match version_of(&local)? {
            Some(version) if version == entry.version => fs::remove_file(&local),
            Some(_) => return Err(changed(sync, path)),
            None => return Err(Error::not_found(local.as_os_str().as_bytes(), "is not there any more")),
        },
    };
    removed.map_err(|error| Error::io(local.as_os_str().as_bytes(), error))
}
