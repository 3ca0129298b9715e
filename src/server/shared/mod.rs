//! What all connections share: the state and its reload, and its parts with locks of their own.

pub(crate) use coders::{Coders, DecoderPermit, EncoderPermit};
pub(crate) use health::Health;
pub(crate) use idempotent_responses::{Claim, IdempotentResponses};
pub(crate) use scan_threads::ScanThreads;
pub(crate) use state::Server;
pub(crate) use upload_locks::{UploadGuard, UploadLocks};

pub(crate) mod coders;
pub(crate) mod health;
pub(crate) mod idempotent_responses;
pub(crate) mod progress;
pub(crate) mod scan_threads;
pub(crate) mod state;
pub(crate) mod threads;
pub(crate) mod upload_locks;
