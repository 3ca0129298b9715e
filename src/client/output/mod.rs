//! Where results are written: standard output, or a local file that is replaced atomically.

pub mod destination;
pub mod local_version;
pub(crate) mod output;
pub mod part;
pub mod staged_file;
pub mod standard_streams;
