//! The wire of HTTP/1.1 (RFC 9110, RFC 9112), both directions, on `Read` and `Write`. This room owns heads,
//! framing, bodies, targets, ranges, conditions and codings; it does not know files, words, sockets or rights.
//!
//! Framing is decided once, from the head, before any handler runs; only the body reader can make the value that
//! proves a body complete.

pub mod accept;
pub mod authority;
pub mod body;
pub mod chunked;
pub mod coding;
pub mod condition;
pub mod digest;
pub mod fields;
pub mod framing;
pub mod head;
pub mod idempotency;
pub mod if_header;
pub mod json_name;
pub mod limits;
mod lines;
pub mod method;
mod path_prefix;
pub mod range;
pub mod request;
pub mod response;
pub mod resumption;
pub mod target;
pub mod time;

pub use body::{Body, BodyWriter, Complete};
pub use coding::Coding;
pub use digest::{Digest, Hasher};
pub use fields::Fields;
pub use framing::Framing;
pub use head::Version;
pub use method::Method;
pub use path_prefix::PathPrefix;
pub use request::Request;
pub use response::Response;
pub use target::{Query, Target};
