//! COPY, MOVE, DELETE and MKCOL, and COPY through a filter.

use crate::error::{Error, Result, shown};
use crate::http::{Fields, Query, Request, Target};
use crate::server::auth::rights::{AuthorizedTransfer, Writer};
use crate::server::exchange::{
    BoundedDecoding, Exchange, Hashed, Operation, ResultUse, Work, answer_written, check_write, failed,
    location,
};
use crate::store::{Content, Detail, Meta, Name};

/// The field with the number of changes that a filter made in place.
const CHANGED: &str = "Cfp-Changed";

/// Copies a file or a directory; with a filter, stores the result of the filter on a file.
pub fn copy(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    let request = exchange.request;
    let to = destination(exchange)?;
    let transfer = writer.authorize_copy(name, &to)?;
    check_source(request, name, &transfer)?;
    let written = match Operation::of_query(&exchange.query, &request.fields, ResultUse::Stored)? {
        Some(operation) => return copy_filtered(exchange, writer, name, &to, &operation),
        None => {
            let (source, work) = (transfer.source().ok(), Work::new(exchange.stream));
            work.expect(writer, name, source.map_or(0, |meta| meta.size), Detail::Metadata);
            let source = |from: Option<&Meta>| check_write(&request.fields, name, from);
            transfer.copy(&source, &|at| check_overwrite(request, &to, at), &work.advance())?
        }
    };
    answer_written(exchange, &to, &written, Fields::new())
}

/// Renames a file or a directory.
pub fn rename(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    let request = exchange.request;
    refuse_query(&exchange.query)?;
    let to = destination(exchange)?;
    let transfer = writer.authorize_move(name, &to)?;
    check_source(request, name, &transfer)?;
    let source = |from: Option<&Meta>| check_write(&request.fields, name, from);
    let work = Work::new(exchange.stream);
    // Between file systems it is a copy.
    let written = transfer.rename(&source, &|at| check_overwrite(request, &to, at), &work.advance())?;
    answer_written(exchange, &to, &written, Fields::new())
}

/// Deletes a file, or a directory with everything in it.
pub fn delete(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    refuse_query(&exchange.query)?;
    let work = Work::new(exchange.stream);
    work.expect(writer, name, 0, Detail::Names);
    let check = |existing: Option<&Meta>| check_write(&exchange.request.fields, name, existing);
    let left = writer.delete(name, &check, &work.advance())?;
    left.iter().for_each(|left| exchange.server.log.error(left));
    exchange.reply.empty(204, Fields::new())
}

/// Makes a directory.
pub fn make_directory(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    refuse_query(&exchange.query)?;
    if exchange.body.content_length().is_ok_and(|length| length != Some(0)) {
        return Err(Error::unsupported_type("body", "has no meaning in MKCOL"));
    }
    writer.make_directory(name, &|existing| check_write(&exchange.request.fields, name, existing))?;
    let location = location(exchange.server, name, true, &Query::default());
    exchange.reply.empty(201, Fields::new().with("Location", location))
}

/// Reads one version of the source, and atomically replaces the target by the result of the filter. A file that replaces
/// itself must still be the version that was read; the number of changes is sent, and without any nothing is written.
fn copy_filtered(
    exchange: &mut Exchange<'_>,
    writer: &Writer<'_>,
    name: &Name,
    to: &Name,
    operation: &Operation,
) -> Result<()> {
    let (request, decoding, is_in_place) = (exchange.request, exchange.decoding(), name == to);
    let (content, existing, mut draft) = begin_filtered(&decoding, writer, request, name, to)?;
    let (read, mut fields) = (content.meta().etag.clone(), Fields::new());
    exchange.stream.interim.work.expect(0, content.meta().size);
    if is_in_place {
        let changed = operation.change_content(name, content.as_ref(), &decoding, &mut draft);
        let changed = changed.map_err(|error| Error::io(name.shown(), error))?;
        fields.push(CHANGED, changed.to_string());
        if changed == 0 {
            drop(draft);
            return exchange.reply.empty(204, fields.with("ETag", &read));
        }
    } else {
        let run = operation.run_on_content(name, content.as_ref(), &decoding, &mut draft);
        run.map_err(|error| Error::io(name.shown(), error))?;
    }
    let must_be_same = match is_in_place {
        // `If-Match: *` accepts any version.
        true => request.fields.get("if-match").is_none_or(|tags| tags.trim_ascii() != b"*"),
        // One of the two may be a symbolic link to the other.
        false => existing.is_some_and(|now| now.etag == read),
    };
    let written = draft.commit(None, &|existing| match existing.is_some_and(|now| now.etag == read) {
        false if must_be_same => {
            Err(Error::precondition_failed(name.shown(), "changed while it was worked on"))
        }
        _ => check_overwrite(request, to, existing),
    })?;
    answer_written(exchange, to, &written, fields)
}

/// Checks the preconditions of source and target, then opens the source and a draft for the target.
fn begin_filtered<'a>(
    decoding: &'a BoundedDecoding<'_>,
    writer: &Writer<'a>,
    request: &Request,
    name: &Name,
    to: &Name,
) -> Result<(Box<dyn Content>, Option<Meta>, Hashed<'a>)> {
    let content = writer.reader().open(name)?;
    let read = content.meta();
    check_write(&request.fields, name, Some(read))?;
    let target = writer.target(to)?;
    check_overwrite(request, to, target.existing.as_ref())?;
    // A stored file may be larger than what clients may send.
    let most = decoding.server.limits.file_size.max(read.size);
    let draft = Hashed::new(target.create(None)?, most, &decoding.client);
    Ok((content, target.existing, draft))
}

/// Checks the source before the destination: a client that is told of a missing parent directory creates it, though
/// nothing would be stored there. The store checks it again.
fn check_source(request: &Request, name: &Name, transfer: &AuthorizedTransfer<'_>) -> Result<()> {
    match transfer.source() {
        Ok(existing) => check_write(&request.fields, name, Some(&existing)),
        Err(_) => Ok(()),
    }
}

/// Checks `Overwrite` (RFC 4918 §10.6): with `F` nothing may exist at the destination.
fn check_overwrite(request: &Request, to: &Name, existing: Option<&Meta>) -> Result<()> {
    match request.fields.get_once("Overwrite")? {
        Some(b"F" | b"f") if existing.is_some() => Err(failed(to)),
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
    refuse_query(&target.query)?;
    let name = Name::new(target.components, target.directory)?;
    match name.components().is_empty() {
        true => Err(Error::forbidden("Destination", "is the root")),
        false => Ok(name),
    }
}

fn refuse_query(query: &Query) -> Result<()> {
    match query.names().next() {
        Some(unknown) => Err(Error::invalid(unknown, "is no parameter here")),
        None => Ok(()),
    }
}
