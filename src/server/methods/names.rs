//! COPY, MOVE, DELETE and MKCOL, and COPY through a filter.

use std::cell::Cell;

use crate::error::{Error, Result, shown};
use crate::http::{Fields, Query, Request, Target};
use crate::server::auth::rights::{AuthorizedTransfer, Writer};
use crate::server::exchange::{
    Exchange, HashedDraft, Operation, ResultUse, Work, answer_written, exists, location, precondition,
};
use crate::server::webdav::collection;
use crate::store::{Detail, Meta, Name};

/// The field with the number of changes that a filter made in place.
const CHANGED: &str = "Cfp-Changed";

/// Copies a file or a directory; with a filter, stores the result of the filter on a file.
pub fn copy(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    let request = exchange.request;
    let to = destination(exchange)?;
    let transfer = writer.authorize_copy(name, &to)?;
    if exchange.query.pairs().next().is_some() {
        return copy_filtered(exchange, &transfer, name, &to);
    }
    let is_webdav = collection::is_of_webdav_client(&request.fields);
    let is_shallow = is_webdav && collection::is_shallow_copy(&request.fields)?;
    let (from, to) = if is_webdav { transfer.names_as_found() } else { (name.clone(), to.clone()) };
    let transfer = writer.authorize_copy(&from, &to)?.replacing_any(is_webdav).shallow(is_shallow);
    let source = check_source(request, name, &transfer)?;
    let work = Work::new(exchange.stream);
    work.set_total(writer, &from, source.map_or(0, |meta| meta.size), Detail::Sizes);
    let check = precondition(&request.fields, name);
    let written = transfer.copy(&check, &|at| check_overwrite(request, &to, at), &work.report())?;
    answer_written(exchange, &to, &written, Fields::new())
}

/// Renames a file or a directory.
pub fn rename(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    let request = exchange.request;
    exchange.query.require_none()?;
    let to = destination(exchange)?;
    let transfer = writer.authorize_move(name, &to)?;
    let is_webdav = collection::is_of_webdav_client(&request.fields);
    let (from, to) = if is_webdav { transfer.names_as_found() } else { (name.clone(), to.clone()) };
    if is_webdav && from.is_directory() {
        collection::require_whole(&request.fields)?;
    }
    let transfer = writer.authorize_move(&from, &to)?.replacing_any(is_webdav);
    check_source(request, name, &transfer)?;
    let check = precondition(&request.fields, name);
    let work = Work::new(exchange.stream);
    // Between file systems it is a copy.
    let written = transfer.rename(&check, &|at| check_overwrite(request, &to, at), &work.report())?;
    answer_written(exchange, &to, &written, Fields::new())
}

/// Deletes a file, or a directory with everything in it.
pub fn delete(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    let fields = &exchange.request.fields;
    exchange.query.require_none()?;
    let name = &match collection::is_of_webdav_client(fields) {
        true => writer.removal_as_found(name)?,
        false => name.clone(),
    };
    if name.is_directory() {
        collection::require_whole(fields)?;
    }
    let work = Work::new(exchange.stream);
    work.set_total(writer, name, 0, Detail::Names);
    let check = precondition(fields, name);
    let left = writer.delete(name, &check, &work.report())?;
    left.iter().for_each(|left| exchange.server.log.error(left));
    exchange.reply.empty(204, Fields::new())
}

/// Makes a directory.
pub fn make_directory(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    exchange.query.require_none()?;
    if exchange.body.content_length().is_ok_and(|length| length != Some(0)) {
        return Err(Error::unsupported_type("body", "has no meaning in MKCOL"));
    }
    writer.make_directory(name, &precondition(&exchange.request.fields, name))?;
    let location = location(exchange.server, name, true, &Query::default());
    exchange.reply.empty(201, Fields::new().with("Location", location))
}

