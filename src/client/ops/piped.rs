//! Uploads from a pipe. Its producer may pause for any time, and a server times out an upload without progress: so a
//! pause ends a segment of a resumable upload (draft-ietf-httpbis-resumable-upload-12), and the next bytes begin
//! another. No connection is open meanwhile.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::client::call::segment::SharedTally;
use crate::client::ops::resumption;
use crate::client::{BodySource, Call, Client, Precondition, RemoteName};
use crate::error::{Error, ErrorKind, Result};
use crate::http::resumption::upload_id_of;

/// Stores what is read from a pipe, segment by segment. Returns false if the precondition keeps an existing file,
/// and `None` if the server does not support resumable uploads and has received nothing.
pub(crate) fn put_in_segments(
    client: &mut Client,
    upload: &BodySource,
    name: &RemoteName,
    precondition: &Precondition,
    call: Call,
) -> Result<Option<bool>> {
    let mut shared = SharedTally::default();
    let call = Call { upload: Some(upload.segment(upload.first().to_vec(), &shared)?), ..call };
    let begun = match client.write(&call, name, precondition) {
        Err(Error::Failed { kind: ErrorKind::Invalid, name, .. })
            if name == "Upload-Complete" && shared.lock().sent == 0 =>
        {
            return Ok(None);
        }
        begun => begun,
    };
    client.take_upload_id();
    let Some(fields) = begun? else { return Ok(Some(false)) };
    let lost = || Error::bad_response(name.shown(), "the server did not send the location of the upload");
    let id = upload_id_of(&fields).ok_or_else(lost)?;
    let target = resumption::target_of(&client.url, id)?;
    loop {
        let tally = shared.lock().clone();
        let first = if tally.ended { Vec::new() } else { upload.read_some()? };
        let complete = first.is_empty();
        shared = Arc::new(Mutex::new(tally.clone()));
        let body = match complete {
            true => BodySource::of_bytes(&upload.name, &[], tally.hasher)?,
            false => upload.segment(first, &shared)?,
        };
        let answer = client.send(&resumption::append(target.clone(), name, tally.sent, complete, body))?;
        match answer.status() {
            412 if complete && precondition.is_silent() => return answer.finish().map(|()| Some(false)),
            _ => answer.check()?.finish()?,
        }
        if complete {
            return Ok(Some(true));
        }
    }
}
