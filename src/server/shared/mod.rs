//! What all connections share: the state and its reload, and its parts with locks of their own.

pub(crate) mod coders;
pub(crate) mod health;
pub(crate) mod outcomes;
pub(crate) mod progress;
pub(crate) mod scan_threads;
pub(crate) mod state;
pub(crate) mod threads;
pub(crate) mod upload_locks;
