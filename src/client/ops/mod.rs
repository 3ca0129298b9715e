//! What tools do with files on a server: store, fetch, list, filter, and go on after an interruption.

pub mod append;
pub mod fetch;
pub mod filter;
pub mod list;
pub mod operand;
pub mod precondition;
pub mod resumption;
pub mod retry;
pub mod stored;
pub mod upload;
