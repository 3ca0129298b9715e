//! The upload resource: PUT creates it; HEAD, PATCH and DELETE use it. `append` receives the bytes of one request; the
//! store keeps them.

use serde_json::json;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::resumption::{self, PARTIAL_UPLOAD, PROBLEM_TYPES, UPLOAD_INCOMPLETE};
use crate::http::{Fields, Version};
use crate::server::auth::rights::{AuthorizedStore, GuardedPartial, WriteTarget};
use crate::server::exchange::Exchange;
use crate::server::resumable::append::{receive, refuse, refuse_length};
use crate::server::resumable::metadata::UploadMetadata;
use crate::server::resumable::origin::origin;
use crate::server::shared::UploadGuard;
use crate::store::{Check, CompletedUpload, Name, Partial};

/// Locks an upload, so that no other request works on it.
pub fn lock<'e>(exchange: &Exchange<'e>, id: &[u8]) -> Result<UploadGuard<'e>> {
    let own = exchange.stream.socket.shutdown_handle().map_err(|error| Error::io("client", error))?;
    exchange.server.upload_locks.lock(id, own)
}

/// Creates an upload resource for a PUT that asks for one, and receives its body. False where the PUT is an ordinary one.
pub fn create(
    exchange: &mut Exchange<'_>,
    target: &WriteTarget<'_, '_>,
    name: &Name,
    check: Check<'_>,
    plain: bool,
) -> Result<bool> {
    let (request, most) = (exchange.request, exchange.server.limits.file_size);
    let Some(complete) = resumption::is_complete(&request.fields) else { return Ok(false) };
    let offered = plain
        && exchange.body.is_identity()
        && request.version == Version::Http11
        && resumption::is_understood(&request.fields);
    let end = exchange.body.content_length().ok().flatten().filter(|_| complete);
    let mut metadata = UploadMetadata::of_request(&request.fields);
    if offered && metadata.learn_length(&request.fields, end).is_err() {
        return refuse_length(exchange).map(|()| true);
    }
    let length = metadata.length();
    if length.is_some_and(|length| length > most) {
        return Err(Error::too_large(name.shown(), format!("is larger than {most} bytes")));
    }
    let begun = if offered { target.create_partial(length, check, &metadata.to_bytes())? } else { None };
    match begun {
        Some(partial) => begin(exchange, partial, &metadata, complete).map(|()| true),
        None if complete => Ok(false),
        None => Err(incomplete()),
    }
}

/// Returns the error of a partial body where uploads cannot be resumed.
pub fn incomplete() -> Error {
    Error::invalid("Upload-Complete", "is ?0, but here all must come at once")
}

/// Refuses the field of the draft's third version that marks a part of an upload: a part must not be stored as the
/// whole.
pub fn refuse_old(fields: &Fields) -> Result<()> {
    match fields.get(UPLOAD_INCOMPLETE) {
        Some(_) => Err(Error::invalid(UPLOAD_INCOMPLETE, "is of a draft that is not understood here")),
        None => Ok(()),
    }
}

/// Announces the upload resource in an interim response, then receives the body.
fn begin(
    exchange: &mut Exchange<'_>,
    partial: GuardedPartial<'_>,
    metadata: &UploadMetadata,
    complete: bool,
) -> Result<()> {
    let _guard = lock(exchange, partial.id().as_bytes())?;
    let fields = location(exchange, &*partial);
    if let Some(version) = resumption::version(&exchange.request.fields) {
        let mut interim = fields.clone();
        interim.push("Upload-Draft-Interop-Version", version);
        exchange.reply.interim(104, &interim)?;
    }
    receive(exchange, partial, metadata, 0, complete, (201, fields))
}

/// What an identifier stands for.
enum Resumed<'a> {
    Partial(GuardedPartial<'a>),
    Completed(CompletedUpload),
}

/// Looks for an unfinished upload first: while it is being completed, it is there until the other is.
fn resume<'a>(store: &'a AuthorizedStore, id: &[u8]) -> Result<Resumed<'a>> {
    match store.resume(id) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            store.completed(id)?.map(Resumed::Completed).ok_or(error)
        }
        partial => partial.map(Resumed::Partial),
    }
}

/// HEAD: answers the offset, after an fsync of what was received.
pub fn offset(exchange: &mut Exchange<'_>, store: &AuthorizedStore, id: &[u8]) -> Result<()> {
    let mut fields = Fields::new().with("Cache-Control", "no-store");
    let (size, length) = match resume(store, id)? {
        Resumed::Completed(completed) => {
            fields.push("ETag", &completed.etag);
            fields.push("Upload-Complete", "?1");
            (completed.size, Some(completed.size))
        }
        Resumed::Partial(partial) => {
            fields.push("Upload-Complete", "?0");
            fields.push("Upload-Limit", limit(exchange, &*partial));
            partial.sync()?;
            (partial.size()?, UploadMetadata::parse(partial.metadata())?.length())
        }
    };
    fields.push("Upload-Offset", size.to_string());
    if let Some(length) = length {
        fields.push("Upload-Length", length.to_string());
    }
    exchange.reply.empty(204, fields)
}

