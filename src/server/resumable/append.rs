//! Appends the body of one request to a resumable upload, and after the last one commits it under its name. `resource`
//! has checked rights, lock and offset before.

use std::io::{self, Write};

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::http::digest::{self, Digest, REPR_DIGEST};
use crate::http::resumption::{self, PROBLEM_TYPES};
use crate::http::{Complete, Fields, head};
use crate::server::auth::rights::GuardedPartial;
use crate::server::exchange::{
    Exchange, accept_modified, compute_digest, fields_of_written, modified, precondition,
};
use crate::server::limits::REPORT_UPLOAD_EVERY;
use crate::server::net::Stream;
use crate::server::resumable::metadata::UploadMetadata;
use crate::store::{Partial, Written};

/// Receives the part of an upload from `start` on; `complete` tells that it is the last. Where the body ends early, what
/// was received is kept. The last argument is the response to a part that does not complete the upload.
pub fn receive(
    exchange: &mut Exchange<'_>,
    mut partial: GuardedPartial<'_>,
    metadata: &UploadMetadata,
    start: u64,
    complete: bool,
    (status, mut fields): (u16, Fields),
) -> Result<()> {
    let most = exchange.server.limits.file_size.min(metadata.length().unwrap_or(u64::MAX));
    exchange.body.take_at_most(most.saturating_sub(start));
    let decoding = exchange.decoding();
    let version = resumption::version(&exchange.request.fields);
    let mut sink = Reporting { partial: &mut *partial, stream: exchange.stream, version, unreported: 0 };
    let read = exchange.body.copy_to(&decoding, &mut sink);
    let whole = match read {
        Err(error) if error.kind() == ErrorKind::TooLarge => {
            partial.remove();
            // The file system's own size limit is an error of this kind too.
            let is_past_length = matches!(error, Error::Failed { .. }) && metadata.length().is_some();
            return if is_past_length { refuse_length(exchange) } else { Err(error) };
        }
        Err(error) => return Err(error),
        Ok(whole) => whole,
    };
    let said_in = [&exchange.request.fields, &whole.trailers];
    if let Err(error) = digest::verify_field("Content-Digest", &said_in, whole.digest) {
        partial.truncate(start)?;
        return Err(error);
    }
    let size = partial.size()?;
    if complete {
        let taken = whole.digest.filter(|_| start == 0);
        return complete_upload(exchange, partial, metadata, &whole, taken);
    }
    partial.sync()?;
    // The client may continue with another daemon after this response: release the upload first.
    drop(partial);
    fields.push("Upload-Complete", "?0");
    fields.push("Upload-Offset", size.to_string());
    exchange.reply.empty(status, fields)
}

/// A writer that reports progress: an interim response from time to time says how much was fsynced.
struct Reporting<'a, 'p> {
    partial: &'a mut (dyn Partial + 'p),
    stream: &'a Stream,
    /// The client's version of the protocol; `None` where it wants no progress reports.
    version: Option<&'static str>,
    /// Bytes written since the last report.
    unreported: u64,
}

impl Write for Reporting<'_, '_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.partial.write(block)?;
        self.unreported += written as u64;
        if self.unreported >= REPORT_UPLOAD_EVERY
            && let Some(version) = self.version
        {
            self.partial.sync()?;
            let mut head = Vec::new();
            let fields = resumption::progress(version, self.partial.size()?);
            head::write_response(&mut head, 104, &[&fields]);
            self.stream.interim.write(self.stream, &head)?;
            self.unreported = 0;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.partial.flush()
    }
}

/// Completes an upload, and sends the response of an ordinary PUT. The upload can't be resumed after that, whatever the
/// response.
fn complete_upload(
    exchange: &mut Exchange<'_>,
    partial: GuardedPartial<'_>,
    metadata: &UploadMetadata,
    whole: &Complete,
    taken: Option<Digest>,
) -> Result<()> {
    let (name, size) = (partial.name().clone(), partial.size()?);
    if metadata.length().is_some_and(|length| length != size) {
        partial.remove();
        return refuse_length(exchange);
    }
    let modified = modified(&metadata.fields)?;
    match commit(exchange, partial, metadata, whole, taken) {
        Ok(written) => {
            let mut fields = Fields::new();
            let status = fields_of_written(exchange.server, &mut fields, &name, &written);
            accept_modified(&mut fields, modified, &written);
            let fields = fields.with("Upload-Complete", "?1").with("Upload-Offset", size.to_string());
            exchange.reply.empty(status, fields)
        }
        Err(error) => {
            exchange.fail(&error, Fields::new().with("Upload-Complete", "?1"));
            Ok(())
        }
    }
}

/// Verifies the digests of an upload and commits it. `whole` proves that the last body was complete. The preconditions
/// of its creation are checked again.
fn commit(
    exchange: &Exchange<'_>,
    mut partial: GuardedPartial<'_>,
    metadata: &UploadMetadata,
    whole: &Complete,
    taken: Option<Digest>,
) -> Result<Written> {
    let name = partial.name().clone();
    let verify = || {
        let digest = match taken {
            Some(digest) => digest,
            None => {
                partial.reader().and_then(compute_digest).map_err(|error| Error::io(name.shown(), error))?
            }
        };
        let said_in = [&metadata.fields, &exchange.request.fields, &whole.trailers];
        digest::verify_field(REPR_DIGEST, &said_in, Some(digest))?;
        Ok(digest)
    };
    match verify() {
        Ok(digest) => {
            modified(&metadata.fields)?.iter().for_each(|seconds| partial.set_modified(*seconds));
            partial.commit(Some(digest), &precondition(&metadata.fields, &name))
        }
        Err(error) => {
            partial.remove();
            Err(error)
        }
    }
}

/// Answers 400 where two lengths contradict each other.
pub fn refuse_length(exchange: &mut Exchange<'_>) -> Result<()> {
    refuse(exchange, "inconsistent-upload-length", "has another length than was said")
}

/// Answers 400 with a problem type of the protocol.
pub fn refuse(exchange: &mut Exchange<'_>, problem: &str, what: &str) -> Result<()> {
    let members = json!({ "type": format!("{PROBLEM_TYPES}{problem}") });
    exchange.refuse(&Error::invalid("upload", what), Fields::new(), members)
}
