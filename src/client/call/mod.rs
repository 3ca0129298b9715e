//! One request and its response, and the body that is sent meanwhile.

pub mod answer;
pub(crate) mod call;
pub mod piped;
pub mod progress;
pub mod sending;
