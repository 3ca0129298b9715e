//! GET and HEAD of a stored file, unchanged or through a filter.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::ops::Range;
use std::time::SystemTime;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::coding::Coding;
use crate::http::condition::{Validators, known_tag, range_holds};
use crate::http::digest::{self, Digest, REPR_DIGEST};
use crate::http::range::{self, Selected};
use crate::http::{Fields, Method, accept};
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::{
    Cancellable, ClientLiveness, ContentStart, Exchange, NamedType, Operation, ResultUse, coded_etag,
    compute_digest, fields_of, is_compressible, is_dense, is_not_modified, location, of_not_modified,
    send_content, send_multipart, send_streamed, text_type, with_charset,
};
use crate::server::methods::{archive, list, login, search_tree};
use crate::server::shared::Server;
use crate::store::{Content, Name};
use crate::text::ReadAt;

/// Sends a stored file, or, where the name ends in a slash, the list of a directory.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore, name: &Name) -> Result<()> {
    if name.components().is_empty() && login::is_meant(&exchange.query) {
        return login::answer(exchange, store);
    }
    if name.is_directory() {
        match exchange.reply.outcome.filter {
            None if exchange.query.has("archive") => return archive::answer(exchange, store, name),
            None => return list::answer(exchange, store, name),
            Some("search") => return search_tree::answer(exchange, store, name),
            Some(_) => {}
        }
    }
    let operation = Operation::of_query(&exchange.query, &exchange.request.fields, ResultUse::Sent);
    let opened = store.reader().open(name);
    match opened {
        Ok(content) => match operation? {
            None => answer_whole(exchange, name, content),
            Some(operation) => answer_filtered(exchange, name, content, &operation),
        },
        Err(error) if error.kind() == ErrorKind::IsDirectory && !name.is_directory() => {
            redirect(exchange, name)
        }
        Err(error) => Err(error),
    }
}

/// Redirects from the name of a directory to that with the final slash.
fn redirect(exchange: &mut Exchange<'_>, name: &Name) -> Result<()> {
    let location = location(exchange.server, name, true, &exchange.query);
    let fields = moved_to(exchange.server, &location);
    let line = format!("{}: is a directory: ask for {}\n", shown(&name.shown()), shown(&location));
    // Not 308, which older clients do not support; for GET and HEAD both mean the same.
    exchange.reply.bytes(301, "text/plain", line.as_bytes(), fields)
}

/// Returns the fields of a redirect to the name with the final slash. Without `Cache-Control`, browsers would keep it for ever,
/// also where the name has become that of a file.
pub fn moved_to(server: &Server, location: &[u8]) -> Fields {
    Fields::new().with("Location", location).with("Cache-Control", server.cache_control())
}

/// Sends the stored bytes, or ranges of them.
fn answer_whole(exchange: &mut Exchange<'_>, name: &Name, mut content: Box<dyn Content>) -> Result<()> {
    let request = exchange.request;
    let meta = content.meta().clone();
    let (named, start) = (NamedType::of(name), ContentStart::default());
    let may_be_coded = range_of(exchange).is_none()
        && meta.size > 0
        && named.may_be_compressible()
        && accept::coding(&request.fields) == Coding::Zstd;
    let represent = |exchange: &mut Exchange<'_>| {
        let media_type = named.resolve(content.as_ref(), &start);
        match may_be_coded && is_compressible(&media_type) && !is_dense(content.as_ref(), &start) {
            true => (media_type, exchange.reply.choose_coding(request)),
            false => (media_type, Coding::Identity),
        }
    };
    // The preconditions come first: to evaluate them, nothing of the content is read. They may name the tag of the
    // identity coding or of the zstd coding: both are this file.
    let mut etag = coded_etag(&meta.etag, if may_be_coded { Coding::Zstd } else { Coding::Identity });
    let either = Validators { etag: Some(&meta.etag), coded: Some(&etag), modified: Some(meta.modified) };
    let cache = exchange.server.cache_control();
    if is_not_modified(request, name, either)? {
        let is_named = request.fields.get("if-none-match").is_some_and(|tags| tags != b"*");
        let known = match known_tag(&request.fields, either).filter(|_| is_named || !may_be_coded) {
            Some(known) => known.to_owned(),
            // The tag of the representation that would have been sent.
            None => coded_etag(&meta.etag, represent(exchange).1),
        };
        let mut fields = fields_of(&known, meta.modified, cache);
        if named.may_be_compressible() {
            fields.push("Vary", "Accept-Encoding");
        }
        return exchange.reply.empty(304, of_not_modified(&fields));
    }
    let (media_type, coding) = represent(exchange);
    if coding == Coding::Identity {
        etag.clone_from(&meta.etag);
    }
    let mut fields = fields_of(&etag, meta.modified, cache);
    fields.push("Content-Type", &media_type);
    fields.push("Accept-Ranges", "bytes");
    if is_compressible(&media_type) {
        fields.push("Vary", "Accept-Encoding");
    }
    if coding == Coding::Zstd {
        return stream(exchange, name, content.as_ref(), fields, coding, &Operation::identity());
    }
    answer_uncoded(exchange, name, content.as_mut(), &start, fields)
}

/// Returns the value of `Range`, which is defined for GET alone (RFC 9110 §14.2).
fn range_of<'e>(exchange: &Exchange<'e>) -> Option<&'e [u8]> {
    exchange.request.fields.get("range").filter(|_| exchange.request.method == Method::Get)
}

