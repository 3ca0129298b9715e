//! Resumes broken uploads (draft-ietf-httpbis-resumable-upload-12): asks the server for the offset, and sends the rest,
//! followed by the digest of the whole. The caller decides when to retry.

use crate::client::call::body_source::BodySource;
use crate::client::call::call::Call;
use crate::client::call::client::Client;
use crate::client::call::retry::Retries;
use crate::client::call::status::kind_of;
use crate::client::operand::RemoteName;
use crate::client::ops::precondition::Precondition;
use crate::error::{Error, ErrorKind, Result};
use crate::http::digest::{self, Hasher};
use crate::http::resumption::{self, INTEROP_VERSION, PARTIAL_UPLOAD};
use crate::http::{Fields, Query};

/// The smallest upload that is resumed, in bytes: a smaller one is sent again as fast.
pub const RESUMABLE_FROM: u64 = 8 * 1024 * 1024;
/// The field that requests a digest (RFC 9530 §4).
const WANT: (&str, &str) = ("Want-Repr-Digest", "sha-256=10");

/// An upload that the server keeps and that can be resumed.
pub(crate) struct Resumption {
    /// The identifier by which the server finds it.
    id: Vec<u8>,
    /// The last known offset of the server.
    reached: u64,
    /// The digest of a prefix of the source, so that no byte is read twice for it.
    hashed: (u64, Hasher),
}

/// How a resumed upload ended.
pub(crate) enum Ended {
    /// It is stored completely.
    Stored,
    /// Nothing is stored: the precondition keeps an existing file.
    Kept,
    /// It was received completely, and refused.
    Refused(Error),
    /// The server does not have it any more, and has not stored it.
    Lost,
}

/// Adds the fields that make a request a resumable upload.
pub(crate) fn offer(call: Call, size: u64) -> Call {
    let length = size.to_string();
    let call = call.with("Upload-Complete", resumption::format_complete(true)).with("Upload-Length", length);
    call.with("Upload-Draft-Interop-Version", INTEROP_VERSION)
}

impl Resumption {
    /// Makes a resumption of the upload with this identifier.
    pub fn new(id: Vec<u8>) -> Self {
        Resumption { id, reached: 0, hashed: (0, Hasher::default()) }
    }

    /// Returns the bytes from `offset` on, after the digest of those before.
    fn rest(&mut self, source: &BodySource, offset: u64) -> Result<BodySource> {
        let (done, hasher) = &mut self.hashed;
        if *done > offset {
            (*done, *hasher) = (0, Hasher::default());
        }
        source.hash(*done..offset, hasher)?;
        *done = offset;
        source.rest(offset, hasher.clone())
    }
}

impl Client {
    /// Makes one attempt to resume. `retries` are reset if the offset has grown since the last attempt.
    pub(crate) fn go_on_with(
        &mut self,
        kept: &mut Resumption,
        source: &BodySource,
        (name, precondition): (&RemoteName, &Precondition),
        retries: &mut Retries,
    ) -> Result<Ended> {
        let target =
            self.url.target(&[b".cfpd".into(), b"uploads".into(), kept.id.clone()], false, &Query::default());
        let answer = self.send(&about(Call::new("HEAD", target.clone())))?;
        let (status, fields) = (answer.status(), answer.fields().clone());
        answer.finish()?;
        match (status, resumption::integer(&fields, "upload-offset")) {
            (404, _) => return self.find_stored(source, name),
            (_, Some(_)) if resumption::is_complete(&fields) == Some(true) => return Ok(Ended::Stored),
            (200..=299, Some(offset)) => {
                if offset > kept.reached {
                    retries.reset();
                }
                kept.reached = offset;
            }
            _ => return Err(may_pass(Error::new(kind_of(status), name.shown(), "cannot be resumed"))),
        }
        let mut call = about(Call::new("PATCH", target))
            .with("Content-Type", PARTIAL_UPLOAD)
            .with("Upload-Offset", kept.reached.to_string())
            .with("Upload-Complete", resumption::format_complete(true));
        call.upload = Some(kept.rest(source, kept.reached)?);
        let answer = self.send(&call)?;
        match answer.status() {
            412 if precondition.is_silent() => answer.finish().map(|()| Ended::Kept),
            400.. if has_ended(answer.fields()) => Ok(Ended::Refused(answer.refusal())),
            409 => {
                answer.finish()?;
                Err(Error::interrupted(name.shown(), "was resumed by another client"))
            }
            _ => answer.check().map_err(may_pass)?.finish().map(|()| Ended::Stored),
        }
    }

    /// Returns whether the stored file is what was to be stored: the server may have completed the upload and forgotten
    /// it since.
    pub(crate) fn find_stored(&mut self, source: &BodySource, name: &RemoteName) -> Result<Ended> {
        let target = self.url.target(&name.components, false, &Query::default());
        let fields = match self.stat_with(Call::new("HEAD", target).with(WANT.0, WANT.1), name) {
            Ok((_, fields)) => fields,
            Err(Error::Failed { kind: ErrorKind::NotFound, .. }) => return Ok(Ended::Lost),
            Err(error) => return Err(error),
        };
        let Some(stored) = digest::parse(&fields, "Repr-Digest")? else { return Ok(Ended::Lost) };
        let mut hasher = Hasher::default();
        source.hash(0..source.size().unwrap_or(0), &mut hasher)?;
        Ok(if hasher.finish() == stored { Ended::Stored } else { Ended::Lost })
    }
}

/// Adds the version of the draft to a request about an upload.
fn about(call: Call) -> Call {
    call.with("Upload-Draft-Interop-Version", INTEROP_VERSION)
}

/// Returns whether a response is about the complete upload, not about this part of it.
fn has_ended(fields: &Fields) -> bool {
    resumption::is_complete(fields) == Some(true)
}

/// Maps 5xx to a transient error: a server that starts or stops, or a proxy before it, still has the upload.
fn may_pass(error: Error) -> Error {
    match error {
        Error::Failed {
            kind: ErrorKind::Internal | ErrorKind::BadAnswer | ErrorKind::NoAnswer,
            name,
            what,
        } => Error::Failed { kind: ErrorKind::Unavailable, name, what },
        other => other,
    }
}
