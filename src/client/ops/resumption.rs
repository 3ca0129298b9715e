//! Resumes broken uploads (draft-ietf-httpbis-resumable-upload-12): asks the server for the offset, and sends the rest,
//! followed by the digest of the whole. The caller decides when to retry.

use crate::client::call::call::WANT;
use crate::client::ops::fetch::response_digest;
use crate::client::{BodySource, Call, Client, Precondition, RemoteName, Retries, Url, kind_of};
use crate::error::{Error, ErrorKind, Result};
use crate::http::digest::Hasher;
use crate::http::resumption::{self, INTEROP_VERSION, PARTIAL_UPLOAD};
use crate::http::{Fields, Query};

/// The smallest upload that is resumed, in bytes: a smaller one is sent again as fast.
pub const RESUMABLE_FROM: u64 = 8 * 1024 * 1024;

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

/// Returns the fields of a request that creates an upload, of known size or not, with all of it or a part.
pub(crate) fn creation(size: Option<u64>) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let complete = resumption::format_complete(size.is_some());
    let own =
        [("Upload-Complete", complete.into()), ("Upload-Draft-Interop-Version", INTEROP_VERSION.into())];
    own.into_iter().chain(size.map(|size| ("Upload-Length", size.to_string().into_bytes())))
}

/// Returns the target of the upload with this identifier.
pub(crate) fn target_of(url: &Url, id: Vec<u8>) -> Result<Vec<u8>> {
    let components = vec![b".cfpd".into(), b"uploads".into(), id];
    url.target(&RemoteName { components, directory: false }, &Query::default())
}

/// Makes the request that appends a body at an offset to an upload to `name`; the upload is complete with it or not.
pub(crate) fn append(
    target: Vec<u8>,
    name: &RemoteName,
    offset: u64,
    complete: bool,
    body: BodySource,
) -> Call {
    let fields = Fields::from_iter([
        ("Upload-Draft-Interop-Version", INTEROP_VERSION),
        ("Content-Type", PARTIAL_UPLOAD),
        ("Upload-Offset", &offset.to_string()),
        ("Upload-Complete", resumption::format_complete(complete)),
    ]);
    Call { fields, upload: Some(body), stored: Some(name.clone()), ..Call::new("PATCH", target) }
}

impl Resumption {
    /// Makes a resumption of the upload with this identifier.
    pub fn new(id: Vec<u8>) -> Self {
        Resumption { id, reached: 0, hashed: (0, Hasher::default()) }
    }

    /// Makes one attempt to resume. `retries` are reset if the offset has grown since the last attempt.
    pub fn resume(
        &mut self,
        client: &mut Client,
        source: &BodySource,
        (name, precondition): (&RemoteName, &Precondition),
        retries: &mut Retries,
    ) -> Result<Ended> {
        let target = target_of(&client.url, self.id.clone())?;
        let fields = Fields::from_iter([("Upload-Draft-Interop-Version", INTEROP_VERSION)]);
        let answer = client.send(&Call { fields, ..Call::new("HEAD", target.clone()) })?;
        let status = answer.status();
        let fields = answer.into_fields()?;
        match (status, resumption::integer(&fields, "upload-offset")) {
            (404, _) => return find_stored(client, source, name),
            (_, Some(_)) if resumption::is_complete(&fields) == Some(true) => return Ok(Ended::Stored),
            (200..=299, Some(offset)) => {
                if offset > self.reached {
                    retries.reset();
                }
                self.reached = offset;
            }
            _ => return Err(may_pass(Error::new(kind_of(status), name.shown(), "cannot be resumed"))),
        }
        let rest = self.rest(source, self.reached)?;
        let answer = client.send(&append(target, name, self.reached, true, rest))?;
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

/// Returns whether the stored file is what was to be stored: the server may have completed the upload and forgotten
/// it since.
pub(crate) fn find_stored(client: &mut Client, source: &BodySource, name: &RemoteName) -> Result<Ended> {
    let fields = match client.stat_with(name, Fields::from_iter([WANT])) {
        Ok((_, fields)) => fields,
        Err(error) => {
            return match error.kind() {
                // A user without the right to read (403, 401) may still have the right to store.
                ErrorKind::NotFound | ErrorKind::Forbidden | ErrorKind::Unauthenticated => Ok(Ended::Lost),
                _ => Err(error),
            };
        }
    };
    let Some(stored) = response_digest(&fields, &name.shown())? else { return Ok(Ended::Lost) };
    let mut hasher = Hasher::default();
    source.hash(0..source.size().unwrap_or(0), &mut hasher)?;
    Ok(if hasher.finish() == stored { Ended::Stored } else { Ended::Lost })
}

/// Returns whether a response is about the complete upload, not about this part of it.
fn has_ended(fields: &Fields) -> bool {
    resumption::is_complete(fields) == Some(true)
}

/// Maps 5xx to a transient error: a server that starts or stops, or a proxy before it, still has the upload.
fn may_pass(error: Error) -> Error {
    match error {
        Error::Failed {
            kind: ErrorKind::Internal | ErrorKind::BadResponse | ErrorKind::NoResponse,
            name,
            what,
        } => Error::Failed { kind: ErrorKind::Unavailable, name, what },
        other => other,
    }
}
