//! Makes one directory tree like another, of which one is local and the other on the server: what cfp-sync does. `run.rs`
//! has the threads and their order; the other files have one step each.

pub use self::rules::Rules;
pub use self::run::run;
pub use self::synchronization::Synchronization;
pub use self::tree::Tree;

mod compare;
mod deletions;
mod job;
mod queue;
mod removal;
mod rules;
mod run;
mod source;
mod synchronization;
mod tally;
mod transfer;
mod tree;

/// The most threads, each of which holds a connection.
pub const JOBS_MAX: usize = 64;
