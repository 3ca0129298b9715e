//! Errors with the precondition or postcondition that failed, as RFC 4918 §16 names them.

use crate::error::Error;
use crate::error::Result;
use crate::http::Fields;
use crate::server::exchange::Exchange;
use crate::server::status::status_of;
use crate::server::webdav::xml;

/// Sends an error with its condition, the content of a `DAV:error` element.
pub fn refuse(exchange: &mut Exchange<'_>, error: &Error, condition: &str) -> Result<()> {
    let body = format!("{}<D:error xmlns:D=\"DAV:\">{condition}</D:error>\n", xml::DECLARATION);
    exchange.body.close_if_pending(&mut exchange.reply.outcome);
    exchange.reply.bytes(status_of(error), "application/xml; charset=utf-8", body.as_bytes(), Fields::new())
}
