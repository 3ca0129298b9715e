//! One request and its response: reading the body, writing the response, and what all handlers share.

pub(crate) use cancellable::Cancellable;
pub(crate) use decoding::{Bounded, BoundedDecoding, Coded, too_large};
pub(crate) use exchange::Exchange;
pub(crate) use filter::{Operation, ResultUse};
pub(crate) use hashed::{HashedDraft, compute_digest};
pub(crate) use liveness::ClientLiveness;
pub(crate) use locked::{XML_DECLARATION, XML_TYPE};
pub(crate) use media_type::{ContentStart, NamedType, is_compressible, is_dense, text_type};
pub(crate) use problem::{Problem, closing_response};
pub(crate) use representation::{
    SANDBOX, coded_etag, exists, fields_of, is_not_modified, of_not_modified, precondition, restrict_browsers,
};
pub(crate) use request_body::RequestBody;
pub(crate) use response::{Reply, with_charset};
pub(crate) use scanned::ScannedFile;
pub(crate) use send::{send_content, send_multipart};
pub(crate) use spill::Spill;
pub(crate) use streamed::{LineSink, send_buffered, send_lines, send_streamed};
pub(crate) use work::Work;
pub(crate) use written::{accept_modified, answer_written, fields_of_written, location, modified};

pub(crate) mod cancellable;
pub(crate) mod decoding;
pub(crate) mod exchange;
pub(crate) mod filter;
pub(crate) mod hashed;
pub(crate) mod liveness;
mod locked;
pub(crate) mod media_type;
pub(crate) mod once;
pub(crate) mod problem;
pub(crate) mod representation;
pub(crate) mod request_body;
pub(crate) mod response;
pub(crate) mod scanned;
pub(crate) mod send;
pub(crate) mod spill;
pub(crate) mod streamed;
pub(crate) mod work;
mod write_behind;
pub(crate) mod written;
