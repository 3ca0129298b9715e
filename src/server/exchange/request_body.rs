//! The request body as handlers read it: requested by `100 Continue` only when it is read, decoded, limited in size, and
//! complete only where its framing says so.

use std::io::{self, BufRead, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::http::coding::{self, Coding};
use crate::http::{Body, Complete, Fields, Framing, Request, Version, digest};
use crate::server::exchange::decoding::{BoundedDecoding, Coded, too_large};
use crate::server::exchange::liveness::ClientLiveness;
use crate::server::limits::Limits;
use crate::server::net::stream::Stream;
use crate::server::shared::coders::Coders;

/// The body of a request; empty for most methods.
pub struct RequestBody<'a> {
    head: &'a Fields,
    body: Body<&'a mut dyn BufRead>,
    framing: Framing,
    coding: Coding,
    stream: &'a Stream,
    coders: &'a Coders,
    limits: &'a Limits,
    /// The largest decoded size.
    most: u64,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
}

impl<'a> RequestBody<'a> {
    /// The body that follows the head of `request` in `input`.
    pub fn new(
        request: &'a Request,
        framing: Framing,
        input: &'a mut dyn BufRead,
        stream: &'a Stream,
        coders: &'a Coders,
        limits: &'a Limits,
    ) -> Self {
        let expects_continue = request.fields.has_token("expect", "100-continue")
            && request.version == Version::Http11
            && !matches!(framing, Framing::None | Framing::Length(0));
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
            expects_continue,
        }
    }

    /// Checks the head's fields about the body before any of it is read. Errors have kind `TooLarge` for a length past
    /// the limit, `UnsupportedType` for an unsupported content coding, `ExpectationFailed` for an unknown expectation.
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

    /// The length of the content where the head has it. An error has kind `LengthRequired`: no body was announced.
    pub fn content_length(&self) -> Result<Option<u64>> {
        match self.framing {
            Framing::None => {
                Err(Error::length_required("Content-Length", "is missing: say 0 for an empty file"))
            }
            Framing::Length(length) if self.coding == Coding::Identity => Ok(Some(length)),
            _ => Ok(None),
        }
    }

    /// Makes later reads compute the digest of the body.
    pub fn hash(&mut self) {
        self.body.hash();
    }

    /// Whether the body has no content coding.
    pub fn is_identity(&self) -> bool {
        self.coding == Coding::Identity
    }

    /// Lowers the largest decoded size.
    pub fn take_at_most(&mut self, most: u64) {
        self.most = self.most.min(most);
    }

    /// Calls `work`, which must read the content to its end. Returns the proof that the body is complete and matches
    /// its digests.
    pub fn read_through(&mut self, work: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> Result<Complete> {
        let whole = self.read(work)?;
        // No digest was computed where none was announced and nothing is stored; one in the trailer section is ignored
        // then, as any trailer field may be (RFC 9110 §6.5.1).
        if whole.digest.is_some() {
            digest::verify(self.head, &whole.trailers, whole.digest)?;
        }
        Ok(whole)
    }

    /// The same without a check of the digests, which may be those of a whole upload of several parts.
    pub fn read(&mut self, work: impl FnOnce(&mut dyn Read) -> io::Result<()>) -> Result<Complete> {
        let client = ClientLiveness::new(self.stream);
        let decoding = BoundedDecoding { coders: self.coders, limits: self.limits, client: &client };
        // Before `100 Continue`: where no decoder is free, the client need not send the body.
        let permit = (!self.is_identity()).then(|| decoding.permit()).transpose()?;
        if std::mem::take(&mut self.expects_continue) {
            let said = self.stream.interim.write(self.stream, b"HTTP/1.1 100 Continue\r\n\r\n");
            said.map_err(|error| Error::io("client", error))?;
        }
        let (left, most) = (self.most, self.most);
        let outcome = match &permit {
            None => work(&mut Bounded { bytes: &mut self.body, left, most }),
            Some(permit) => decoding.run(permit, Coded::Transfer, &mut self.body, most, work),
        };
        outcome.and_then(|()| self.body.finish()).map_err(|error| match Error::io("body", error) {
            Error::Failed { kind: ErrorKind::Interrupted, name, what } => Error::invalid(name, what),
            other => other,
        })
    }

    /// Whether the rest of the body cannot be skipped, so that the connection has to close: it was cut short, is known
    /// to be longer than `most` bytes, or it is unknown whether the client sends it.
    pub fn ends_connection(&self, most: u64) -> bool {
        self.body.is_broken()
            // A client that gets a response instead of `100 Continue` may or may not send the body.
            || self.expects_continue
            || self.body.length_left().is_some_and(|left| left > most)
    }

    /// Whether all of the body was read.
    pub fn is_ended(&self) -> bool {
        self.body.is_ended()
    }

    /// Skips the rest of the body, at most `most` bytes. True where all of it was read, and the next request can
    /// follow.
    pub fn skip(&mut self, most: u64) -> bool {
        if self.is_ended() {
            return true;
        }
        let rest = !self.ends_connection(most) && discard(&mut (&mut self.body).take(most)).is_ok();
        rest && self.is_ended()
    }
}

/// Reads to the end. Not inlined: the buffer would enlarge the stack frame of every request, and with it the resident
/// memory of each slow connection.
#[inline(never)]
fn discard(bytes: &mut impl Read) -> io::Result<u64> {
    io::copy(bytes, &mut io::sink())
}

/// Fails with kind `TooLarge` past a limit.
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
