//! What FROM has under one name, looked at before something of another kind makes way for it.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;

use super::synchronization::Synchronization;
use super::tree::{EntryKind, Tree, TreeEntry};
use crate::client::Client;
use crate::error::{Error, Result};

/// Requires that all that is covered of an entry of FROM can be read: lists directories, and opens files. Returns whether
/// there is anything to send.
pub(super) fn examine(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    entry: &TreeEntry,
) -> Result<bool> {
    let Synchronization { from, rules, .. } = sync;
    if !rules.covers_some(path, entry.is_directory()) {
        return Ok(false);
    }
    match (entry.kind, from) {
        (EntryKind::Other(_), _) => Ok(false),
        (EntryKind::File, Tree::Stored(_)) => {
            let name = from.stored(path, false);
            client.with_retries(|client| client.stat(&name)).map(|_| true)
        }
        (EntryKind::File, Tree::Local(_)) => {
            let local = from.local(path);
            let opened = File::open(&local).map_err(|error| Error::io(local.as_os_str().as_bytes(), error));
            opened.map(|_| true)
        }
        (EntryKind::Directory, _) => {
            let mut is_any = rules.covers(path, true);
            for inner in from.list_source(client, path)? {
                let below = [path, b"/", &inner.name].concat();
                is_any |= examine(sync, client, &below, &inner)?;
            }
            Ok(is_any)
        }
    }
}
