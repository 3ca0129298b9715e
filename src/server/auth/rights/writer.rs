//! Writing, with the rights `create`, `replace` and `delete`. The functions are those of
//! [`Store`](crate::store::Store).

use crate::error::{Error, Result};
use crate::server::auth::rights::authorized_store::WRITES;
use crate::server::auth::rights::guarded::{Guarded, GuardedDraft, GuardedPartial};
use crate::server::auth::rights::reader::Reader;
use crate::server::auth::rights::write_right::with_right;
use crate::server::auth::{AuthorizedStore, Verb};
use crate::store::{ChangeProperties, Check, CompletedUpload, Kind, Meta, Name, ReportProgress};

/// The store for writing.
pub struct Writer<'a>(pub(super) &'a AuthorizedStore);

impl AuthorizedStore {
    /// Returns the store for writing. An error of kind `Forbidden` where the server is read-only.
    pub fn writer(&self, name: &Name) -> Result<Writer<'_>> {
        match self.policy.read_only {
            true => Err(Error::forbidden(name.shown(), "this server is read-only")),
            false => Ok(Writer(self)),
        }
    }

    /// Resumes an upload; needs `create` or `replace`.
    pub fn resume(&self, id: &[u8]) -> Result<GuardedPartial<'_>> {
        let partial = self.store.resume(id)?;
        self.writer(partial.name())?.require(partial.name())?;
        Ok(Guarded { name: partial.name().clone(), draft: partial, store: self, subject: None })
    }

    /// Returns what became of an upload that was completed; needs `create` or `replace`. `None` where none was.
    pub fn completed(&self, id: &[u8]) -> Result<Option<CompletedUpload>> {
        let Some(completed) = self.store.completed(id)? else { return Ok(None) };
        self.writer(&completed.name)?.require(&completed.name)?;
        Ok(Some(completed))
    }
}

impl<'a> Writer<'a> {
    /// Returns the same store, for reading.
    pub fn reader(&self) -> Reader<'a> {
        self.0.reader()
    }

    /// See [`AuthorizedStore::require_process`].
    pub fn require_process(&self, name: &Name) -> Result<()> {
        self.0.require_process(name)
    }

    /// Returns the target of a write; needs `create` or `replace`, before it is known which.
    pub fn target<'n>(&self, name: &'n Name) -> Result<WriteTarget<'a, 'n>> {
        self.require(name)?;
        Ok(WriteTarget { store: self.0, name, subject: None })
    }

    /// Checks that a write to a name may begin, before it is known whether that is `create` or `replace`.
    pub fn require(&self, name: &Name) -> Result<()> {
        self.0.require_any(&WRITES, name, false)
    }

    /// Returns the name as what is there has it, with the final slash where it is a directory; needs `delete`.
    pub fn removal_as_found(&self, name: &Name) -> Result<Name> {
        self.0.require(Verb::Delete, name, name.is_directory())?;
        let found = self.0.store.meta(name);
        let is_directory = found.is_ok_and(|meta| meta.kind == Kind::Directory);
        Ok(if is_directory { name.as_directory() } else { name.clone() })
    }

    /// Deletes a file or directory; needs `delete`, for a directory also for everything in it. See
    /// [`Store::delete`](crate::store::Store::delete).
    pub fn delete(&self, name: &Name, check: Check<'_>, report: ReportProgress<'_>) -> Result<Option<Error>> {
        self.0.require(Verb::Delete, name, name.is_directory())?;
        let locks = self.0.lock_check(name);
        let check = |at: Option<&Meta>| locks.require_removal(name, at).and_then(|()| check(at));
        let left = self.0.store.writable(&locks).delete(name, &check, &locks.pausing(report))?;
        locks.end();
        Ok(left)
    }

    /// Returns the metadata of a name whose properties are to be changed; needs `replace`.
    pub fn properties_target(&self, name: &Name) -> Result<Meta> {
        self.0.require(Verb::Replace, name, false)?;
        self.0.store.meta(name)
    }

    /// Changes the properties of a name; needs `replace`. See
    /// [`Store::change_properties`](crate::store::Store::change_properties).
    pub fn change_properties(
        &self,
        name: &Name,
        check: Check<'_>,
        change: ChangeProperties<'_>,
    ) -> Result<()> {
        self.0.require(Verb::Replace, name, false)?;
        let locks = self.0.lock_check(name);
        let check = |at: Option<&Meta>| locks.require_write(name, at, false).and_then(|()| check(at));
        self.0.store.writable(&locks).change_properties(name, &check, change)?;
        locks.end();
        Ok(())
    }

    /// Makes a directory; needs `create`. `check` is called with what exists there.
    pub fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()> {
        self.0.require(Verb::Create, &name.as_directory(), false)?;
        let locks = self.0.lock_check(name);
        let check = |at: Option<&Meta>| locks.require_write(name, at, false).and_then(|()| check(at));
        self.0.store.writable(&locks).make_directory(name, &check)
    }
}

/// A name to which a write may begin.
pub struct WriteTarget<'a, 'n> {
    pub(super) store: &'a AuthorizedStore,
    pub(super) name: &'n Name,
    /// The resource of the request, where that is another one.
    pub(super) subject: Option<&'n Name>,
}

impl<'a> WriteTarget<'a, '_> {
    /// Begins new content; needs `create` where nothing exists there, else `replace`. See
    /// [`Store::create`](crate::store::Store::create).
    pub fn create(&self, size: Option<u64>, check: Check<'_>) -> Result<GuardedDraft<'a>> {
        let WriteTarget { store, name, subject } = *self;
        let locks = store.lock_check(subject.unwrap_or(name));
        let draft =
            store.store.writable(&locks).create(name, size, &with_right(store, name, &locks, check))?;
        Ok(Guarded { draft, store, name: name.clone(), subject: subject.cloned() })
    }

    /// Begins new content that may be written in several parts, with the same rights. See
    /// [`Store::create_partial`](crate::store::Store::create_partial).
    pub fn create_partial(
        &self,
        size: Option<u64>,
        check: Check<'_>,
        metadata: &[u8],
    ) -> Result<Option<GuardedPartial<'a>>> {
        let WriteTarget { store, name, subject } = *self;
        let locks = store.lock_check(subject.unwrap_or(name));
        let check = with_right(store, name, &locks, check);
        let partial = store.store.writable(&locks).create_partial(name, size, &check, metadata)?;
        Ok(partial.map(|draft| Guarded { draft, store, name: name.clone(), subject: subject.cloned() }))
    }
}
