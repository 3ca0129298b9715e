//! A resumable upload whose right to be written is checked again when it is committed, for the principal who sends the
//! last part.

use std::io::{self, Write};
use std::time::Duration;

use crate::error::Result;
use crate::server::auth::rights::authorized_store::AuthorizedStore;
use crate::store::{Check, Draft, Name, Partial, Written};

/// The engine's upload, and the store as the principal who continues it may use it.
pub(crate) struct GuardedPartial<'a> {
    pub partial: Box<dyn Partial + 'a>,
    pub store: &'a AuthorizedStore,
}

impl Write for GuardedPartial<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.partial.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.partial.flush()
    }
}

impl Draft for GuardedPartial<'_> {
    fn set_modified(&mut self, seconds: i64) {
        self.partial.set_modified(seconds);
    }

    fn commit(self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        let GuardedPartial { partial, store } = *self;
        let name = partial.name().clone();
        partial.commit(digest, &|at| store.require_place(&name, false, at).and_then(|()| check(at)))
    }
}

impl Partial for GuardedPartial<'_> {
    fn id(&self) -> &str {
        self.partial.id()
    }

    fn name(&self) -> &Name {
        self.partial.name()
    }

    fn metadata(&self) -> &[u8] {
        self.partial.metadata()
    }

    fn set_metadata(&mut self, metadata: &[u8]) -> Result<()> {
        self.partial.set_metadata(metadata)
    }

    fn size(&self) -> Result<u64> {
        self.partial.size()
    }

    fn time_left(&self) -> Duration {
        self.partial.time_left()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.partial.read_at(buffer, offset)
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        self.partial.truncate(size)
    }

    fn sync(&self) -> Result<()> {
        self.partial.sync()
    }

    fn remove(self: Box<Self>) {
        self.partial.remove();
    }
}
