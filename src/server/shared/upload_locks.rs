//! Locks on resumable uploads. One request at a time locks an upload. A later one aborts the connection of the earlier
//! one: a client resumes only when its earlier connection has failed, even if the server has not noticed yet.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::server::net::ShutdownHandle;

/// How long an earlier request may take to notice that its connection was aborted: it may be in an fsync.
const ABORT_TIME: Duration = Duration::from_secs(60);

/// The locks of all uploads.
#[derive(Default)]
pub struct UploadLocks {
    held: Mutex<HashMap<Vec<u8>, ShutdownHandle>>,
    freed: Condvar,
}

/// The lock on an upload, until it is dropped.
pub struct UploadGuard<'a> {
    locks: &'a UploadLocks,
    id: Vec<u8>,
}

impl UploadLocks {
    /// Locks an upload. Aborts the connection of a request that has it locked, and waits for its end. A later request
    /// aborts this one through `own`.
    pub fn lock(&self, id: &[u8], own: ShutdownHandle) -> Result<UploadGuard<'_>> {
        let until = Instant::now() + ABORT_TIME;
        let mut held = self.held.lock();
        while let Some(other) = held.get(id) {
            other.shutdown();
            if Instant::now() >= until {
                return Err(Error::busy(id, "is in use"));
            }
            self.freed.wait_until(&mut held, until);
        }
        held.insert(id.to_vec(), own);
        drop(held);
        Ok(UploadGuard { locks: self, id: id.to_vec() })
    }
}

impl Drop for UploadGuard<'_> {
    fn drop(&mut self) {
        self.locks.held.lock().remove(&self.id);
        self.locks.freed.notify_all();
    }
}
