//! Errors with the precondition or postcondition that failed, as RFC 4918 §16 names them.

use crate::error::Error;
use crate::error::Result;
use crate::http::Fields;
use crate::server::exchange::{Exchange, XML_DECLARATION, XML_TYPE};
use crate::server::status::status_of;

/// Sends an error with its condition, the content of a `DAV:error` element.
pub fn refuse(exchange: &mut Exchange<'_>, error: &Error, condition: &str) -> Result<()> {
    let body = format!("{XML_DECLARATION}<D:error xmlns:D=\"DAV:\">{condition}</D:error>\n");
    exchange.body.close_if_pending(&mut exchange.reply.outcome);
    exchange.reply.bytes(status_of(error), XML_TYPE, body.as_bytes(), Fields::new())
}
