//! Where results go: standard output, or a local file that appears whole.

pub mod destination;
pub mod draft;
pub(crate) mod output;
pub mod part;
pub mod standard_streams;
