//! Stores local bytes on the server: in one request, or in several for a pipe that pauses. If the connection breaks,
//! they are sent again or resumed.

use crate::client::call::upload_record::UploadRecord;
use crate::client::ops::piped::put_in_segments;
use crate::client::ops::resumption::{self, Ended, RESUMABLE_FROM, Resumption};
use crate::client::{BodySource, Call, Client, Precondition, RemoteName, Retries};
use crate::error::{Error, ErrorKind, Result};
use crate::http::digest::REPR_DIGEST;
use crate::http::{Query, idempotency, time};

impl Client {
    /// Stores local bytes under a name; retries if the connection breaks and the request is idempotent. Returns false
    /// if the precondition keeps an existing file.
    pub fn put(
        &mut self,
        mut upload: BodySource,
        name: &RemoteName,
        query: &Query,
        precondition: &Precondition,
    ) -> Result<bool> {
        upload.gather()?;
        let is_filtered = query.names().next().is_some();
        let target = self.url.target(name, query)?;
        // The result of a filter is a new version.
        let modified = upload.modified().filter(|_| !is_filtered).map(|seconds| seconds.to_string());
        let modified = modified.filter(|seconds| time::seconds(seconds.as_bytes()).is_some());
        let keep = precondition.keep.then(|| ("If-None-Match", b"*".to_vec()));
        let modified = modified.map(|seconds| (time::MODIFIED, seconds.into_bytes()));
        let fields = precondition.field().into_iter().chain(keep).chain(modified);
        let key = (!precondition.may_resend()).then(idempotency::fresh_key);
        let stored = Some(name.clone());
        let request =
            || Call { key: key.clone(), stored: stored.clone(), ..Call::new("PUT", target.clone()) };
        let size = upload.size();
        // An upload through a filter cannot be resumed, and one that is always compressed has no offset.
        let is_resumable = !is_filtered && !self.always_compresses();
        if is_resumable && size.is_none() {
            let fields = fields.clone().chain(resumption::creation(None)).collect();
            let stored = put_in_segments(self, &upload, name, precondition, Call { fields, ..request() });
            if let Some(stored) = stored.map_err(|error| map_body_error(error, name))? {
                return Ok(stored);
            }
        }
        let offer = size.filter(|size| is_resumable && *size >= RESUMABLE_FROM);
        let is_offered = offer.is_some();
        let offer = offer.into_iter().flat_map(|size| resumption::creation(Some(size)));
        let is_known_by_digest = upload.is_rereadable() && !is_filtered;
        let record = if is_offered { record(self, &upload, name, precondition) } else { None };
        self.remember_in(record);
        let call = Call { fields: fields.chain(offer).collect(), upload: Some(upload), ..request() };
        let stored = match put_until_stored(self, &call, name, precondition) {
            // The outcome of the request is unknown: it was performed if the file has those bytes.
            Err(_) if self.take_doubt() && is_known_by_digest && is_stored(self, &call, name) => Ok(true),
            stored => stored,
        };
        if let Some(record) = self.remember_in(None).filter(|_| stored.is_ok()) {
            record.remove();
        }
        stored
    }

    /// Completes an upload of the same version of a file that another program has left. Returns whether it is stored, as
    /// [`Client::put`] does, and `None` if there is no such upload.
    pub fn resume_put(
        &mut self,
        upload: &BodySource,
        name: &RemoteName,
        precondition: &Precondition,
    ) -> Result<Option<bool>> {
        let record = record(self, upload, name, precondition).filter(|_| !self.always_compresses());
        let Some(id) = record.as_ref().and_then(UploadRecord::load) else { return Ok(None) };
        self.remember_in(record);
        let (mut kept, mut retries) = (Resumption::new(id), Retries::new(self.retries()));
        let goal = (name, precondition);
        let ended = match kept.resume(self, upload, goal, &mut retries) {
            Err(error) => {
                complete_upload(self, kept, upload, goal, &mut retries, map_body_error(error, name))
            }
            ended => ended,
        };
        let record = self.remember_in(None);
        let ended = ended?;
        if let Some(record) = record {
            record.remove();
        }
        match ended {
            Ended::Stored => Ok(Some(true)),
            Ended::Kept => Ok(Some(false)),
            Ended::Refused(error) => Err(map_body_error(error, name)),
            Ended::Lost => Ok(None),
        }
    }
}

/// Returns the record of an upload, if uploads are remembered and another program could resume it.
fn record(
    client: &Client,
    upload: &BodySource,
    name: &RemoteName,
    precondition: &Precondition,
) -> Option<UploadRecord> {
    let condition = format!("{precondition:?}");
    UploadRecord::of(&client.url.shown, name, upload, &condition, client.resumer()?)
}

/// Sends a request that stores a body until it is stored, refused, or no retry is left; what the server has already is
/// not sent again.
fn put_until_stored(
    client: &mut Client,
    call: &Call,
    name: &RemoteName,
    precondition: &Precondition,
) -> Result<bool> {
    let repeats = call.is_rereadable() && precondition.may_resend();
    let mut retries = Retries::new(client.retries());
    loop {
        client.take_upload_id();
        let error = match client.write(call, name, precondition) {
            Err(error) if client.is_in_doubt() => return Err(error),
            Err(error) => map_body_error(error, name),
            done => {
                client.take_upload_id();
                return done.map(|fields| fields.is_some());
            }
        };
        let error = match (client.take_upload_id().map(Resumption::new), &call.upload) {
            (Some(kept), Some(source)) => {
                match complete_upload(client, kept, source, (name, precondition), &mut retries, error)? {
                    Ended::Stored => return Ok(true),
                    Ended::Kept => return Ok(false),
                    Ended::Refused(error) => map_body_error(error, name),
                    Ended::Lost => {
                        Error::interrupted(name.shown(), "was lost by the server before it was complete")
                    }
                }
            }
            _ => error,
        };
        match repeats {
            true => client.wait_to_retry(&mut retries, error)?,
            false => return Err(error),
        }
    }
}

/// Returns whether the file has the bytes of the request.
fn is_stored(client: &mut Client, call: &Call, name: &RemoteName) -> bool {
    let Some(source) = &call.upload else { return false };
    matches!(resumption::find_stored(client, source, name), Ok(Ended::Stored))
}

/// Resumes a broken upload, however often it breaks again.
fn complete_upload(
    client: &mut Client,
    mut kept: Resumption,
    source: &BodySource,
    goal: (&RemoteName, &Precondition),
    retries: &mut Retries,
    mut error: Error,
) -> Result<Ended> {
    loop {
        client.wait_to_retry(retries, error)?;
        error = match kept.resume(client, source, goal, retries) {
            Err(error) => map_body_error(error, goal.0),
            ended => return ended,
        };
    }
}

/// The names in the errors of `cfpd` about a body.
const OF_BODY: [&str; 4] = [REPR_DIGEST, "body", "chunk", "trailer"];

/// Maps the refusal of a body or its digest to a transient error: the server received other bytes than were sent.
fn map_body_error(error: Error, name: &RemoteName) -> Error {
    match error {
        Error::Failed { kind: ErrorKind::Invalid, name: blamed, .. }
            if OF_BODY.contains(&blamed.as_str()) =>
        {
            Error::interrupted(name.shown(), "arrived damaged")
        }
        other => other,
    }
}
