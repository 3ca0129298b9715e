//! Copies and renames, with the rights of both names.

use std::cell::Cell;

use crate::error::Result;
use crate::server::auth::rights::write_right::{is_directory, require_write};
use crate::server::auth::rights::writer::{WriteTarget, Writer};
use crate::server::auth::{AuthorizedStore, Verb};
use crate::store::{Advance, Check, Content, Kind, Meta, Name, Transfer, Written};

impl Writer<'_> {
    /// Authorizes a copy; needs `read` for the source, for a directory also `list` for everything in it, and `create`
    /// or `replace` for the target.
    pub fn authorize_copy<'n>(&'n self, from: &'n Name, to: &'n Name) -> Result<AuthorizedTransfer<'n>> {
        AuthorizedTransfer::new(self.0, &[Verb::Read], from, to)
    }

    /// Authorizes a rename; needs the same and `delete` for the source.
    pub fn authorize_move<'n>(&'n self, from: &'n Name, to: &'n Name) -> Result<AuthorizedTransfer<'n>> {
        AuthorizedTransfer::new(self.0, &[Verb::Read, Verb::Delete], from, to)
    }
}

/// The right to copy or rename from one name to another, checked before the store was read.
pub struct AuthorizedTransfer<'a> {
    store: &'a AuthorizedStore,
    /// The rights needed for the source.
    verbs: &'static [Verb],
    from: &'a Name,
    to: &'a Name,
}

impl<'a> AuthorizedTransfer<'a> {
    fn new(store: &'a AuthorizedStore, verbs: &'static [Verb], from: &'a Name, to: &'a Name) -> Result<Self> {
        store.require_transfer(verbs, from, to)?;
        Ok(AuthorizedTransfer { store, verbs, from, to })
    }

    /// Opens the source, a file.
    pub fn open(&self) -> Result<Box<dyn Content>> {
        self.store.store.open(self.from)
    }

    /// The target, for another content than that of the source.
    pub fn target(&self) -> WriteTarget<'a, 'a> {
        WriteTarget { store: self.store, name: self.to, subject: Some(self.from) }
    }

    /// What exists at the source.
    pub fn source(&self) -> Result<Meta> {
        self.store.store.meta(self.from)
    }

    /// See [`Store::copy`](crate::store::Store::copy).
    pub fn copy(&self, source: Check<'_>, target: Check<'_>, advance: Advance<'_>) -> Result<Written> {
        let AuthorizedTransfer { store, from, to, .. } = *self;
        let (tree, locks) = (from.is_directory(), store.lock_check(from));
        let source = |at: Option<&Meta>| locks.require_if(from, at).and_then(|()| source(at));
        let target = |at: Option<&Meta>| {
            require_write(store, to, tree, at)?;
            locks.require_write(to, at, tree || is_directory(at))?;
            target(at)
        };
        let advance = locks.pausing(advance);
        let transfer = Transfer { from, to, source: &source, target: &target, advance: &advance };
        let written = store.store.writable(&locks).copy(transfer)?;
        locks.end();
        Ok(written)
    }

    /// See [`Store::rename`](crate::store::Store::rename). A directory is renamed with everything in it, with or
    /// without the final slash.
    pub fn rename(&self, source: Check<'_>, target: Check<'_>, advance: Advance<'_>) -> Result<Written> {
        let AuthorizedTransfer { store, verbs, from, to } = *self;
        let (tree, locks) = (Cell::new(from.is_directory()), store.lock_check(from));
        let source = |at: Option<&Meta>| {
            tree.set(at.is_some_and(|meta| meta.kind == Kind::Directory));
            store.require_source(verbs, from, tree.get())?;
            locks.require_removal(from, at)?;
            source(at)
        };
        let target = |at: Option<&Meta>| {
            require_write(store, to, tree.get(), at)?;
            locks.require_write(to, at, tree.get() || is_directory(at))?;
            target(at)
        };
        let advance = locks.pausing(advance);
        let transfer = Transfer { from, to, source: &source, target: &target, advance: &advance };
        let written = store.store.writable(&locks).rename(transfer)?;
        locks.end();
        Ok(written)
    }
}
