//! Who may what: the one gate. It owns the store, so that a handler comes to stored files only through a view
//! the gate gave it, and to writing only through a [`Writer`]: a forgotten check does not compile.

use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::store::{Check, Content, Draft, Entries, Meta, Name, Partial, Store, Written};

/// The gate before a store.
pub struct Rights {
    store: Arc<dyn Store>,
    read_only: bool,
}

impl Rights {
    /// A gate before `store`; with `read_only` nobody may write.
    pub fn new(store: Arc<dyn Store>, read_only: bool) -> Self {
        Rights { store, read_only }
    }

    /// The right to read what is stored.
    pub fn reader(&self) -> Reader<'_> {
        Reader(self.store.as_ref())
    }

    /// The right to change what stands under `name`. Errors have status 403.
    pub fn writer(&self, name: &Name) -> Result<Writer<'_>> {
        match self.read_only {
            true => Err(Error::status(403, name.shown(), "this server is read-only")),
            false => Ok(Writer(self.store.as_ref())),
        }
    }

    /// Goes on with an upload, which takes the right to change what stands under its name.
    pub fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        let partial = self.store.resume(id)?;
        self.writer(partial.name()).map(|_| partial)
    }

    /// Whether nobody may write.
    pub fn is_read_only(&self) -> bool {
        self.read_only
    }
}

/// The proof that its holder may read. Its functions are those of [`Store`].
#[derive(Clone, Copy)]
pub struct Reader<'a>(&'a dyn Store);

impl<'a> Reader<'a> {
    /// See [`Store::meta`].
    pub fn meta(self, name: &Name) -> Result<Meta> {
        self.0.meta(name)
    }

    /// See [`Store::open`].
    pub fn open(self, name: &Name) -> Result<Box<dyn Content>> {
        self.0.open(name)
    }

    /// See [`Store::list`].
    pub fn list(self, name: &Name, recursive: bool) -> Result<Entries<'a>> {
        self.0.list(name, recursive)
    }

    /// See [`Store::spool`].
    pub fn spool(self) -> io::Result<File> {
        self.0.spool()
    }
}

/// The proof that its holder may write. Its functions are those of [`Store`].
pub struct Writer<'a>(&'a dyn Store);

impl<'a> Writer<'a> {
    /// See [`Store::create`].
    pub fn create(&self, name: &Name, size: Option<u64>) -> Result<Box<dyn Draft + 'a>> {
        self.0.create(name, size)
    }

    /// See [`Store::create_partial`].
    pub fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        note: &[u8],
    ) -> Result<Option<Box<dyn Partial + 'a>>> {
        self.0.create_partial(name, size, note)
    }

    /// See [`Store::copy`].
    pub fn copy(&self, from: &Name, to: &Name, source: Check<'_>, target: Check<'_>) -> Result<Written> {
        self.0.copy(from, to, source, target)
    }

    /// See [`Store::rename`].
    pub fn rename(&self, from: &Name, to: &Name, source: Check<'_>, target: Check<'_>) -> Result<Written> {
        self.0.rename(from, to, source, target)
    }

    /// See [`Store::delete`].
    pub fn delete(&self, name: &Name, check: Check<'_>) -> Result<()> {
        self.0.delete(name, check)
    }

    /// See [`Store::make_directory`].
    pub fn make_directory(&self, name: &Name) -> Result<()> {
        self.0.make_directory(name)
    }
}
