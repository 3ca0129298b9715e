//! Writing, with the rights `create`, `replace` and `delete`. The functions are those of
//! [`Store`](crate::store::Store). Whether something exists under a name decides whether a write needs `create` or
//! `replace`; this is checked again under the lock of the name when the write is committed.

use crate::error::{Error, Result};
use crate::server::auth::access::Verb;
use crate::server::auth::rights::authorized_store::AuthorizedStore;
use crate::server::auth::rights::guarded::Guarded;
use crate::server::auth::rights::reader::Reader;
use crate::store::{Check, Draft, Meta, Name, Partial};

/// The rights of which a write needs one.
pub(super) const WRITES: [Verb; 2] = [Verb::Create, Verb::Replace];

/// The store for writing.
pub struct Writer<'a>(pub(super) &'a AuthorizedStore);

impl AuthorizedStore {
    /// The store for writing. An error of kind `Forbidden` where the server is read-only.
    pub fn writer(&self, name: &Name) -> Result<Writer<'_>> {
        match self.policy.read_only {
            true => Err(Error::forbidden(name.shown(), "this server is read-only")),
            false => Ok(Writer(self)),
        }
    }

    /// Resumes an upload; needs `create` or `replace`.
    pub fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        let partial = self.store.resume(id)?;
        self.writer(partial.name())?.admit(partial)
    }
}

impl<'a> Writer<'a> {
    /// The same store, for reading.
    pub fn reader(&self) -> Reader<'a> {
        self.0.reader()
    }

    /// See [`AuthorizedStore::require_process`].
    pub fn require_process(&self, name: &Name) -> Result<()> {
        self.0.require_process(name)
    }

    /// Returns what exists under a name that is to be written; needs `create` where nothing does, else `replace`.
    pub fn existing(&self, name: &Name) -> Result<Option<Meta>> {
        self.require(name)?;
        let existing = self.0.store.meta(name).ok();
        self.0.require_write(name, false, existing.as_ref())?;
        Ok(existing)
    }

    /// Begins new content for a name; needs `create` or `replace`.
    pub fn create(&self, name: &Name, size: Option<u64>) -> Result<Box<dyn Draft + 'a>> {
        self.require(name)?;
        let draft = self.0.store.create(name, size)?;
        Ok(Box::new(Guarded { draft, store: self.0, name: name.clone() }))
    }

    /// See [`Store::create_partial`](crate::store::Store::create_partial); needs `create` or `replace`.
    pub fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        metadata: &[u8],
    ) -> Result<Option<Box<dyn Partial + 'a>>> {
        self.require(name)?;
        let partial = self.0.store.create_partial(name, size, metadata)?;
        partial.map(|partial| self.admit(partial)).transpose()
    }

    /// Wraps an upload that is begun or resumed in [`Guarded`]; needs `create` or `replace`.
    fn admit(&self, partial: Box<dyn Partial + 'a>) -> Result<Box<dyn Partial + 'a>> {
        self.require(partial.name())?;
        Ok(Box::new(Guarded { name: partial.name().clone(), draft: partial, store: self.0 }))
    }

    /// Checks that a write to a name may begin, before it is known whether that is `create` or `replace`.
    pub fn require(&self, name: &Name) -> Result<()> {
        self.0.require_any(&WRITES, name, false)
    }

    /// Deletes a file or directory; needs `delete`, for a directory also for everything in it. See
    /// [`Store::delete`](crate::store::Store::delete).
    pub fn delete(&self, name: &Name, check: Check<'_>) -> Result<Option<Error>> {
        self.0.require(Verb::Delete, name, name.is_directory())?;
        self.0.store.delete(name, check)
    }

    /// Makes a directory; needs `create`. `check` is called with what exists there.
    pub fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()> {
        self.0.require(Verb::Create, &name.as_directory(), false)?;
        self.0.store.make_directory(name, check)
    }
}
