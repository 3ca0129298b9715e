//! Responses: the content of a response, read to the end of its framing, and the one-line text of an error. A response
//! that is not read completely is an error, and its connection is not reused.

use std::io::{self, Read, Write};

use crate::client::call::body_source::copy;
use crate::client::call::call::Call;
use crate::client::call::progress::{Progress, ProgressReader};
use crate::client::call::sending::{Sending, Sent};
use crate::client::call::status::kind_of;
use crate::client::conn::connect::ServerConnection;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::coding::{self, Coding};
use crate::http::head::reason;
use crate::http::{Body, Framing, Response, framing};

/// How many bytes of unwanted content are read to keep the connection.
const UNWANTED_MAX: u64 = 1024 * 1024;
/// How many bytes of an error response are read: it is one line.
const REFUSAL_MAX: u64 = 4096;

/// A response whose head was read. One of its methods must read it to its end.
#[must_use = "an answer is complete only when its body was read"]
pub struct Answer<'c> {
    /// The head.
    pub head: Response,
    /// The server as an error message names it.
    server: &'c str,
    /// Where the connection is kept when both sides are done with it.
    kept: &'c mut Option<ServerConnection>,
    quiet: bool,
    connection: ServerConnection,
    sending: Option<Sending>,
    framing: Framing,
    target: Vec<u8>,
    /// Whether content in an unsupported coding is left encoded.
    as_received: bool,
}

impl<'c> Answer<'c> {
    pub(crate) fn new(
        server: &'c str,
        kept: &'c mut Option<ServerConnection>,
        quiet: bool,
        call: &Call,
        connection: ServerConnection,
        head: Response,
        sending: Option<Sending>,
    ) -> Result<Self> {
        let framing = framing::of_response(&head, call.method).map_err(|error| blame(server, error))?;
        let target = call.target.clone();
        Ok(Answer { head, server, kept, quiet, connection, sending, framing, target, as_received: false })
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// Returns the size of the content, if the head has it and the content is not encoded.
    pub fn size(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) if self.is_plain() => Some(length),
            _ => None,
        }
    }

    /// Returns whether the content is not encoded.
    pub fn is_plain(&self) -> bool {
        matches!(coding::of_message(&self.head.fields), Ok(Coding::Identity))
    }

    /// Accepts content in an unsupported coding as received. Other servers may ignore `Accept-Encoding`.
    pub fn as_received(self) -> Self {
        Answer { as_received: true, ..self }
    }

    /// Returns a successful response; any other becomes the error it describes.
    pub fn check(self) -> Result<Self> {
        match self.status() {
            200..=299 => Ok(self),
            _ => Err(self.refusal()),
        }
    }

    /// Reads the error from a response's one line, `name: error`.
    pub fn refusal(self) -> Error {
        let status = self.status();
        let name = self.target.split(|&byte| byte == b'?').next().unwrap_or_default().to_vec();
        let other = Error::new(kind_of(status), &name, format!("{status} {}", reason(status)));
        // cfpd redirects only from a directory without its slash.
        if status < 400 {
            return match status {
                301 | 308 => Error::is_directory(&name, "is a directory"),
                _ => Error::bad_answer(&name, format!("{status} is no answer to this request")),
            };
        }
        let is_text =
            self.head.fields.get_text("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        let mut text = Vec::new();
        let read = self
            .read(|body| body.take(REFUSAL_MAX).read_to_end(&mut text).map(drop).map_err(|_| truncated()));
        let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let parted = shown(line);
        match parted.split_once(": ") {
            Some((name, what)) if read.is_ok() && is_text => {
                Error::new(kind_of_line(status, what), name, what)
            }
            _ => other,
        }
    }

    /// Returns whether the body of a refused request was not sent, and not read.
    pub fn kept_body(&self) -> bool {
        self.sending.as_ref().is_none_or(|sending| matches!(sending.outcome(), Some(Ok(Sent::Nothing))))
    }

    /// Reads the decoded content. What `act` leaves unread is skipped.
    pub fn read<T>(mut self, act: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        let server = self.server;
        let coding = match coding::of_message(&self.head.fields) {
            Err(_) if self.as_received => Coding::Identity,
            told => told.map_err(|error| blame(server, error))?,
        };
        let outcome = read_body(&mut self.connection, self.framing, coding, server, act);
        match outcome {
            Ok(value) => self.release_connection().map(|()| value),
            // The response may have ended because the body it depends on could not be read.
            Err(error) => Err(self.sending.and_then(|sending| sending.failure()).unwrap_or(error)),
        }
    }

    /// Copies the content to a sink; an error of the sink names it.
    pub fn copy_to(self, sink: &mut dyn Write, name: &str) -> Result<()> {
        let progress = Progress::new(name, self.size(), self.quiet);
        let bar = progress.clone();
        let copied = self.read(|body| {
            let mut body = ProgressReader { reader: body, progress };
            copy(&mut body, sink).map_err(|error| Error::io(name, error))
        });
        bar.clear();
        copied
    }

    /// Reads short content, at most `most` bytes.
    pub fn text(self, most: u64) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        self.read(|body| {
            body.take(most).read_to_end(&mut text).map_err(|error| Error::io("answer", error))?;
            Ok(())
        })?;
        Ok(text)
    }

    /// Skips the content.
    pub fn finish(self) -> Result<()> {
        self.read(|_| Ok(()))
    }

    /// Keeps the connection for the next request if both sides are done with this one.
    fn release_connection(self) -> Result<()> {
        let ends = !self.head.keeps_alive() || self.framing == Framing::UntilClose;
        if ends {
            return Ok(());
        }
        // A refusal is final at once: do not wait for a body that may be endless.
        let refused = self.status() >= 400;
        let outcome = |sending: Sending| if refused { sending.outcome_now() } else { sending.outcome() };
        match self.sending.map(outcome) {
            None | Some(Some(Ok(Sent::All))) => *self.kept = Some(self.connection),
            // The response came before the body was sent: the rest is not wanted.
            Some(_) => {}
        }
        Ok(())
    }
}

