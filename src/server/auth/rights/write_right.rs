//! The right to write to a name. What exists there decides which right that is, so it is checked with the condition of the
//! write: when the write begins, and again under the lock of the name when it is committed.

use crate::error::Result;
use crate::server::auth::rights::lock_check::LockCheck;
use crate::server::auth::{AuthorizedStore, Verb};
use crate::store::{Check, Kind, Meta, Name};

/// Checks the right to write a file to `name`, that no lock is in the way, and then `check`. The first content of a file that a
/// LOCK of the client has made counts as its creation.
pub(super) fn with_right<'c>(
    store: &'c AuthorizedStore,
    name: &'c Name,
    locks: &'c LockCheck<'_>,
    check: Check<'c>,
) -> impl Fn(Option<&Meta>) -> Result<()> + 'c {
    move |existing| {
        match locks.is_unfilled(name, existing) {
            true => store.require_any(&[Verb::Create, Verb::Replace], name, false)?,
            false => require_write(store, name, false, existing)?,
        }
        locks.require_write(name, existing, is_directory(existing))?;
        check(existing)
    }
}

/// Returns whether a directory is there, which goes with all in it where it is replaced.
pub(super) fn is_directory(existing: Option<&Meta>) -> bool {
    existing.is_some_and(|meta| meta.kind == Kind::Directory)
}

/// Checks the right to write to a name, given what exists there now: `create` or `replace`. `tree` tells that a whole
/// directory is written, for which the rights must cover everything beneath. Replacing a directory also needs `delete` of
/// everything in it.
pub(super) fn require_write(
    store: &AuthorizedStore,
    name: &Name,
    tree: bool,
    existing: Option<&Meta>,
) -> Result<()> {
    let Some(existing) = existing else { return store.require(Verb::Create, name, tree) };
    let replaces_tree = existing.kind == Kind::Directory;
    store.require(Verb::Replace, name, tree || replaces_tree)?;
    if replaces_tree {
        store.require(Verb::Delete, name, true)?;
    }
    if tree { store.require(Verb::Create, name, true) } else { Ok(()) }
}
