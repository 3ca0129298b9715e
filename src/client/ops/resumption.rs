//! Uploads that go on where they broke (draft-ietf-httpbis-resumable-upload-12): the server is asked how much it has,
//! and sent the rest, with the digest of the whole behind it. When to try again is decided by whoever began.

use crate::client::call::body_source::BodySource;
use crate::client::call::call::Call;
use crate::client::call::client::Client;
use crate::client::call::retry::Retries;
use crate::client::call::status::kind_of;
use crate::client::operand::Name;
use crate::client::ops::precondition::Precondition;
use crate::error::{Error, ErrorKind, Result};
use crate::http::digest::{self, Hasher};
use crate::http::resumption::{self, INTEROP_VERSION, PARTIAL_UPLOAD};
use crate::http::{Fields, Query};

/// From this size on an upload is worth being gone on with: a shorter one is sent again as fast. In bytes.
pub const RESUMABLE_FROM: u64 = 8 * 1024 * 1024;
/// What a server asks for a digest by (RFC 9530 §4).
const WANT: (&str, &str) = ("Want-Repr-Digest", "sha-256=10");

/// An upload the server keeps, to be gone on with.
pub(crate) struct Resumption {
    /// What the server finds it by.
    id: Vec<u8>,
    /// How much the server had when it was asked last.
    reached: u64,
    /// The digest of so many first bytes of the source, so that none is read for it twice.
    hashed: (u64, Hasher),
}

/// How an upload that was gone on with ended.
pub(crate) enum Ended {
    /// All of it is stored.
    Stored,
    /// Nothing: the precondition keeps what exists there.
    Kept,
    /// All of it came, and is refused.
    Refused(Error),
    /// The server knows nothing of it any more, and has not stored it.
    Lost,
}

/// The call, so that what comes of it is kept when it breaks.
pub(crate) fn offer(call: Call, size: u64) -> Call {
    let length = size.to_string();
    let call = call.with("Upload-Complete", resumption::format_complete(true)).with("Upload-Length", length);
    call.with("Upload-Draft-Interop-Version", INTEROP_VERSION)
}

impl Resumption {
    /// Of the upload that is found by this.
    pub fn new(id: Vec<u8>) -> Self {
        Resumption { id, reached: 0, hashed: (0, Hasher::default()) }
    }

    /// The bytes from `offset` on, behind the digest of those before.
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
    /// One try to go on. `retries` begin anew when more had come than the last time.
    pub(crate) fn go_on_with(
        &mut self,
        kept: &mut Resumption,
        source: &BodySource,
        (name, precondition): (&Name, &Precondition),
        retries: &mut Retries,
    ) -> Result<Ended> {
        let target =
            self.url.target(&[b".cfpd".into(), b"uploads".into(), kept.id.clone()], false, &Query::default());
        let answer = self.send(&about(Call::new("HEAD", target.clone())))?;
        let (status, fields) = (answer.status(), answer.head.fields.clone());
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
            _ => return Err(may_pass(Error::new(kind_of(status), name.shown(), "cannot be gone on with"))),
        }
        let mut call = about(Call::new("PATCH", target))
            .with("Content-Type", PARTIAL_UPLOAD)
            .with("Upload-Offset", kept.reached.to_string())
            .with("Upload-Complete", resumption::format_complete(true));
        call.upload = Some(kept.rest(source, kept.reached)?);
        let answer = self.send(&call)?;
        match answer.status() {
            412 if precondition.is_silent() => answer.finish().map(|()| Ended::Kept),
            400.. if has_ended(&answer.head.fields) => Ok(Ended::Refused(answer.refusal())),
            409 => {
                answer.finish()?;
                Err(Error::interrupted(name.shown(), "was gone on with by others"))
            }
            _ => answer.check().map_err(may_pass)?.finish().map(|()| Ended::Stored),
        }
    }

    /// Whether what stands under a name is what was to be stored there: the server may have done all of it, and
    /// forgotten that by the time it was asked.
    pub(crate) fn find_stored(&mut self, source: &BodySource, name: &Name) -> Result<Ended> {
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

/// A call on an upload says which draft it means.
fn about(call: Call) -> Call {
    call.with("Upload-Draft-Interop-Version", INTEROP_VERSION)
}

/// Whether an answer is that of all of the upload, not of this piece.
fn has_ended(fields: &Fields) -> bool {
    resumption::is_complete(fields) == Some(true)
}

/// A server on its way up or down, or a proxy before one, answers 5xx: what it has is not lost by that.
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
