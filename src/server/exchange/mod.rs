//! One request and its response: reading the body, writing the response, and what all handlers share.

pub(crate) mod decoding;
pub(crate) mod exchange;
pub(crate) mod filter;
pub(crate) mod hashed;
pub(crate) mod liveness;
pub(crate) mod media_type;
pub(crate) mod once;
pub(crate) mod problem;
pub(crate) mod representation;
pub(crate) mod request_body;
pub(crate) mod response;
pub(crate) mod send;
pub(crate) mod spill;
pub(crate) mod streamed;
pub(crate) mod written;
