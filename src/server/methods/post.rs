//! POST on the root: the request body through a filter into the response, both streamed at once.

use std::io::{self, Read};

use crate::error::{Error, Result};
use crate::http::{Fields, resumption};
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::{
    Exchange, Operation, ResultUse, SANDBOX, restrict_browsers, send_streamed, with_charset,
};
use crate::server::resumable::resource;
use crate::store::Name;

/// The default type of `curl --data`: it tells nothing about the body.
const FORM: &[u8] = b"application/x-www-form-urlencoded";
/// The type of HTML forms and `curl -F`, which are refused: the boundaries and part headers would be filtered too.
const PARTS: &[u8] = b"multipart/form-data";
/// The type of unknown bytes.
const BYTES: &[u8] = b"application/octet-stream";

/// Sends the result of a filter on the body.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore, root: &Name) -> Result<()> {
    let request = exchange.request;
    store.require_process(root)?;
    resource::refuse_old(&request.fields)?;
    if resumption::is_complete(&request.fields) == Some(false) {
        return Err(resource::incomplete());
    }
    let own_type = request.fields.get("content-type").unwrap_or(BYTES);
    if own_type.split_at_checked(PARTS.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(PARTS)) {
        let what = "multipart/form-data is not taken apart: send the file itself as the body";
        return Err(Error::unsupported_type("Content-Type", what));
    }
    let operation = Operation::of_query(&exchange.query, &request.fields, ResultUse::Sent)?
        .unwrap_or_else(Operation::identity);
    let decoding = exchange.decoding();
    let mut fields = Fields::new();
    if operation.is_number {
        let mut number = Vec::new();
        let work = |bytes: &mut dyn Read| operation.run_on_stream(bytes, &decoding, &mut number);
        exchange.body.read_through(&decoding, work)?;
        return exchange.reply.bytes(200, operation.media_type.unwrap_or("text/plain"), &number, fields);
    }
    let own_type = if own_type.starts_with(FORM) { BYTES } else { own_type };
    match operation.media_type {
        Some(known) => fields.push("Content-Type", with_charset(known)),
        None => fields.push("Content-Type", own_type),
    }
    restrict_browsers(&mut fields, SANDBOX);
    fields.push("Vary", "Accept-Encoding");
    let coding = exchange.reply.choose_coding(request);
    let body = &mut exchange.body;
    send_streamed(&mut exchange.reply, 200, fields, coding, Some(&exchange.server.spools), |sink| {
        let whole = body.read_through(&decoding, |bytes| operation.run_on_stream(bytes, &decoding, sink));
        whole.map(|_| ()).map_err(io::Error::from)
    })
}
