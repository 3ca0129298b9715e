//! The write locks of WebDAV clients (RFC 4918 §6, §7): which names are locked, by whom, until when. `rights` enforces them;
//! the methods LOCK and UNLOCK change them.

pub use if_conditions::IfConditions;
pub use lock_table::{LockTable, WriteReach, WriteSection};
pub use write_lock::{LockExclusion, WriteLock};

mod if_conditions;
mod lock_record;
mod lock_set;
mod lock_table;
mod token;
mod write_lock;