/// Reads a body with `act`, then to its end.
fn read_body<T>(
    connection: &mut ServerConnection,
    framing: Framing,
    coding: Coding,
    server: &str,
    act: impl FnOnce(&mut dyn Read) -> Result<T>,
) -> Result<T> {
    let named = |error| blame(server, Error::io(server, error));
    let mut body = Body::new(&mut connection.input, framing);
    let value = match coding {
        Coding::Identity => act(&mut Blaming { body: &mut body, server })?,
        Coding::Zstd if framing == Framing::None => act(&mut io::empty())?,
        Coding::Zstd => {
            let mut decoder = coding::decoder(&mut body).map_err(named)?;
            let value = act(&mut Blaming { body: &mut decoder, server })?;
            skip(&mut decoder, server).map_err(named)?;
            value
        }
    };
    skip(&mut body, server).map_err(named)?;
    body.finish().map_err(named)?;
    Ok(value)
}

/// Skips unwanted content, up to a limit.
fn skip(body: &mut impl Read, server: &str) -> io::Result<()> {
    match io::copy(&mut body.take(UNWANTED_MAX), &mut io::sink())? {
        UNWANTED_MAX => Err(Error::bad_answer(server, "sent more than was requested").into()),
        _ => Ok(()),
    }
}

/// A body whose errors name the server.
struct Blaming<'a, R> {
    body: R,
    server: &'a str,
}

impl<R: Read> Read for Blaming<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.body.read(out).map_err(|error| blame(self.server, Error::io(self.server, error)).into())
    }
}

/// Maps an error in a response to one that names the server. It is not a refusal, since the request was not at fault.
pub(crate) fn blame(server: &str, error: Error) -> Error {
    match error {
        Error::System { source, .. } => Error::io(server, source),
        Error::Failed { kind, name, what } => {
            let kind = if kind == ErrorKind::Interrupted { kind } else { ErrorKind::BadAnswer };
            Error::new(kind, server, if name == server { what } else { format!("{name} {what}") })
        }
        Error::Usage(what) => Error::interrupted(server, what),
    }
}

/// Returns the kind of a refusal, from its status and its text: 409 alone does not say which conflict it is.
fn kind_of_line(status: u16, what: &str) -> ErrorKind {
    match kind_of(status) {
        ErrorKind::Conflict if what.starts_with("is a directory") => ErrorKind::IsDirectory,
        kind => kind,
    }
}

fn truncated() -> Error {
    Error::interrupted("answer", "ended before it was whole")
}
