//! Uploads that come in pieces (draft-ietf-httpbis-resumable-upload-12): a PUT that may be gone on with, and the
//! resource it is gone on with at. What becomes of the bytes stands in `piece`; how they are kept is the store's business.

use serde_json::json;

use crate::error::{Error, Result};
use crate::http::resumption::{self, PARTIAL_UPLOAD, UPLOAD_INCOMPLETE};
use crate::http::{Fields, Version};
use crate::server::auth::rights::{Reader, View, Writer};
use crate::server::exchange::exchange::Exchange;
use crate::server::resumable::append::{Piece, receive, refuse, refuse_length};
use crate::server::resumable::metadata::Terms;
use crate::server::resumable::public_url;
use crate::server::shared::upload_locks::Claimed;
use crate::store::{Name, Partial};

/// Waits until no other request is at work on an upload.
pub fn claim<'e>(exchange: &Exchange<'e>, id: &[u8]) -> Result<Claimed<'e>> {
    let own = exchange.reply.stream().shutdown_handle().map_err(|wrong| Error::io("client", wrong))?;
    exchange.server.claims.claim(id, own)
}

/// Takes a PUT that asks for it as an upload that can be gone on with. False where it must be taken as any other.
pub fn create(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name, plain: bool) -> Result<bool> {
    let (request, most) = (exchange.request, exchange.server.limits.file_size);
    let Some(complete) = resumption::is_complete(&request.fields) else { return Ok(false) };
    let offered = plain
        && exchange.body.is_identity()
        && request.version == Version::Http11
        && resumption::is_understood(&request.fields);
    let end = exchange.body.content_length().ok().flatten().filter(|_| complete);
    let mut terms = Terms::of_request(&request.fields);
    if offered && terms.learn_length(&request.fields, end).is_err() {
        return refuse_length(exchange).map(|()| true);
    }
    let length = terms.length();
    if length.is_some_and(|length| length > most) {
        return Err(Error::status(413, name.shown(), format!("is larger than {most} bytes")));
    }
    let begun = match offered {
        true => writer.create_partial(name, length, &terms.to_note())?,
        false => None,
    };
    match begun {
        Some(partial) => begin(exchange, writer.reader(), partial, &terms, complete).map(|()| true),
        None if complete => Ok(false),
        None => Err(incomplete()),
    }
}

/// Status 400: there is no going on with a body that is not all.
pub fn incomplete() -> Error {
    Error::status(400, "Upload-Complete", "is ?0, but here all must come at once")
}

/// Refuses the field of the third version, which says whether a body is not all: as a whole it must not be stored.
pub fn refuse_old(fields: &Fields) -> Result<()> {
    match fields.get(UPLOAD_INCOMPLETE) {
        Some(_) => Err(Error::status(400, UPLOAD_INCOMPLETE, "is of a draft that is not understood here")),
        None => Ok(()),
    }
}

/// Says where the upload is before it is read, then reads it.
fn begin(
    exchange: &mut Exchange<'_>,
    reader: Reader<'_>,
    partial: Box<dyn Partial + '_>,
    terms: &Terms,
    complete: bool,
) -> Result<()> {
    let _claimed = claim(exchange, partial.id().as_bytes())?;
    let fields = location(exchange, partial.as_ref());
    if let Some(version) = resumption::version(&exchange.request.fields) {
        let mut interim = fields.clone();
        interim.push("Upload-Draft-Interop-Version", version);
        exchange.reply.interim(104, &interim)?;
    }
    receive(exchange, reader, partial, terms, Piece { start: 0, complete }, (201, fields))
}

/// HEAD: how much there is.
pub fn offset(exchange: &mut Exchange<'_>, view: &View, id: &[u8]) -> Result<()> {
    let mut fields = Fields::new();
    fields.push("Cache-Control", "no-store");
    let (size, length) = match exchange.server.claims.ended(id) {
        Some(ended) => {
            view.writer(&ended.name)?.require(&ended.name)?;
            fields.push("ETag", &ended.etag);
            fields.push("Upload-Complete", "?1");
            (ended.size, Some(ended.size))
        }
        None => {
            let partial = view.resume(id)?;
            fields.push("Upload-Complete", "?0");
            fields.push("Upload-Limit", limit(exchange, partial.as_ref()));
            partial.sync()?;
            (partial.size()?, Terms::of_note(partial.metadata())?.length())
        }
    };
    fields.push("Upload-Offset", size.to_string());
    if let Some(length) = length {
        fields.push("Upload-Length", length.to_string());
    }
    exchange.reply.empty(204, fields)
}