/// DELETE: cancels the upload.
pub fn cancel(exchange: &mut Exchange<'_>, store: &AuthorizedStore, id: &[u8]) -> Result<()> {
    store.resume(id)?.remove();
    exchange.reply.empty(204, Fields::new())
}

/// PATCH: appends the body, and completes the upload where the client says so.
pub fn append(exchange: &mut Exchange<'_>, store: &AuthorizedStore, id: &[u8]) -> Result<()> {
    let (request, most) = (exchange.request, exchange.server.limits.file_size);
    if !is_partial_upload(&request.fields) || !exchange.body.is_identity() {
        let error = Error::unsupported_type("Content-Type", format!("is not {PARTIAL_UPLOAD}, uncoded"));
        return exchange.refuse(&error, accept_patch(), json!({}));
    }
    let refused = |name: &str, what: &str| {
        let is_there = request.fields.get(name).is_some();
        Error::invalid(name, if is_there { what } else { "is missing" })
    };
    let offset = resumption::integer(&request.fields, "upload-offset")
        .ok_or_else(|| refused("Upload-Offset", "is not a number of bytes"))?;
    let complete = resumption::is_complete(&request.fields)
        .ok_or_else(|| refused("Upload-Complete", "is neither ?0 nor ?1"))?;
    let mut partial = match resume(store, id)? {
        Resumed::Partial(partial) => partial,
        Resumed::Completed(_) => return refuse(exchange, "completed-upload", "is complete already"),
    };
    let size = partial.size()?;
    if offset != size {
        partial.sync()?;
        drop(partial);
        return refuse_offset(exchange, size, offset);
    }
    let mut metadata = UploadMetadata::parse(partial.metadata())?;
    // Without a body, its length is 0; that of a chunked one is unknown.
    let length = exchange.body.content_length().unwrap_or(Some(0));
    let reach = size.saturating_add(length.unwrap_or(0));
    let end = length.filter(|_| complete).map(|_| reach);
    let is_new = match metadata.learn_length(&request.fields, end) {
        Ok(is_new) if metadata.length().is_none_or(|length| reach <= length) => is_new,
        _ => return refuse_length(exchange),
    };
    if metadata.length().unwrap_or(reach) > most {
        return Err(Error::too_large(partial.name().shown(), format!("is larger than {most} bytes")));
    }
    if is_new {
        partial.set_metadata(&metadata.to_bytes())?;
    }
    if let Some(version) = resumption::version(&exchange.request.fields) {
        partial.sync()?;
        exchange.reply.interim(104, &resumption::progress(version, size))?;
    }
    receive(exchange, partial, &metadata, size, complete, (204, Fields::new()))
}

/// Answers 409 to an offset that is not the size of the upload.
fn refuse_offset(exchange: &mut Exchange<'_>, size: u64, offset: u64) -> Result<()> {
    let fields = Fields::new().with("Upload-Complete", "?0").with("Upload-Offset", size.to_string());
    let problem = format!("{PROBLEM_TYPES}mismatching-upload-offset");
    let members = json!({ "type": problem, "expected-offset": size, "provided-offset": offset });
    let error = Error::conflict("upload", format!("is at offset {size}, not {offset}"));
    exchange.refuse(&error, fields, members)
}

/// Returns the fields with the URL and the limits of an upload resource. `Location` is an absolute URL where the origin is
/// known: some clients accept no relative reference (RFC 9110 §10.2.2).
fn location(exchange: &Exchange<'_>, partial: &dyn Partial) -> Fields {
    let origin = origin(exchange.client, exchange.request).unwrap_or_default();
    let prefix = shown(exchange.server.prefix.encoded());
    let location = format!("{origin}{prefix}/.cfpd/uploads/{}", partial.id());
    Fields::new().with("Location", location).with("Upload-Limit", limit(exchange, partial))
}

fn limit(exchange: &Exchange<'_>, partial: &dyn Partial) -> String {
    let max_age = partial.time_left().as_secs();
    resumption::format_limit(exchange.server.limits.file_size, Some(max_age))
}

/// Returns `Accept-Patch` of everything that takes resumable uploads (RFC 5789 §3.1).
pub fn accept_patch() -> Fields {
    Fields::new().with("Accept-Patch", PARTIAL_UPLOAD)
}

fn is_partial_upload(fields: &Fields) -> bool {
    let essence = fields.get("content-type").and_then(|value| value.split(|&byte| byte == b';').next());
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(PARTIAL_UPLOAD.as_bytes()))
}
