//! Answers: every byte that goes back to a client goes through here. A [`Reply`] knows what has been said, so
//! that an error after the head can only cut the connection, never look like a whole answer.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::http::coding::{Coding, Encoder};
use crate::http::{BodyWriter, Fields, Framing, Method, Request, Version, head};
use crate::server::exchange::filter::Spooler;
use crate::server::exchange::problem::Problem;
use crate::server::exchange::send::deliver;
use crate::server::exchange::spill::Spill;
use crate::server::net::connections::Connections;
use crate::server::net::stream::Stream;
use crate::server::shared::coders::{Coders, EncoderPermit};
use crate::store::Content;

/// What the log says where no answer was given, because nobody waited for it: nginx's number, which log readers know.
const LEFT: u16 = 499;

/// Lines on their way.
pub type Lines<'a> = BufWriter<&'a mut dyn Write>;

/// The answer to one request, while it is given.
pub struct Reply<'a> {
    stream: &'a Stream,
    /// Whose end, once begun, makes every answer the last of its connection.
    connections: Option<&'a Connections>,
    /// What browsers are told over TLS of later visits (RFC 6797).
    pub hsts: Option<&'a str>,
    is_head: bool,
    version: Version,
    /// Whether the connection ends with this answer.
    pub closes: bool,
    /// Whether the client wanted no other, and all it had to say was read.
    pub is_last: bool,
    /// Whether the answer was begun but cannot be ended: the connection must be cut.
    pub is_cut: bool,
    /// The user it was given to, for the log.
    pub user: Option<Vec<u8>>,
    /// The status that was sent; 0 before.
    pub status: u16,
    /// The bytes of the body that were sent.
    pub sent: u64,
    /// The filter that the query names.
    pub filter: Option<&'static str>,
    /// The fields that were sent, where somebody wants to send them again.
    record: Option<Fields>,
    /// The encoder it may be compressed with.
    encoder: Option<EncoderPermit>,
}

impl<'a> Reply<'a> {
    /// An answer to `request`; the last one on this connection when the end of all has begun by then.
    pub fn new(stream: &'a Stream, request: &Request, method: Method, connections: &'a Connections) -> Self {
        Reply {
            connections: Some(connections),
            is_head: method == Method::Head,
            version: request.version,
            closes: !request.keeps_alive(),
            ..Reply::to_nothing(stream)
        }
    }

    /// An answer to something that was no request; the connection ends with it.
    pub fn to_nothing(stream: &'a Stream) -> Self {
        Reply {
            stream,
            connections: None,
            hsts: None,
            is_head: false,
            version: Version::Http11,
            closes: true,
            is_last: false,
            is_cut: false,
            user: None,
            status: 0,
            sent: 0,
            filter: None,
            record: None,
            encoder: None,
        }
    }

    /// Answers a status and fields without a body.
    pub fn empty(&mut self, status: u16, mut fields: Fields) -> Result<()> {
        if !matches!(status, 204 | 304) {
            fields.push("Content-Length", "0");
        }
        self.head_only(status, fields)
    }

    /// Answers a HEAD whose body would have to be made to know its length (RFC 9110 §9.3.2).
    pub fn head_only(&mut self, status: u16, fields: Fields) -> Result<()> {
        let head = self.begin(status, &fields);
        self.send(|mut stream| stream.write_all(&head))
    }

    /// Answers a short body.
    pub fn bytes(&mut self, status: u16, media_type: &str, body: &[u8], mut fields: Fields) -> Result<()> {
        fields.push("Content-Type", with_charset(media_type));
        fields.push("Content-Length", body.len().to_string());
        let mut message = self.begin(status, &fields);
        if !self.is_head {
            message.extend_from_slice(body);
            self.sent = body.len() as u64;
        }
        self.send(|mut stream| stream.write_all(&message))
    }