/// Sends the stored bytes without a coding, or ranges of them.
fn answer_uncoded(
    exchange: &mut Exchange<'_>,
    name: &Name,
    content: &mut dyn Content,
    start: &ContentStart,
    mut fields: Fields,
) -> Result<()> {
    if let Some(digest) = digest_of(exchange, content)? {
        fields.push(REPR_DIGEST, digest::format(&digest));
    }
    let (size, modified) = (content.meta().size, Some(content.meta().modified));
    let current = Validators { etag: Some(&content.meta().etag), coded: None, modified };
    let selected = match range_holds(&exchange.request.fields, current, SystemTime::now()) {
        true => range::select(range_of(exchange), size),
        false => Selected::Whole,
    };
    let known = (&*content, content.bytes().unwrap_or(start.known()));
    match selected {
        Selected::Whole => send_content(&mut exchange.reply, 200, known, 0..size, fields),
        Selected::Part(part) => {
            fields.push("Content-Range", range::content_range(&part, size));
            send_content(&mut exchange.reply, 206, known, part, fields)
        }
        Selected::Parts(parts) => answer_parts(exchange, content, &parts, &fields),
        Selected::Unsatisfiable => {
            let error = Error::range_not_satisfiable(name.shown(), "has no such range");
            let fields = Fields::new().with("Content-Range", format!("bytes */{size}"));
            exchange.refuse(&error, fields, json!({}))
        }
    }
}

/// Sends several ranges as multipart/byteranges (RFC 9110 §14.6).
fn answer_parts(
    exchange: &mut Exchange<'_>,
    content: &dyn Content,
    parts: &[Range<u64>],
    whole: &Fields,
) -> Result<()> {
    // The boundary is random, so that no stored file contains it.
    let random = || RandomState::new().build_hasher().finish();
    let boundary = format!("{:016x}{:016x}", random(), random());
    let mut fields = Fields::new();
    let mut media_type: &[u8] = b"";
    for (name, value) in whole.iter() {
        match name {
            b"Content-Type" => media_type = value,
            name => fields.push(&String::from_utf8_lossy(name), value),
        }
    }
    fields.push("Content-Type", format!("multipart/byteranges; boundary={boundary}"));
    let behind_head = |part: &Range<u64>| {
        let range = range::content_range(part, content.meta().size);
        let (start, end) =
            (format!("\r\n--{boundary}\r\nContent-Type: "), format!("\r\nContent-Range: {range}\r\n\r\n"));
        ([start.as_bytes(), media_type, end.as_bytes()].concat(), part.clone())
    };
    let parts: Vec<_> = parts.iter().map(behind_head).collect();
    send_multipart(&mut exchange.reply, content, &parts, format!("\r\n--{boundary}--\r\n").as_bytes(), fields)
}

/// Returns the stored digest, or computes it for a client that wants it (`Want-Repr-Digest`).
fn digest_of(exchange: &Exchange<'_>, content: &mut dyn Content) -> Result<Option<Digest>> {
    let kept = content.digest();
    if kept.is_some() || !digest::is_wanted(&exchange.request.fields) {
        return Ok(kept);
    }
    content.prepare_digest();
    exchange.stream.interim.work.set_total(0, content.meta().size);
    let client = ClientLiveness::new(exchange.stream);
    let file = Cancellable { content, client: &client };
    let taken = file.reader().and_then(compute_digest);
    // A read error is reported while the body is sent; here, only a disconnected client is an error.
    client.check_connected().map_err(|error| Error::io("client", error))?;
    Ok(taken.ok().inspect(|digest| content.keep_digest(digest)))
}

/// Sends the result of a filter on a stored file.
fn answer_filtered(
    exchange: &mut Exchange<'_>,
    name: &Name,
    content: Box<dyn Content>,
    operation: &Operation,
) -> Result<()> {
    let coding = match operation.is_number {
        true => Coding::Identity,
        false => exchange.reply.choose_coding(exchange.request),
    };
    let modified = content.meta().modified;
    let etag = coded_etag(&operation.etag(&content.meta().etag), coding);
    let mut fields = fields_of(&etag, modified, exchange.server.cache_control());
    fields.push("Vary", if operation.is_number { "Accept" } else { "Accept-Encoding" });
    let current = Validators { etag: Some(&etag), coded: None, modified: Some(modified) };
    if is_not_modified(exchange.request, name, current)? {
        return exchange.reply.empty(304, of_not_modified(&fields));
    }
    let media_type = match operation.media_type {
        Some(of_number) if operation.is_number => with_charset(of_number),
        Some(of_text) => text_type(of_text, content.as_ref(), &ContentStart::default()),
        None => NamedType::of(name).resolve(content.as_ref(), &ContentStart::default()),
    };
    if operation.is_number {
        if exchange.request.method == Method::Head {
            fields.push("Content-Type", media_type);
            return exchange.reply.head_only(200, fields);
        }
        let mut number = Vec::new();
        exchange.stream.interim.work.set_total(0, content.meta().size);
        let run = operation.run_on_content(name, content.as_ref(), &exchange.decoding(), &mut number);
        run.map_err(|error| Error::io(name.shown(), error))?;
        return exchange.reply.bytes(200, &media_type, &number, fields);
    }
    fields.push("Content-Type", media_type);
    stream(exchange, name, content.as_ref(), fields, coding, operation)
}

/// Streams the result of a filter on a stored file.
fn stream(
    exchange: &mut Exchange<'_>,
    name: &Name,
    content: &dyn Content,
    fields: Fields,
    coding: Coding,
    operation: &Operation,
) -> Result<()> {
    let decoding = exchange.decoding();
    let work = |sink: &mut dyn Write| operation.run_on_content(name, content, &decoding, sink);
    send_streamed(&mut exchange.reply, 200, fields, coding, None, work)
}
