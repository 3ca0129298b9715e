//! Request bodies as handlers read them: asked for only when they are wanted (`100 Continue`), decoded, within
//! the limit, and complete only when the wire says so.

use std::io::{self, BufRead, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::http::coding::{self, Coding};
use crate::http::{Body, Complete, Fields, Framing, Request, Version, digest};
use crate::server::exchange::decoding::{Coded, Decoding, too_large};
use crate::server::exchange::liveness::ClientLiveness;
use crate::server::limits::Limits;
use crate::server::net::stream::Stream;
use crate::server::shared::coders::Coders;

/// The body of a request.
pub struct RequestBody<'a> {
    head: &'a Fields,
    body: Body<&'a mut dyn BufRead>,
    framing: Framing,
    coding: Coding,
    stream: &'a Stream,
    coders: &'a Coders,
    limits: &'a Limits,
    /// Decoded bytes that may come at most.
    most: u64,
    /// Where a client waits for leave to send.
    awaits_leave: Option<&'a Stream>,
}

impl<'a> RequestBody<'a> {
    /// The body that follows the head of `request` in `input`, taken and decoded within these limits.
    pub fn new(
        request: &'a Request,
        framing: Framing,
        input: &'a mut dyn BufRead,
        stream: &'a Stream,
        coders: &'a Coders,
        limits: &'a Limits,
    ) -> Self {
        let awaits = request.fields.has_token("expect", "100-continue")
            && request.version == Version::Http11
            && !matches!(framing, Framing::None | Framing::Length(0));
        let awaits_leave = awaits.then_some(stream);
        let mut body = Body::new(input, framing);
        if digest::is_announced(&request.fields) {
            body.hash();
        }
        RequestBody {
            head: &request.fields,
            body,
            framing,
            coding: Coding::Identity,
            stream,
            coders,
            limits,
            most: limits.file_size,
            awaits_leave,
        }
    }

    /// Judges what the head says of the body, before any of it is asked for. Errors have kind `TooLarge` for a length
    /// past the limit, 415 for a coding that cannot be undone, 417 for an expectation nobody knows.
    pub fn check_head(&mut self, request: &Request) -> Result<()> {
        if request.fields.members("expect").any(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
            return Err(Error::expectation_failed("Expect", "is not 100-continue"));
        }
        self.coding = coding::of_message(&request.fields)?;
        match self.framing {
            Framing::Length(length) if length > self.most => Err(too_large("body", self.most)),
            _ => Ok(()),
        }
    }

    /// The length of the content where the head says it. An error of kind `LengthRequired` where no body was announced.
    pub fn content_length(&self) -> Result<Option<u64>> {
        match self.framing {
            Framing::None => {
                Err(Error::length_required("Content-Length", "is missing: say 0 for an empty file"))
            }
            Framing::Length(length) if self.coding == Coding::Identity => Ok(Some(length)),
            _ => Ok(None),
        }
    }

    /// Has the digest of the body taken as it comes. To be asked before it is read.
    pub fn hash(&mut self) {
        self.body.hash();
    }

    /// Whether the content is the body's own bytes.
    pub fn is_identity(&self) -> bool {
        self.coding == Coding::Identity
    }

    /// Takes at most so many decoded bytes, where that is less than the limit.
    pub fn take_at_most(&mut self, most: u64) {
        self.most = self.most.min(most);
    }

    /// Reads the content through `work`, which must read it to its end, and states that the body came whole and is
    /// what its digests say.
    pub fn read_through(&mut self, work: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> Result<Complete> {
        let whole = self.read(work)?;
        // None was taken where one came unannounced in the trailer section of what nobody stores: that is passed over,
        // as any trailer may be (RFC 9110 §6.5.1).
        if whole.digest.is_some() {
            digest::verify(self.head, &whole.trailers, whole.digest)?;
        }
        Ok(whole)
    }

    /// The same for a content whose digests may be said of something else.
    pub fn read(&mut self, work: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> Result<Complete> {
        let client = ClientLiveness::new(self.stream);
        let decoding = Decoding { coders: self.coders, limits: self.limits, client: &client };
        // Before leave to send is given: without a decoder there is none.
        let permit = (!self.is_identity()).then(|| decoding.permit()).transpose()?;
        if let Some(stream) = self.awaits_leave.take() {
            let said = stream.interim.write(stream, b"HTTP/1.1 100 Continue\r\n\r\n");
            said.map_err(|wrong| Error::io("client", wrong))?;
        }
        let (left, most) = (self.most, self.most);
        let outcome = match &permit {
            None => work(&mut Bounded { bytes: &mut self.body, left, most }),
            Some(permit) => decoding.run(permit, Coded::Transfer, &mut self.body, most, work),
        };
        outcome.and_then(|()| self.body.finish()).map_err(|wrong| match Error::io("body", wrong) {
            Error::Failed { kind: ErrorKind::Interrupted, name, what } => Error::invalid(name, what),
            other => other,
        })
    }

    /// Whether the connection can only end with this answer: the body broke off, is known to be longer than `most`
    /// bytes more, or may come or not.
    pub fn ends_connection(&self, most: u64) -> bool {
        self.body.is_broken()
            // A client that waits for leave and gets an answer instead may or may not send: nobody can tell.
            || self.awaits_leave.is_some()
            || self.body.length_left().is_some_and(|left| left > most)
    }

    /// Whether all of the body was read.
    pub fn is_ended(&self) -> bool {
        self.body.is_ended()
    }

    /// Reads what nobody wanted of the body, at most `most` bytes. True when the connection is at its end then,
    /// and another request can follow.
    pub fn skip(&mut self, most: u64) -> bool {
        if self.is_ended() {
            return true;
        }
        let rest = !self.ends_connection(most) && discard(&mut (&mut self.body).take(most)).is_ok();
        rest && self.is_ended()
    }
}

/// Not a part of its caller: the block that is copied through would lie beneath every answer, in a stack whose pages a
/// crowd of slow clients keeps.
#[inline(never)]
fn discard(bytes: &mut impl Read) -> io::Result<u64> {
    io::copy(bytes, &mut io::sink())
}

/// Refuses to read past a limit.
struct Bounded<R> {
    bytes: R,
    left: u64,
    most: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)? as u64;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Ok(usize::try_from(read).unwrap_or(usize::MAX))
            }
            None => Err(too_large("body", self.most).into()),
        }
    }
}