/// DELETE: the client will not go on.
pub fn cancel(exchange: &mut Exchange<'_>, view: &View, id: &[u8]) -> Result<()> {
    view.resume(id)?.remove();
    exchange.reply.empty(204, Fields::new())
}

/// PATCH: more of it, and the end where the client says so.
pub fn append(exchange: &mut Exchange<'_>, view: &View, id: &[u8]) -> Result<()> {
    let (request, most) = (exchange.request, exchange.server.limits.file_size);
    if !is_partial_upload(&request.fields) || !exchange.body.is_identity() {
        let error = Error::status(415, "Content-Type", format!("is not {PARTIAL_UPLOAD}, uncoded"));
        return exchange.refuse(&error, accept_patch(), json!({}));
    }
    let missing = |name: &str| Error::status(400, name, "is missing");
    let offset =
        resumption::integer(&request.fields, "upload-offset").ok_or_else(|| missing("Upload-Offset"))?;
    let complete = resumption::is_complete(&request.fields).ok_or_else(|| missing("Upload-Complete"))?;
    if let Some(ended) = exchange.server.claims.ended(id) {
        view.writer(&ended.name)?.require(&ended.name)?;
        return refuse(exchange, 400, "completed-upload", "is complete already", Fields::new(), json!({}));
    }
    let mut partial = view.resume(id)?;
    let size = partial.size()?;
    if offset != size {
        partial.sync()?;
        let mut fields = Fields::new();
        fields.push("Upload-Complete", "?0");
        fields.push("Upload-Offset", size.to_string());
        let both = json!({ "expected-offset": size, "provided-offset": offset });
        let what = format!("goes on at {size}, not at {offset}");
        return refuse(exchange, 409, "mismatching-upload-offset", &what, fields, both);
    }
    let mut terms = Terms::of_note(partial.metadata())?;
    let reach = size.saturating_add(exchange.body.content_length().ok().flatten().unwrap_or(0));
    let is_new =
        match terms.learn_length(&request.fields, Some(reach).filter(|_| complete && is_sized(exchange))) {
            Ok(is_new) if terms.length().is_none_or(|length| reach <= length) => is_new,
            _ => return refuse_length(exchange),
        };
    if terms.length().unwrap_or(reach) > most {
        return Err(Error::status(413, partial.name().shown(), format!("is larger than {most} bytes")));
    }
    if is_new {
        partial.set_metadata(&terms.to_note())?;
    }
    let piece = Piece { start: size, complete };
    if let Some(version) = resumption::version(&exchange.request.fields) {
        partial.sync()?;
        exchange.reply.interim(104, &resumption::progress(version, size))?;
    }
    receive(exchange, view.reader(), partial, &terms, piece, (204, Fields::new()))
}

/// Where an upload is, and what its limits are. Some clients take no relative reference (RFC 9110 §10.2.2): they are
/// told a URL where it is known.
fn location(exchange: &Exchange<'_>, partial: &dyn Partial) -> Fields {
    let mut fields = Fields::new();
    let origin = public_url::origin(exchange.client, exchange.request).unwrap_or_default();
    fields.push("Location", format!("{origin}/.cfpd/uploads/{}", partial.id()));
    fields.push("Upload-Limit", limit(exchange, partial));
    fields
}

fn limit(exchange: &Exchange<'_>, partial: &dyn Partial) -> String {
    let max_age = partial.time_left().as_secs();
    resumption::format_limit(exchange.server.limits.file_size, Some(max_age))
}

/// `Accept-Patch`, as everything that takes uploads in pieces says it (RFC 5789 §3.1).
pub fn accept_patch() -> Fields {
    let mut fields = Fields::new();
    fields.push("Accept-Patch", PARTIAL_UPLOAD);
    fields
}

/// Whether the length of the body was said before it comes.
fn is_sized(exchange: &Exchange<'_>) -> bool {
    matches!(exchange.body.content_length(), Ok(Some(_)) | Err(_))
}

fn is_partial_upload(fields: &Fields) -> bool {
    let essence = fields.get("content-type").and_then(|value| value.split(|&byte| byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(PARTIAL_UPLOAD.as_bytes()))
}
