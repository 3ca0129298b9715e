//! A draft or a resumable upload that checks the right to write again when it is committed.

use std::io::{self, Read, Write};
use std::time::Duration;

use crate::error::Result;
use crate::server::auth::rights::authorized_store::AuthorizedStore;
use crate::store::{Check, Draft, Name, Partial, Written};

/// A draft of the engine, and the rights of the principal who commits it.
pub(super) struct Guarded<'a, D: ?Sized> {
    pub draft: Box<D>,
    pub store: &'a AuthorizedStore,
    pub name: Name,
}

impl<D: Write + ?Sized> Write for Guarded<'_, D> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.draft.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

impl<D: Draft + ?Sized> Draft for Guarded<'_, D> {
    fn set_modified(&mut self, seconds: i64) {
        self.draft.set_modified(seconds);
    }

    fn commit(self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        let Guarded { draft, store, name } = *self;
        draft.commit(digest, &|at| store.require_write(&name, false, at).and_then(|()| check(at)))
    }
}

impl<'a> Partial for Guarded<'a, dyn Partial + 'a> {
    fn id(&self) -> &str {
        self.draft.id()
    }

    fn name(&self) -> &Name {
        self.draft.name()
    }

    fn metadata(&self) -> &[u8] {
        self.draft.metadata()
    }

    fn set_metadata(&mut self, metadata: &[u8]) -> Result<()> {
        self.draft.set_metadata(metadata)
    }

    fn size(&self) -> Result<u64> {
        self.draft.size()
    }

    fn time_left(&self) -> Duration {
        self.draft.time_left()
    }

    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        self.draft.reader()
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        self.draft.truncate(size)
    }

    fn sync(&self) -> Result<()> {
        self.draft.sync()
    }

    fn remove(self: Box<Self>) {
        self.draft.remove();
    }
}
