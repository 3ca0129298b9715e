//! PUT: stores the request body, unchanged or through a filter. Nothing is visible before the body is complete: only then
//! there is the digest that the commit takes.

use crate::error::{Error, Result};
use crate::http::Fields;
use crate::server::auth::rights::Writer;
use crate::server::exchange::{
    Exchange, HashedDraft, Operation, ResultUse, accept_modified, fields_of_written, modified, precondition,
};
use crate::server::resumable::resource;
use crate::store::Name;

/// Stores the body under a name.
pub fn answer(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    let request = exchange.request;
    if request.fields.get("content-range").is_some() {
        return Err(Error::invalid("Content-Range", "has no place in a PUT (RFC 9110 §14.5)"));
    }
    resource::refuse_old(&request.fields)?;
    let operation = Operation::of_query(&exchange.query, &request.fields, ResultUse::Stored)?;
    let modified = modified(&request.fields)?;
    let length = exchange.body.content_length()?.filter(|_| operation.is_none());
    if operation.is_some() {
        writer.require_process(name)?;
    }
    let target = writer.target(name)?;
    let check = precondition(&request.fields, name);
    if resource::create(exchange, &target, name, &check, operation.is_none())? {
        return Ok(());
    }
    let mut draft = target.create(length, &check)?;
    modified.iter().for_each(|seconds| draft.set_modified(*seconds));
    let decoding = exchange.decoding();
    // The body is hashed as it arrives; the result of a filter has another digest. An unchanged body is stored even after
    // the client has disconnected; a filter is cancelled.
    let mut draft = match operation.is_none() && exchange.body.is_identity() {
        true => HashedDraft::without_digest(draft),
        false => HashedDraft::new(draft, exchange.server.limits.file_size, &decoding.client),
    };
    let body = &mut exchange.body;
    let complete = match operation {
        None => body.store_to(&decoding, &mut draft)?,
        Some(operation) => {
            body.read_through(&decoding, |bytes| operation.run_on_stream(bytes, &decoding, &mut draft))?
        }
    };
    let written = draft.commit(complete.digest, &check)?;
    let mut fields = Fields::new();
    let status = fields_of_written(exchange.server, &mut fields, name, &written);
    accept_modified(&mut fields, modified, &written);
    exchange.reply.empty(status, fields)
}
