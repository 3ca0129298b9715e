//! The request body as handlers read it: requested by `100 Continue` only when it is read, decoded, limited in size, and
//! complete only where its framing says so.

use std::io::{self, BufRead, Read, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::http::coding::{self, Coding};
use crate::http::{Body, Complete, Fields, Framing, Method, Request, Version, digest, resumption};
use crate::server::exchange::{Bounded, BoundedDecoding, Coded, too_large, write_behind};
use crate::server::limits::UNREAD_MAX;
use crate::server::observe::{CloseReason, Outcome};
use crate::server::shared::DecoderPermit;

/// The body of a request; empty for most methods.
pub struct RequestBody<'a> {
    head: &'a Fields,
    body: Body<&'a mut dyn BufRead>,
    framing: Framing,
    coding: Coding,
    /// Why the fields of the head do not allow the body.
    refusal: Option<Error>,
    /// The largest decoded size.
    most: u64,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
    /// Whether nothing of it is left to read.
    is_complete: bool,
}

impl<'a> RequestBody<'a> {
    /// Returns the body that follows the head of `request` in `input`, at most `most` bytes. Computes its digest where it
    /// announces one, or is stored: the trailer section may have an unannounced one.
    pub fn new(request: &'a Request, framing: Framing, most: u64, input: &'a mut dyn BufRead) -> Self {
        let head = &request.fields;
        let is_complete = matches!(framing, Framing::None | Framing::Length(0));
        let expects_continue =
            !is_complete && head.has_token("expect", "100-continue") && request.version == Version::Http11;
        let mut body = Body::new(input, framing);
        let is_stored = matches!(request.method, Method::Put | Method::Patch);
        if is_stored || resumption::is_complete(head).is_some() || digest::is_announced(head) {
            body.hash();
        }
        let checked = check_head(head, framing, most);
        let coding = checked.as_ref().map_or(Coding::Identity, |coding| *coding);
        let refusal = checked.err();
        RequestBody { head, body, framing, coding, refusal, most, expects_continue, is_complete }
    }

    /// Checks the head's fields about the body before any of it is read. Errors have kind `TooLarge` for a length past
    /// the limit, `UnsupportedType` for an unsupported content coding, `ExpectationFailed` for an unknown expectation.
    pub fn require_acceptable(&mut self) -> Result<()> {
        self.refusal.take().map_or(Ok(()), Err)
    }

    /// Returns the length of the content where the head has it. An error has kind `LengthRequired`: no body was announced.
    pub fn content_length(&self) -> Result<Option<u64>> {
        match self.framing {
            Framing::None => {
                Err(Error::length_required("Content-Length", "is missing: say 0 for an empty file"))
            }
            Framing::Length(length) if self.coding == Coding::Identity => Ok(Some(length)),
            _ => Ok(None),
        }
    }

    /// Returns whether the body has no content coding.
    pub fn is_identity(&self) -> bool {
        self.coding == Coding::Identity
    }

    /// Lowers the largest decoded size.
    pub fn take_at_most(&mut self, most: u64) {
        self.most = self.most.min(most);
    }

    /// Calls `work`, which must read the content to its end. Returns the proof that the body is complete and matches
    /// its digests.
    pub fn read_through(
        &mut self,
        decoding: &BoundedDecoding<'_>,
        work: impl FnOnce(&mut dyn Read) -> io::Result<()>,
    ) -> Result<Complete> {
        let permit = self.begin(decoding)?;
        let outcome = match &permit {
            None => work(&mut Bounded::new(&mut self.body, self.most)),
            Some(permit) => decoding.run(permit, Coded::Transfer, &mut self.body, self.most, work),
        };
        let whole = self.end(outcome)?;
        self.verify(whole)
    }

    /// Writes the content to `sink` as [`RequestBody::copy_to`] does. Returns the proof that the body is complete and matches
    /// its digests.
    pub fn store_to(
        &mut self,
        decoding: &BoundedDecoding<'_>,
        sink: &mut (dyn Write + Send),
    ) -> Result<Complete> {
        let whole = self.copy_to(decoding, sink)?;
        self.verify(whole)
    }

