//! Uploads that come in pieces, as requests see them: who is at work on which, and which have ended. One request at
//! a time; a later one cuts the connection of an earlier one, for a client comes back only when it has given that
//! one up, whatever the network has yet to tell.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::server::limits::ENDED_MAX;
use crate::server::net::shutdown::ShutdownHandle;
use crate::store::Name;

/// How long an earlier request may take to notice that it was cut: it may be syncing what came.
const PATIENCE: Duration = Duration::from_secs(60);

/// The uploads of a daemon.
#[derive(Default)]
pub struct Claims {
    held: Mutex<HashMap<Vec<u8>, ShutdownHandle>>,
    freed: Condvar,
    ended: Mutex<VecDeque<(Vec<u8>, Ended)>>,
}

/// An upload that was completed.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The name it was given.
    pub name: Name,
    /// How many bytes came.
    pub size: u64,
    /// The entity tag that was answered.
    pub etag: String,
}

/// The right to work on an upload, until it is dropped.
pub struct Claimed<'a> {
    claims: &'a Claims,
    id: Vec<u8>,
}

impl Claims {
    /// Waits until nobody else is at work on an upload, which is hastened by cutting whoever is. `own` is how a later
    /// request will do that to this one.
    pub fn claim(&self, id: &[u8], own: ShutdownHandle) -> Result<Claimed<'_>> {
        let until = Instant::now() + PATIENCE;
        let mut held = self.held();
        while let Some(other) = held.get(id) {
            other.shutdown();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::cut(id, "is in use"));
            }
            held = self.freed.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        held.insert(id.to_vec(), own);
        drop(held);
        Ok(Claimed { claims: self, id: id.to_vec() })
    }

    /// Remembers that an upload has ended, for a client that missed the answer.
    pub fn end(&self, id: Vec<u8>, ended: Ended) {
        let mut all = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        all.truncate(ENDED_MAX - 1);
        all.push_front((id, ended));
    }

    /// What is remembered of an upload that has ended.
    pub fn ended(&self, id: &[u8]) -> Option<Ended> {
        let all = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(have, _)| have == id).map(|(_, ended)| ended.clone())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Vec<u8>, ShutdownHandle>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        self.claims.held().remove(&self.id);
        self.claims.freed.notify_all();
    }
}
