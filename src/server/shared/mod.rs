//! State that all connections share, each kind with its own lock.

pub(crate) mod coders;
pub(crate) mod health;
pub(crate) mod outcomes;
pub(crate) mod progress;
pub(crate) mod scan_threads;
pub(crate) mod state;
pub(crate) mod threads;
pub(crate) mod upload_locks;
