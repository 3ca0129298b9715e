//! The bytes of an upload that comes in pieces: one piece into the store, and after the last one the whole under its
//! name. Who may add what, and where, is decided before (`partial`).

use std::io::{self, Read, Write};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::http::digest::{self, Digest};
use crate::http::resumption::{self, PROBLEM_TYPES};
use crate::http::{Complete, Fields, head};
use crate::server::auth::rights::Reader;
use crate::server::exchange::exchange::Exchange;
use crate::server::exchange::filter::Operation;
use crate::server::exchange::hashed::take_digest;
use crate::server::exchange::liveness::ClientLiveness;
use crate::server::exchange::representation::check_write;
use crate::server::exchange::written::{accept_modified, fields_of_written, modified};
use crate::server::limits::TELL_UPLOAD_EVERY;
use crate::server::net::stream::Stream;
use crate::server::resumable::metadata::Terms;
use crate::server::shared::upload_locks::Ended;
use crate::store::{Partial, Written};

/// A part of an upload that comes with one request.
pub struct Piece {
    /// Where it begins.
    pub start: u64,
    /// Whether it is the last.
    pub complete: bool,
}

/// Reads a piece. Whatever ends it too early, what came is kept; `answer` is what a piece is
/// answered that is not the last.
pub fn receive(
    exchange: &mut Exchange<'_>,
    reader: Reader<'_>,
    mut partial: Box<dyn Partial + '_>,
    terms: &Terms,
    Piece { start, complete }: Piece,
    (status, mut fields): (u16, Fields),
) -> Result<()> {
    let most = exchange.server.limits.file_size.min(terms.length().unwrap_or(u64::MAX));
    exchange.body.take_at_most(most.saturating_sub(start));
    // A digest may follow unannounced; that of the only piece is that of the whole.
    exchange.body.hash();
    let spool = || reader.spool();
    let client = ClientLiveness::new(exchange.stream);
    let decoding = exchange.decoding(&client);
    let version = resumption::version(&exchange.request.fields);
    let mut sink = Told { partial: partial.as_mut(), stream: exchange.stream, version, untold: 0 };
    let work = |bytes: &mut dyn Read| Operation::identity().run_on_stream(bytes, decoding, &spool, &mut sink);
    let read = exchange.body.read(work);
    let whole = match read {
        Err(error) if error.http_status() == 413 => {
            partial.remove();
            // The system may refuse the size too, whatever was said of the length.
            let is_past_length = matches!(error, Error::Status { .. }) && terms.length().is_some();
            return if is_past_length { refuse_length(exchange) } else { Err(error) };
        }
        Err(error) => {
            let size = partial.size()?;
            partial.truncate(size)?;
            return Err(error);
        }
        Ok(whole) => whole,
    };
    let said_in = [&exchange.request.fields, &whole.trailers];
    if let Err(error) = digest::verify_field("Content-Digest", said_in, whole.digest) {
        partial.truncate(start)?;
        return Err(error);
    }
    let size = partial.size()?;
    if complete {
        let taken = whole.digest.filter(|_| start == 0);
        return end(exchange, partial, terms, &whole, taken);
    }
    partial.truncate(size)?;
    partial.sync()?;
    fields.push("Upload-Complete", "?0");
    fields.push("Upload-Offset", size.to_string());
    exchange.reply.empty(status, fields)
}

/// An upload that is written, and its client, which is told from time to time how much is on the disk.
struct Told<'a, 'p> {
    partial: &'a mut (dyn Partial + 'p),
    stream: &'a Stream,
    /// The version the client speaks, where it is to be told.
    version: Option<&'static str>,
    /// Bytes that came since.
    untold: u64,
}

impl Write for Told<'_, '_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.partial.write(block)?;
        self.untold += written as u64;
        if self.untold >= TELL_UPLOAD_EVERY
            && let Some(version) = self.version
        {
            self.partial.sync()?;
            let mut head = Vec::new();
            let fields = resumption::progress(version, self.partial.size()?);
            head::write_response(&mut head, 104, &[&fields]);
            self.stream.processing.say(self.stream, &head)?;
            self.untold = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.partial.flush()
    }
}

/// Ends an upload, and answers what the PUT that began it would have been answered. Whatever that is, there is
/// nothing to go on with any more.
fn end(
    exchange: &mut Exchange<'_>,
    partial: Box<dyn Partial + '_>,
    terms: &Terms,
    whole: &Complete,
    taken: Option<Digest>,
) -> Result<()> {
    let (id, name, size) = (partial.id().as_bytes().to_vec(), partial.name().clone(), partial.size()?);
    if terms.length().is_some_and(|length| length != size) {
        partial.remove();
        return refuse_length(exchange);
    }
    let mut fields = Fields::new();
    let modified = modified(&terms.fields)?;
    match publish(exchange, partial, terms, whole, taken) {
        Ok(written) => {
            let etag = written.meta.etag.clone();
            let status = fields_of_written(&mut fields, &name, &written);
            accept_modified(&mut fields, modified);
            exchange.server.claims.end(id, Ended { name, size, etag });
            fields.push("Upload-Complete", "?1");
            fields.push("Upload-Offset", size.to_string());
            exchange.reply.empty(status, fields)
        }
        Err(error) => {
            fields.push("Upload-Complete", "?1");
            exchange.fail(&error, fields);
            Ok(())
        }
    }
}

/// Puts an upload under its name, which takes the proof that its last piece came whole. What was asked when it began
/// is asked again.
fn publish(
    exchange: &Exchange<'_>,
    mut partial: Box<dyn Partial + '_>,
    terms: &Terms,
    whole: &Complete,
    taken: Option<Digest>,
) -> Result<Written> {
    let name = partial.name().clone();
    let judge = || {
        let digest = match taken {
            Some(digest) => digest,
            None => take_digest(|block, offset| partial.read_at(block, offset))
                .map_err(|wrong| Error::io(name.shown(), wrong))?,
        };
        let said = [&terms.fields, &exchange.request.fields];
        digest::verify_field("Repr-Digest", said, Some(digest))?;
        digest::verify_field("Repr-Digest", [&whole.trailers; 2], Some(digest))?;
        Ok(digest)
    };
    match judge() {
        Ok(digest) => {
            partial.set_digest(digest);
            modified(&terms.fields)?.iter().for_each(|seconds| partial.set_modified(*seconds));
            partial.commit(&|standing| check_write(&terms.fields, &name, standing))
        }
        Err(error) => {
            partial.remove();
            Err(error)
        }
    }
}

/// Refuses for two lengths that cannot both be true.
pub fn refuse_length(exchange: &mut Exchange<'_>) -> Result<()> {
    let what = "has another length than was said";
    refuse(exchange, 400, "inconsistent-upload-length", what, Fields::new(), json!({}))
}

/// Answers a problem that the protocol has a type for.
pub fn refuse(
    exchange: &mut Exchange<'_>,
    status: u16,
    problem: &str,
    what: &str,
    fields: Fields,
    mut members: Value,
) -> Result<()> {
    if let Some(members) = members.as_object_mut() {
        members.insert("type".to_owned(), format!("{PROBLEM_TYPES}{problem}").into());
    }
    exchange.refuse(&Error::status(status, "upload", what), fields, members)
}
