//! The response to one request: its head, and a body that fits in memory. The outcome records what was sent, so that an
//! error after the head aborts the connection and never looks like a complete response. `send` sends bodies of stored
//! bytes, `streamed` those that are generated.

use std::io::{self, Write};
use std::time::SystemTime;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::http::coding::Coding;
use crate::http::{Fields, Method, Request, Version, accept, head};
use crate::server::exchange::Problem;
use crate::server::net::Stream;
use crate::server::observe::{CloseReason, Outcome};
use crate::server::shared::{EncoderPermit, Server};
use crate::server::status::status_of;

/// The status in the log where the client disconnected before the response: nginx's number, which log readers know.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The response to one request, while it is sent.
pub struct Reply<'a> {
    pub(super) stream: &'a Stream,
    /// The daemon: once it shuts down, every response is the last of its connection.
    server: &'a Server,
    /// Whether the request is HEAD, whose response has no body.
    pub(super) is_head: bool,
    /// The version of the request.
    pub(super) version: Version,
    /// What was sent so far, and what follows.
    pub outcome: Outcome,
    /// A copy of the fields that were sent, where the response is remembered.
    record: Option<Fields>,
    /// Holds the encoder for as long as the response is sent.
    encoder: Option<EncoderPermit>,
}

impl<'a> Reply<'a> {
    /// Makes a response to `request`.
    pub fn new(server: &'a Server, stream: &'a Stream, request: &Request) -> Self {
        let close = (!request.keeps_alive).then_some(CloseReason::ClientRequested);
        Reply {
            stream,
            server,
            is_head: request.method == Method::Head,
            version: request.version,
            outcome: Outcome { close, ..Outcome::default() },
            record: None,
            encoder: None,
        }
    }

    /// Sends a status and fields without a body.
    pub fn empty(&mut self, status: u16, mut fields: Fields) -> Result<()> {
        if !matches!(status, 204 | 304) {
            fields.push("Content-Length", "0");
        }
        self.head_only(status, fields)
    }

    /// Sends a head without `Content-Length`: to a HEAD whose body would have to be generated to know it (RFC 9110
    /// §9.3.2).
    pub fn head_only(&mut self, status: u16, fields: Fields) -> Result<()> {
        let head = self.begin(status, &fields);
        self.send(|mut stream| stream.write_all(&head))
    }

    /// Sends a body that is in memory.
    pub fn bytes(&mut self, status: u16, media_type: &str, body: &[u8], mut fields: Fields) -> Result<()> {
        fields.push("Content-Type", with_charset(media_type));
        fields.push("Content-Length", body.len().to_string());
        let mut message = self.begin(status, &fields);
        if !self.is_head {
            message.extend_from_slice(body);
            self.outcome.body_bytes = body.len() as u64;
        }
        self.send(|mut stream| stream.write_all(&message))
    }

    /// Sends an error of a request, whose target is `target` beneath the prefix, in the form the client prefers, with
    /// `members` in the JSON form.
    pub fn problem(
        &mut self,
        error: &Error,
        request: &Request,
        target: &[u8],
        fields: Fields,
        members: Value,
    ) -> Result<()> {
        let problem = Problem::new(error, Some((request, target)), fields, members);
        self.bytes(status_of(error), problem.media_type, &problem.body, problem.fields)
    }

    /// Sends an interim response (RFC 9110 §15.2); the response itself has not begun by that.
    pub fn interim(&mut self, status: u16, fields: &Fields) -> Result<()> {
        let mut head = Vec::with_capacity(256);
        head::write_response(&mut head, status, &[fields]);
        self.stream.interim.write(self.stream, &head).map_err(|error| Error::io("client", error))
    }

    /// Chooses the coding of a compressible response: what the client prefers, as long as an encoder is free.
    pub fn choose_coding(&mut self, request: &Request) -> Coding {
        if accept::coding(&request.fields) == Coding::Zstd {
            self.encoder = self.server.coders.encoder();
        }
        if self.encoder.is_some() { Coding::Zstd } else { Coding::Identity }
    }

    /// Keeps a copy of the fields for [`Reply::take_record`].
    pub fn keep_record(&mut self) {
        self.record = Some(Fields::new());
    }

    /// Returns the status and the fields that were sent, without those that every response has.
    pub fn take_record(&mut self) -> Option<(u16, Fields)> {
        self.record.take().filter(|_| self.is_begun()).map(|fields| (self.outcome.status, fields))
    }

    /// Sends nothing: the client has disconnected. The log shows this as status 499.
    pub fn give_up(&mut self) {
        self.outcome.status = CLIENT_CLOSED_REQUEST;
        self.outcome.abort();
    }

    /// Returns whether a head was sent.
    pub fn is_begun(&self) -> bool {
        self.outcome.status != 0
    }

    /// Begins the response: returns its head, with the fields that every response has.
    pub(super) fn begin(&mut self, status: u16, fields: &Fields) -> Vec<u8> {
        self.outcome.status = status;
        if let Some(record) = &mut self.record {
            record.clone_from(fields);
        }
        if self.server.connections.is_draining() {
            self.outcome.close(CloseReason::ShuttingDown);
        }
        let mut own = Fields::new();
        own.push("Date", httpdate::fmt_http_date(SystemTime::now()));
        if self.outcome.close.is_some() {
            own.push("Connection", "close");
        } else if self.version == Version::Http10 {
            own.push("Connection", "keep-alive");
        }
        let hsts = self.server.hsts.as_ref().filter(|_| self.stream.is_tls());
        hsts.iter().for_each(|hsts| own.push("Strict-Transport-Security", hsts));
        let mut head = Vec::with_capacity(512);
        head::write_response(&mut head, status, &[&own, fields]);
        head
    }

    /// Sends what `write` writes. An error aborts the connection.
    pub(super) fn send(&mut self, write: impl FnOnce(&Stream) -> io::Result<()>) -> Result<()> {
        let ready = self.stream.interim.end(self.stream);
        ready.and_then(|()| write(self.stream)).map_err(|error| self.abort(error))
    }

    /// Aborts the connection after this error: part of the response may be on the wire.
    pub(super) fn abort(&mut self, error: io::Error) -> Error {
        self.outcome.abort();
        Error::io("client", error)
    }
}

/// Adds the charset to a media type of text that the daemon itself writes: UTF-8.
pub fn with_charset(media_type: &str) -> String {
    match media_type {
        "text/plain" => "text/plain; charset=utf-8".to_owned(),
        other => other.to_owned(),
    }
}
