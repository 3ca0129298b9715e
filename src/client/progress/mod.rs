//! What a person at a terminal is shown of long work: how far it is, its sum at the end, and what an interruption leaves.

pub mod display;
pub mod interruption;
pub(crate) mod server_counts;
mod shown_work;