/// Reads one version of the source, and atomically replaces the target by the result of the filter. A file that replaces
/// itself must still be the version that was read; the number of changes is sent, and without any nothing is written.
fn copy_filtered(
    exchange: &mut Exchange<'_>,
    transfer: &AuthorizedTransfer<'_>,
    name: &Name,
    to: &Name,
) -> Result<()> {
    let (request, decoding) = (exchange.request, exchange.decoding());
    let opened = transfer.open();
    if let Ok(content) = &opened {
        precondition(&request.fields, name)(Some(content.meta()))?;
    }
    let operation = Operation::of_query(&exchange.query, &request.fields, ResultUse::Stored)?;
    let (operation, content) = (operation.unwrap_or_else(Operation::identity), opened?);
    let read = content.meta();
    let is_read = |existing: Option<&Meta>| existing.is_some_and(|now| now.etag == read.etag);
    let was_itself = Cell::new(false);
    let draft = transfer.target().create(None, &|existing| {
        was_itself.set(is_read(existing));
        check_overwrite(request, to, existing)
    })?;
    // One of the two names may be a symbolic link to the other, or lead through one.
    let is_in_place = name == to || was_itself.get();
    // A stored file may be larger than what clients may send.
    let most = decoding.server.limits.file_size.max(read.size);
    let mut draft = HashedDraft::new(draft, most, &decoding.client);
    let mut fields = Fields::new();
    exchange.stream.interim.work.set_total(0, read.size);
    if is_in_place {
        let changed = operation.change_content(name, content.as_ref(), &decoding, &mut draft);
        let changed = changed.map_err(|error| Error::io(name.shown(), error))?;
        fields.push(CHANGED, changed.to_string());
        if changed == 0 {
            drop(draft);
            return exchange.reply.empty(204, fields.with("ETag", &read.etag));
        }
    } else {
        let run = operation.run_on_content(name, content.as_ref(), &decoding, &mut draft);
        run.map_err(|error| Error::io(name.shown(), error))?;
    }
    let must_be_same = is_in_place && !accepts_any_version(request);
    let written = draft.commit(None, &|existing| match is_read(existing) {
        false if must_be_same => {
            Err(Error::precondition_failed(name.shown(), "changed while it was worked on"))
        }
        _ => check_overwrite(request, to, existing),
    })?;
    answer_written(exchange, to, &written, fields)
}

/// Returns whether a change in place may replace another version than the one that was read: with `If-Match: *`.
fn accepts_any_version(request: &Request) -> bool {
    request.fields.get("if-match").is_some_and(|tags| tags.trim_ascii() == b"*")
}

/// Checks the source before the destination: a client that is told of a missing parent directory creates it, though
/// nothing would be stored there. The store checks it again.
fn check_source(request: &Request, name: &Name, transfer: &AuthorizedTransfer<'_>) -> Result<Option<Meta>> {
    let existing = transfer.source().ok();
    existing.as_ref().map_or(Ok(()), |_| precondition(&request.fields, name)(existing.as_ref()))?;
    Ok(existing)
}

/// Checks `Overwrite` (RFC 4918 §10.6): with `F` nothing may exist at the destination.
fn check_overwrite(request: &Request, to: &Name, existing: Option<&Meta>) -> Result<()> {
    match request.fields.get_once("Overwrite")? {
        Some(b"F" | b"f") if existing.is_some() => Err(exists(to)),
        None | Some(b"T" | b"t" | b"F" | b"f") => Ok(()),
        // The client may mean `F`: do not overwrite.
        Some(_) => Err(Error::invalid("Overwrite", "is neither T nor F")),
    }
}

/// Parses the name in `Destination` (RFC 4918 §10.3): a path, or a URL whose host is not checked.
fn destination(exchange: &Exchange<'_>) -> Result<Name> {
    let value = exchange.request.fields.get_once("Destination")?.unwrap_or_default();
    if value.is_empty() {
        return Err(Error::invalid("Destination", "is missing: say where to"));
    }
    let prefix = &exchange.server.prefix;
    let elsewhere = || Error::invalid("Destination", format!("is not beneath {}/", shown(prefix.encoded())));
    let below = prefix.below(value).ok_or_else(elsewhere)?;
    let target = Target::parse(if below.is_empty() { b"/" } else { below })?;
    target.query.require_none()?;
    let name = Name::new(target.components, target.directory)?;
    match name.components().is_empty() {
        true => Err(Error::forbidden("Destination", "is the root")),
        false => Ok(name),
    }
}
