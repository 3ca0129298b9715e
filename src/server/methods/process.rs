//! POST on the root: from the request body, through a filter, into the answer, both ways at once.

use std::io;

use super::partial;
use crate::error::Result;
use crate::http::{Fields, Query, accept, resumption};
use crate::server::exchange::Exchange;
use crate::server::operation::Operation;
use crate::server::reply::with_charset;
use crate::server::rights::View;
use crate::store::Name;

/// What curl says of any body it is given: nothing that could be said of the answer.
const FORM: &[u8] = b"application/x-www-form-urlencoded";
/// Bytes nothing is known of.
const BYTES: &[u8] = b"application/octet-stream";

/// Answers what a filter makes of the body.
pub fn answer(exchange: &mut Exchange<'_>, view: &View, root: &Name, query: &Query) -> Result<()> {
    let request = exchange.request;
    let processor = view.processor(root)?;
    if resumption::is_complete(&request.fields) == Some(false) {
        return Err(partial::incomplete());
    }
    let operation = Operation::of_query(query, &request.fields, false)?.unwrap_or_else(Operation::identity);
    let spool = || processor.spool();
    let upload = &mut exchange.upload;
    let mut fields = Fields::new();
    if operation.is_number {
        let mut number = Vec::new();
        upload.read_through(|bytes| operation.run_on_stream(bytes, &spool, &mut number))?;
        return exchange.reply.bytes(200, operation.media_type.unwrap_or("text/plain"), &number, fields);
    }
    let own_type =
        request.fields.get("content-type").filter(|given| !given.starts_with(FORM)).unwrap_or(BYTES);
    match operation.media_type {
        Some(known) => fields.push("Content-Type", with_charset(known)),
        None => fields.push("Content-Type", own_type),
    }
    fields.push("X-Content-Type-Options", "nosniff");
    fields.push("Content-Security-Policy", "sandbox");
    fields.push("Vary", "Accept-Encoding");
    let coding = accept::coding(&request.fields);
    exchange.reply.streamed(fields, coding, Some(&spool), |sink| {
        let whole = upload.read_through(|bytes| operation.run_on_stream(bytes, &spool, sink));
        whole.map(|_| ()).map_err(io::Error::from)
    })
}
