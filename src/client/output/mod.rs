//! Where results are written: standard output, or a local file that is replaced atomically.

pub mod destination;
pub mod draft;
pub(crate) mod output;
pub mod part;
pub mod standard_streams;
