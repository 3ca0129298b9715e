//! Transfers files and makes directories. A file is replaced only if it still is what the list said, and a local file
//! that is written to while it is sent is sent again.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;

use super::synchronization::Synchronization;
use super::tree::{Tree, TreeEntry, version_of};
use crate::client::ops::resumption::RESUMABLE_FROM;
use crate::client::output::destination::Destination;
use crate::client::output::part::PartOwner;
use crate::client::{BodySource, Client, Output, Precondition, Retries, Sink, Tag};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Query;
use crate::http::digest::{Digest, Hasher};
use crate::http::time::parse_rfc3339;

/// How often a file that changes while it is sent is sent again.
const CHANGES_MAX: u32 = 4;

/// Sends or fetches a file; with `compares` only if the contents differ. Returns whether they did.
pub(super) fn transfer(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    (from, to): (&TreeEntry, Option<TreeEntry>),
    compares: bool,
) -> Result<bool> {
    if compares && digest(&sync.from, client, path)? == digest(&sync.to, client, path)? {
        return Ok(false);
    }
    match store(sync, client, path, (from, to.map(|to| to.version)), &mut |_| Ok(())) {
        // It has two names in TO, one of them a link, and was sent under the other one; or somebody else has sent the same.
        Err(error)
            if error.kind() == ErrorKind::PreconditionFailed
                && digest(&sync.to, client, path)
                    .is_ok_and(|have| digest(&sync.from, client, path).is_ok_and(|sent| sent == have)) => {}
        stored => stored?,
    }
    Ok(true)
}

/// Sends or fetches a file in place of something of another kind, which `clear` removes: right before the file is sent, or
/// when all of it was fetched.
pub(super) fn replace(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    from: &TreeEntry,
    clear: Clear<'_>,
) -> Result<()> {
    store(sync, client, path, (from, None), clear)
}

/// What makes way for a file that can be read.
type Clear<'a> = &'a mut dyn FnMut(&mut Client) -> Result<()>;

fn store(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    (from, seen): (&TreeEntry, Option<String>),
    clear: Clear<'_>,
) -> Result<()> {
    match &sync.to {
        _ if sync.is_dry => clear(client).and_then(|()| sync.list_change("send", path, false)),
        Tree::Stored(_) => send(sync, client, path, seen, clear),
        Tree::Local(_) => fetch(sync, client, path, (from, seen), clear),
    }
}

/// Makes a directory of TO. If directories are made only for what is included in them, also those above it.
pub(super) fn make_directory(sync: &Synchronization, client: &mut Client, path: &[u8]) -> Result<()> {
    if sync.is_dry {
        return sync.list_change("make", path, true);
    }
    if sync.rules.has_include {
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            sync.to.make_directory(client, path.get(..at).unwrap_or_default())?;
        }
    }
    sync.to.make_directory(client, path)
}

/// Sends a local file, unless somebody else has stored something under its name since the list was read. A large one that
/// an earlier run has sent a part of is resumed.
fn send(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    seen: Option<String>,
    clear: Clear<'_>,
) -> Result<()> {
    let (local, name) = (sync.from.local(path), sync.to.stored(path, false));
    let precondition = match seen {
        None => Precondition { keep: true, tag: None },
        Some(tag) => Precondition::on(Tag::from_server(tag)),
    };
    let mut opened = Some(BodySource::open(&local)?);
    clear(client)?;
    let (mut changes, mut retries) = (0, Retries::new(client.retries()));
    loop {
        let source = opened.take().map_or_else(|| BodySource::open(&local), Ok)?.refuse_changes();
        let is_large = source.size().is_some_and(|size| size >= RESUMABLE_FROM);
        let resumed = if is_large { client.resume_put(&source, &name, &precondition) } else { Ok(None) };
        let stored = match resumed {
            Ok(Some(is_stored)) => Ok(is_stored),
            Ok(None) => client.put(source, &name, &Query::default(), &precondition),
            Err(error) => Err(error),
        };
        match stored {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(changed(sync, path)),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => return Err(changed(sync, path)),
            Err(error) if error.kind() == ErrorKind::Busy && changes < CHANGES_MAX => changes += 1,
            Err(error) => client.wait_to_retry(&mut retries, error)?,
        }
    }
}

/// Fetches a file, unless its local name has something else by now. A symbolic link is replaced, not followed: no file
/// outside the tree is written. A large one that an earlier run has received a part of is resumed.
fn fetch(
    sync: &Synchronization,
    client: &mut Client,
    path: &[u8],
    (from, seen): (&TreeEntry, Option<String>),
    clear: Clear<'_>,
) -> Result<()> {
    let (name, local) = (sync.from.stored(path, false), sync.to.local(path));
    let is_unchanged = || {
        version_of(&local).map(|version| match (version, &seen) {
            (Some(version), Some(seen)) => version.is(seen),
            (version, seen) => version.is_none() && seen.is_none(),
        })
    };
    if from.size >= RESUMABLE_FROM
        && let Some(mut part) = client.fetch_part(&name, &local, PartOwner::Sync, &|_| Ok(()))?
    {
        set_future_time(from, &mut part)?;
        clear(client)?;
        return match is_unchanged()? {
            true => part.commit(),
            false => {
                part.discard();
                Err(changed(sync, path))
            }
        };
    }
    let mut output = Output::at(Destination::File(local.clone()), &local)?;
    client.fetch(&name, &mut output, &|_| Ok(()))?;
    set_future_time(from, &mut output)?;
    clear(client)?;
    match is_unchanged()? {
        true => output.commit(),
        false => Err(changed(sync, path)),
    }
}

/// Gives a file that was fetched the time of the list where that is later: a server sends no time in the future in
/// `Last-Modified` (RFC 9110 §8.8.2.1), but lists it, and the file would be fetched again by each run.
fn set_future_time(from: &TreeEntry, sink: &mut impl Sink) -> Result<()> {
    let fetched = sink.draft().and_then(|file| file.metadata().and_then(|meta| meta.modified()).ok());
    match parse_rfc3339(&from.modified) {
        Some(listed) if fetched.is_some_and(|fetched| fetched < listed) => {
            sink.set_modified(listed).map_err(|error| Error::io(sink.name(), error))
        }
        _ => Ok(()),
    }
}

/// Makes the error for something in TO that is not what the list said.
pub(super) fn changed(sync: &Synchronization, path: &[u8]) -> Error {
    Error::precondition_failed(
        sync.to.shown(path, false),
        "was changed by somebody else meanwhile: left as it is",
    )
}

fn digest(tree: &Tree, client: &mut Client, path: &[u8]) -> Result<Digest> {
    match tree {
        Tree::Stored(_) => client.digest(&tree.stored(path, false)),
        Tree::Local(_) => {
            let (local, mut hasher) = (tree.local(path), Hasher::default());
            let copied = File::open(&local).and_then(|mut file| io::copy(&mut file, &mut hasher));
            copied.map_err(|error| Error::io(local.as_os_str().as_bytes(), error))?;
            Ok(hasher.finish())
        }
    }
}
