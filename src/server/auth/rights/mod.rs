//! The rights of a principal, proved by a value: a handler reaches stored files only through an [`AuthorizedStore`],
//! and writes only through a [`Writer`], so that a forgotten check does not compile.

pub use authorized_store::AuthorizedStore;
pub use gate::Gate;
pub use guarded::{GuardedDraft, GuardedPartial};
pub use locking::{LockOutcome, WantedLock};
pub use reader::Reader;
pub use transfer::AuthorizedTransfer;
pub use writer::{WriteTarget, Writer};

mod authorized_store;
mod gate;
mod guarded;
mod lock_check;
mod locking;
mod offers;
mod reader;
mod stored;
mod transfer;
mod write_right;
mod writer;
