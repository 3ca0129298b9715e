//! The store behind the rights: anyone who has it can read, and only who has checked the locks of clients can write.

use std::sync::Arc;

use crate::error::Result;
use crate::server::auth::rights::lock_check::LockCheck;
use crate::store::{CompletedUpload, Content, Detail, DiskSpace, Entries, Meta, Name, Partial, Store};

/// The store. The functions are those of [`Store`].
pub(super) struct Stored(Arc<dyn Store>);

impl Stored {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Stored(store)
    }

    /// Returns the store for a write, whose condition calls this check.
    pub fn writable(&self, _: &LockCheck<'_>) -> &dyn Store {
        &*self.0
    }

    pub fn meta(&self, name: &Name) -> Result<Meta> {
        self.0.meta(name)
    }

    pub fn open(&self, name: &Name) -> Result<Box<dyn Content>> {
        self.0.open(name)
    }

    pub fn list(&self, name: &Name, recursive: bool, detail: Detail) -> Result<Entries<'_>> {
        self.0.list(name, recursive, detail)
    }

    pub fn properties(&self, name: &Name) -> Result<Vec<u8>> {
        self.0.properties(name)
    }

    pub fn disk_space(&self, directory: &Name) -> Result<Option<DiskSpace>> {
        self.0.disk_space(directory)
    }

    /// Returns an upload, whose commit is `guarded`.
    pub fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        self.0.resume(id)
    }

    pub fn completed(&self, id: &[u8]) -> Result<Option<CompletedUpload>> {
        self.0.completed(id)
    }
}