    /// Writes the content to `sink`. Does not check the digests, which may be those of a whole upload of several parts.
    pub fn copy_to(
        &mut self,
        decoding: &BoundedDecoding<'_>,
        sink: &mut (dyn Write + Send),
    ) -> Result<Complete> {
        let permit = self.begin(decoding)?;
        let most = self.most;
        let outcome = match &permit {
            None => write_behind::copy(&mut Bounded::new(&mut self.body, most), sink),
            Some(permit) => decoding
                .run(permit, Coded::Transfer, &mut self.body, most, |bytes| write_behind::copy(bytes, sink)),
        };
        self.end(outcome)
    }

    /// Asks the client for the body where it waits for that. Returns a decoder of the pool where the body is coded.
    fn begin<'d>(&mut self, decoding: &BoundedDecoding<'d>) -> Result<Option<DecoderPermit<'d>>> {
        // Before `100 Continue`: where no decoder is free, the client need not send the body.
        let permit = (!self.is_identity()).then(|| decoding.permit()).transpose()?;
        if std::mem::take(&mut self.expects_continue) {
            let stream = decoding.client.stream;
            let said = stream.interim.write(stream, b"HTTP/1.1 100 Continue\r\n\r\n");
            said.map_err(|error| Error::io("client", error))?;
        }
        Ok(permit)
    }

    /// Returns the proof that the body is complete, after the content was read with this outcome.
    fn end(&mut self, outcome: io::Result<()>) -> Result<Complete> {
        let whole = outcome.and_then(|()| self.body.finish());
        self.is_complete = whole.is_ok();
        whole.map_err(|error| match Error::io("body", error) {
            Error::Failed { kind: ErrorKind::Interrupted, name, what } => Error::invalid(name, what),
            other => other,
        })
    }

    /// Checks the digests of the content.
    fn verify(&self, whole: Complete) -> Result<Complete> {
        // No digest was computed where none was announced and nothing is stored; one in the trailer section is ignored
        // then, as any trailer field may be (RFC 9110 §6.5.1).
        if whole.digest.is_some() {
            digest::verify(self.head, &whole.trailers, whole.digest)?;
        }
        Ok(whole)
    }

    /// Announces in the response that the connection closes, where the rest of the body cannot be skipped.
    pub fn close_if_pending(&self, outcome: &mut Outcome) {
        if self.ends_connection() {
            outcome.close(CloseReason::BodyPending);
        }
    }

    /// Skips the rest of the body, so that the next request can follow, or closes the connection.
    pub fn finish(&mut self, outcome: &mut Outcome) {
        if self.is_complete {
            return;
        }
        let is_read = match outcome.close {
            None => self.skip(),
            Some(CloseReason::ClientRequested) => self.body.is_ended(),
            Some(_) => true,
        };
        if !is_read {
            outcome.close = Some(CloseReason::BodyPending);
        }
    }

    /// Returns whether the rest of the body cannot be skipped, so that the connection has to close: it was cut short, is known
    /// to be too long, or it is unknown whether the client sends it.
    fn ends_connection(&self) -> bool {
        self.body.is_broken()
            // A client that gets a response instead of `100 Continue` may or may not send the body.
            || self.expects_continue
            || self.body.length_left().is_some_and(|left| left > UNREAD_MAX)
    }

    /// Skips the rest of the body. True where all of it was read.
    fn skip(&mut self) -> bool {
        !self.ends_connection()
            && discard(&mut (&mut self.body).take(UNREAD_MAX)).is_ok()
            && self.body.is_ended()
    }
}

/// Returns the coding of a body that a head with these fields allows; errors are those of [`RequestBody::require_acceptable`].
fn check_head(head: &Fields, framing: Framing, most: u64) -> Result<Coding> {
    if head.members("expect").any(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(Error::expectation_failed("Expect", "is not 100-continue"));
    }
    let coding = coding::of_message(head)?;
    match framing {
        Framing::Length(length) if length > most => Err(too_large("body", most)),
        _ => Ok(coding),
    }
}

/// Reads to the end. Not inlined: the buffer would enlarge the stack frame of every request, and with it the resident
/// memory of each slow connection.
#[inline(never)]
fn discard(bytes: &mut impl Read) -> io::Result<u64> {
    io::copy(bytes, &mut io::sink())
}
