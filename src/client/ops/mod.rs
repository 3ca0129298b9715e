//! What tools do with files on a server: store, fetch, list, filter, and go on after an interruption.

pub mod fetch;
pub mod filter;
pub mod list;
pub mod piped;
pub mod precondition;
pub mod resumption;
pub mod stored;