    /// Says something before the answer (RFC 9110 §15.2). Nothing has begun by that.
    pub fn interim(&mut self, status: u16, fields: &Fields) -> Result<()> {
        let mut head = Vec::with_capacity(256);
        head::write_response(&mut head, status, &[fields]);
        self.stream.processing.say(self.stream, &head).map_err(|wrong| Error::io("client", wrong))
    }

    /// Takes an encoder for the answer, and says how it is coded: as it is where all are in use.
    pub fn reserve_encoder(&mut self, coders: &Coders) -> Coding {
        self.encoder = coders.encoder();
        if self.encoder.is_some() { Coding::Zstd } else { Coding::Identity }
    }

    /// The connection it goes over.
    pub fn stream(&self) -> &'a Stream {
        self.stream
    }

    /// Keeps the fields of the answer for [`Reply::take_record`].
    pub fn keep_record(&mut self) {
        self.record = Some(Fields::new());
    }

    /// The status and the fields that were sent, without those every answer has.
    pub fn take_record(&mut self) -> Option<(u16, Fields)> {
        self.record.take().filter(|_| self.is_begun()).map(|fields| (self.status, fields))
    }

    /// Answers an error, in the form the client likes (RFC 9457 for `application/problem+json`).
    pub fn error(&mut self, error: &Error, request: Option<&Request>, fields: Fields) -> Result<()> {
        self.problem(error, request, fields, json!({}))
    }

    /// The same with more members, for a client that likes them.
    pub fn problem(
        &mut self,
        error: &Error,
        request: Option<&Request>,
        fields: Fields,
        members: Value,
    ) -> Result<()> {
        let problem = Problem::new(error, request, fields, members);
        self.bytes(error.http_status(), problem.media_type, &problem.body, problem.fields)
    }

    /// Answers a part of a stored file.
    pub fn content(
        &mut self,
        status: u16,
        content: &dyn Content,
        part: Range<u64>,
        mut fields: Fields,
    ) -> Result<()> {
        fields.push("Content-Length", (part.end - part.start).to_string());
        let head = self.begin(status, &fields);
        if self.is_head || part.is_empty() {
            return self.send(|mut stream| stream.write_all(&head));
        }
        let mut left = part.clone();
        let outcome = self.send(|stream| {
            stream.write_head(&head)?;
            deliver(content, &mut left, stream)
        });
        self.sent = left.start - part.start;
        outcome
    }

    /// Answers parts of a stored file with 206, each behind some bytes, and `end` behind the last.
    pub fn parts(
        &mut self,
        content: &dyn Content,
        parts: &[(Vec<u8>, Range<u64>)],
        end: &[u8],
        mut fields: Fields,
    ) -> Result<()> {
        let lengths = parts.iter().map(|(before, part)| before.len() as u64 + part.end - part.start);
        let length = lengths.sum::<u64>() + end.len() as u64;
        fields.push("Content-Length", length.to_string());
        let head = self.begin(206, &fields);
        let mut sent = 0;
        let outcome = self.send(|mut stream| {
            stream.write_head(&head)?;
            for (before, part) in parts {
                stream.write_head(before)?;
                sent += before.len() as u64;
                let mut left = part.clone();
                let delivered = deliver(content, &mut left, stream);
                sent += left.start - part.start;
                delivered?;
            }
            stream.write_all(end)?;
            sent += end.len() as u64;
            Ok(())
        });
        self.sent = sent;
        outcome
    }

    /// Answers what `write` writes, as it comes. Nothing is sent before its first byte, so that an error until
    /// then is still an answer; one after it cuts the connection. `spool` is where the answer waits when the
    /// client is still sending and does not read; without one the client has to read.
    pub fn streamed(
        &mut self,
        mut fields: Fields,
        coding: Coding,
        spool: Option<Spooler<'_>>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let framing = match self.version {
            Version::Http11 => Framing::Chunked,
            Version::Http10 => Framing::UntilClose,
        };
        match framing {
            Framing::Chunked => fields.push("Transfer-Encoding", "chunked"),
            _ => self.closes = true,
        }
        if coding == Coding::Zstd {
            fields.push("Content-Encoding", "zstd");
        }
        let head = self.begin(200, &fields);
        if self.is_head {
            return self.send(|mut stream| stream.write_all(&head));
        }
        // An answer without a length is whole when its connection ends: nothing may end it before but a reset, not even
        // the death of this process.
        let ends_by_close = framing == Framing::UntilClose;
        if ends_by_close {
            self.stream.close_with_reset(true);
        }
        let mut spill = Spill::new(self.stream, head, spool);
        let outcome = write_coded(&mut spill, framing, coding, write).and_then(|()| spill.finish());
        let begun = spill.has_begun();
        self.sent = spill.taken();
        if ends_by_close && (outcome.is_ok() || !begun) {
            self.stream.close_with_reset(false);
        }
        match outcome {
            Err(wrong) if !begun => {
                (self.status, self.sent) = (0, 0);
                Err(Error::io("client", wrong))
            }
            outcome => self.send(|_| outcome),
        }
    }

    /// Answers lines as [`Reply::streamed`] does; many of them share a write.
    pub fn lines(
        &mut self,
        fields: Fields,
        coding: Coding,
        write: impl FnOnce(&mut Lines<'_>) -> io::Result<()>,
    ) -> Result<()> {
        self.streamed(fields, coding, None, |sink| {
            let mut out = BufWriter::new(sink);
            match write(&mut out) {
                Ok(()) => out.flush(),
                // What waits here must not go out when this is dropped: while nothing has, there is still room to
                // say what went wrong.
                Err(wrong) => {
                    drop(out.into_parts());
                    Err(wrong)
                }
            }
        })
    }

    /// Answers nothing: the client has left. The log says so with the status that web servers use for it.
    pub fn give_up(&mut self) {
        (self.status, self.is_cut) = (LEFT, true);
    }

    /// Whether a head was sent.
    pub fn is_begun(&self) -> bool {
        self.status != 0
    }

    /// The head, with the fields every answer has.
    fn begin(&mut self, status: u16, fields: &Fields) -> Vec<u8> {
        self.status = status;
        if let Some(record) = &mut self.record {
            record.clone_from(fields);
        }
        self.closes |= self.connections.is_some_and(Connections::is_draining);
        let mut own = Fields::new();
        own.push("Date", httpdate::fmt_http_date(SystemTime::now()));
        if self.closes {
            own.push("Connection", "close");
        } else if self.version == Version::Http10 {
            own.push("Connection", "keep-alive");
        }
        self.hsts.iter().for_each(|hsts| own.push("Strict-Transport-Security", hsts));
        let mut head = Vec::with_capacity(512);
        head::write_response(&mut head, status, &[&own, fields]);
        head
    }

    /// Once a head is on its way, whatever goes wrong can only cut.
    fn send(&mut self, write: impl FnOnce(&Stream) -> io::Result<()>) -> Result<()> {
        let ready = self.stream.processing.end(self.stream);
        ready.and_then(|()| write(self.stream)).map_err(|wrong| {
            self.is_cut = true;
            Error::io("client", wrong)
        })
    }
}

/// Text is said to be UTF-8, which is what the daemon's own words are.
pub fn with_charset(media_type: &str) -> String {
    match media_type {
        "text/plain" => "text/plain; charset=utf-8".to_owned(),
        other => other.to_owned(),
    }
}

fn write_coded(
    spill: &mut Spill<'_>,
    framing: Framing,
    coding: Coding,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut body = BodyWriter::new(spill, framing);
    let body = match coding {
        Coding::Identity => {
            write(&mut body)?;
            body
        }
        Coding::Zstd => {
            let mut encoder = Encoder::of_answer(body)?;
            write(&mut encoder)?;
            encoder.finish()?
        }
    };
    body.finish(&Fields::new()).map(|_| ())
}
