//! Operations on files of the server: store, fetch, list, filter, and resume after an interruption.

pub mod fetch;
pub mod filter;
pub mod list;
pub mod piped;
pub mod precondition;
pub(crate) mod put;
pub mod resumption;
pub mod stored;
