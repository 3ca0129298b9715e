//! Response bodies that are generated while they are sent: framed, coded, and buffered in a spool file while the client
//! sends and does not read. The caller generates the bytes.

use std::io::{self, BufWriter, Write};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::http::coding::{Coding, Encoder};
use crate::http::condition::Validators;
use crate::http::{BodyWriter, Fields, Framing, Version};
use crate::server::exchange::{Exchange, Reply, Spill, is_not_modified, of_not_modified, restrict_browsers};
use crate::server::limits::FLUSH_LINES_AFTER;
use crate::server::observe::CloseReason;
use crate::store::{Name, Spools};

/// The bytes of lines that share a write.
const LINES_TOGETHER: usize = 32 << 10;

/// Sends what `write` writes with this status, as it is written. Nothing is sent before the first byte, so that an
/// earlier error still gets a response; a later one aborts the connection. `spools` buffer the response while the client
/// sends and does not read; without them the writer blocks.
pub fn send_streamed(
    reply: &mut Reply<'_>,
    status: u16,
    mut fields: Fields,
    coding: Coding,
    spools: Option<&Spools>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    let framing = match reply.version {
        Version::Http11 => Framing::Chunked,
        Version::Http10 => Framing::UntilClose,
    };
    match framing {
        Framing::Chunked => fields.push("Transfer-Encoding", "chunked"),
        _ => reply.outcome.close(CloseReason::BodyUntilClose),
    }
    if coding == Coding::Zstd {
        fields.push("Content-Encoding", "zstd");
    }
    let head = reply.begin(status, &fields);
    if reply.is_head {
        return reply.send(|mut stream| stream.write_all(&head));
    }
    // A body without a length ends with the connection. Until it is complete, a close must send a reset, also where
    // this process is killed.
    let ends_by_close = framing == Framing::UntilClose;
    let stream = reply.stream;
    if ends_by_close {
        stream.socket.close_with_reset(true);
    }
    let mut spill = Spill::new(stream, head, spools);
    let written = write_coded(&mut spill, framing, coding, write).and_then(|()| spill.finish());
    let begun = spill.has_begun();
    reply.outcome.body_bytes = spill.taken;
    if ends_by_close && (written.is_ok() || !begun) {
        stream.socket.close_with_reset(false);
    }
    match written {
        Err(error) if !begun => {
            (reply.outcome.status, reply.outcome.body_bytes) = (0, 0);
            Err(Error::io("client", error))
        }
        written => written.map_err(|error| reply.abort(error)),
    }
}

/// Sends lines about the directory `name` as [`send_streamed`] does, through a buffer. `policy` is the content security
/// policy.
pub fn send_lines(
    exchange: &mut Exchange<'_>,
    name: &Name,
    media_type: &str,
    policy: &str,
    write: impl FnOnce(&mut LineSink<'_>) -> io::Result<()>,
) -> Result<()> {
    let mut fields = Fields::new();
    let charset = if media_type == "application/json" { "" } else { "; charset=utf-8" };
    fields.push("Content-Type", format!("{media_type}{charset}"));
    fields.push("Vary", "Accept, Accept-Encoding");
    fields.push("Cache-Control", exchange.server.cache_control());
    restrict_browsers(&mut fields, policy);
    let coding = exchange.reply.choose_coding(exchange.request);
    // The directory exists, but has no validator.
    if is_not_modified(exchange.request, name, Validators::default())? {
        return exchange.reply.empty(304, of_not_modified(&fields));
    }
    send_buffered(&mut exchange.reply, 200, fields, coding, write)
}

/// Sends what `write` writes as [`send_streamed`] does, through a buffer.
pub fn send_buffered(
    reply: &mut Reply<'_>,
    status: u16,
    fields: Fields,
    coding: Coding,
    write: impl FnOnce(&mut LineSink<'_>) -> io::Result<()>,
) -> Result<()> {
    send_streamed(reply, status, fields, coding, None, |sink| {
        let mut out =
            LineSink { buffer: BufWriter::with_capacity(LINES_TOGETHER, sink), since: Instant::now() };
        match write(&mut out) {
            Ok(()) => out.flush(),
            // Discard the buffer instead of flushing it on drop: while nothing was sent, the error can be answered.
            Err(error) => {
                drop(out.buffer.into_parts());
                Err(error)
            }
        }
    })
}

/// A buffered writer, so that many lines share a write.
pub struct LineSink<'a> {
    buffer: BufWriter<&'a mut dyn Write>,
    /// When it was last flushed.
    since: Instant,
}

impl LineSink<'_> {
    /// Returns how long the lines may still wait in the buffer.
    pub fn time_left(&self) -> Duration {
        FLUSH_LINES_AFTER.saturating_sub(self.since.elapsed())
    }

    /// Sends an empty line, which readers of JSON lines skip, where nothing was sent for this long: a client may take silence
    /// for a server that hangs.
    pub fn keep_alive(&mut self, every: Duration) -> io::Result<()> {
        match self.since.elapsed() >= every && self.buffer.buffer().is_empty() {
            true => self.write_all(b"\n").and_then(|()| self.flush()),
            false => Ok(()),
        }
    }

    /// Flushes lines that have waited long enough. To be called before something that may take a while.
    pub fn flush_waiting(&mut self) -> io::Result<()> {
        match self.time_left().is_zero() && !self.buffer.buffer().is_empty() {
            true => self.flush(),
            false => Ok(()),
        }
    }
}

impl Write for LineSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.since = Instant::now();
        self.buffer.flush()
    }
}

/// Writes a body with its coding and framing.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_list_is_kept_alive_by_empty_lines_between_the_others() {
        let mut sent = Vec::new();
        let mut out = LineSink { buffer: BufWriter::new(&mut sent), since: Instant::now() };
        out.keep_alive(Duration::MAX).unwrap();
        out.write_all(b"{}\n").unwrap();
        // Lines that wait are about to be sent.
        out.keep_alive(Duration::ZERO).unwrap();
        out.flush().unwrap();
        out.keep_alive(Duration::ZERO).unwrap();
        drop(out);
        assert_eq!(sent, b"{}\n\n");
    }
}
