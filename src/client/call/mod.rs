//! One request and its response, and the body that is sent meanwhile.

pub mod body_source;
pub(crate) mod call;
pub mod cancellation;
pub(crate) mod client;
pub(crate) mod file_span;
mod head;
mod resending;
pub mod retry;
pub(crate) mod round_trip;
pub mod segment;
pub mod sending;
pub mod server_response;
pub(crate) mod status;
pub(crate) mod upload_record;
