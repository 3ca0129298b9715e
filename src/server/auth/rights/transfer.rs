//! Copies and renames, with the rights of both names.

use std::cell::Cell;

use crate::error::Result;
use crate::server::auth::rights::write_right::{is_directory, require_write};
use crate::server::auth::rights::writer::{WriteTarget, Writer};
use crate::server::auth::{AuthorizedStore, Verb};
use crate::store::{Check, Content, Kind, Meta, Name, ReportProgress, Transfer, Written};

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
    replaces_any: bool,
    is_shallow: bool,
}

impl<'a> AuthorizedTransfer<'a> {
    fn new(store: &'a AuthorizedStore, verbs: &'static [Verb], from: &'a Name, to: &'a Name) -> Result<Self> {
        store.require_transfer(verbs, from, to)?;
        Ok(AuthorizedTransfer { store, verbs, from, to, replaces_any: false, is_shallow: false })
    }

    /// Lets a file replace a directory at the target.
    pub fn replacing_any(self, replaces_any: bool) -> Self {
        AuthorizedTransfer { replaces_any, ..self }
    }

    /// Copies a directory without what is in it.
    pub fn shallow(self, is_shallow: bool) -> Self {
        AuthorizedTransfer { is_shallow, ..self }
    }

    /// Returns the two names as what is there has them: with the final slash where there is a directory, or will be.
    pub fn names_as_found(&self) -> (Name, Name) {
        let (from, to) = (self.from.clone(), self.to.clone());
        match self.source() {
            Ok(meta) if meta.kind == Kind::Directory => (from.as_directory(), to.as_directory()),
            Ok(_) => (from, to.as_file()),
            Err(_) => (from, to),
        }
    }

    /// Opens the source, a file.
    pub fn open(&self) -> Result<Box<dyn Content>> {
        self.store.store.open(self.from)
    }

    /// Returns the target, for another content than that of the source.
    pub fn target(&self) -> WriteTarget<'a, 'a> {
        WriteTarget { store: self.store, name: self.to, subject: Some(self.from) }
    }

    /// Returns what exists at the source.
    pub fn source(&self) -> Result<Meta> {
        self.store.store.meta(self.from)
    }

    /// See [`Store::copy`](crate::store::Store::copy).
    pub fn copy(&self, source: Check<'_>, target: Check<'_>, report: ReportProgress<'_>) -> Result<Written> {
        let AuthorizedTransfer { store, from, to, replaces_any, is_shallow, .. } = *self;
        let (tree, locks) = (from.is_directory(), store.lock_check(from));
        let source = |at: Option<&Meta>| locks.require_if(from, at).and_then(|()| source(at));
        let target = |at: Option<&Meta>| {
            require_write(store, to, tree, at)?;
            locks.require_write(to, at, tree || is_directory(at))?;
            target(at)
        };
        let report = locks.pausing(report);
        let (source, target, report) = (&source, &target, &report);
        let transfer = Transfer { from, to, source, target, report, replaces_any, is_shallow };
        let written = store.store.writable(&locks).copy(transfer)?;
        locks.end();
        Ok(written)
    }

    /// See [`Store::rename`](crate::store::Store::rename). A directory is renamed with everything in it, with or
    /// without the final slash.
    pub fn rename(
        &self,
        source: Check<'_>,
        target: Check<'_>,
        report: ReportProgress<'_>,
    ) -> Result<Written> {
        let AuthorizedTransfer { store, verbs, from, to, replaces_any, is_shallow } = *self;
        let (tree, locks) = (Cell::new(from.is_directory()), store.lock_check(from));
        let source = |at: Option<&Meta>| {
            tree.set(is_directory(at));
            store.require_source(verbs, from, tree.get())?;
            locks.require_removal(from, at)?;
            source(at)
        };
        let target = |at: Option<&Meta>| {
            require_write(store, to, tree.get(), at)?;
            locks.require_write(to, at, tree.get() || is_directory(at))?;
            target(at)
        };
        let report = locks.pausing(report);
        let (source, target, report) = (&source, &target, &report);
        let transfer = Transfer { from, to, source, target, report, replaces_any, is_shallow };
        let written = store.store.writable(&locks).rename(transfer)?;
        locks.end();
        Ok(written)
    }
}
