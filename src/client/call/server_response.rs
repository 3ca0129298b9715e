//! Responses: the content of a response, read to the end of its framing, and the one-line text of an error. A response
//! that is not read completely is an error, and its connection is not reused.

use std::io::{self, Read, Write};

use crate::client::call::body_source::copy;
use crate::client::call::call::shown_target;
use crate::client::call::round_trip::Begun;
use crate::client::call::sending::{Sending, Sent};
use crate::client::call::status::{blame, redirection};
use crate::client::conn::tls::speaks_tls;
use crate::client::output::standard_streams::mute_progress;
use crate::client::progress::display::ProgressReader;
use crate::client::{Progress, RemoteName, ServerConnection, kind_of};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::coding::{self, Coding};
use crate::http::head::reason;
use crate::http::{Body, Fields, Framing, Response};

/// How many bytes of unwanted content are read to keep the connection.
const UNWANTED_MAX: u64 = 1024 * 1024;
/// What a failed precondition means to a user (412).
const CHANGED_MEANWHILE: &str = "was changed meanwhile: read it again and retry";
/// How many bytes of an error response are read: it is one line.
const REFUSAL_MAX: u64 = 4096;

/// A response whose head was read. One of its methods must read it to its end.
#[must_use = "a response is complete only when its body was read"]
pub struct ServerResponse<'c> {
    pub(super) begun: Begun,
    /// How the body is framed.
    pub(super) framing: Framing,
    /// The server as an error message names it.
    pub(super) server: &'c str,
    /// Where the connection is kept when both sides are done with it.
    pub(super) kept: &'c mut Option<ServerConnection>,
    /// Whether no progress is shown.
    pub(super) quiet: bool,
    /// Whether the request named no user.
    pub(super) is_anonymous: bool,
    /// Whether content in an unsupported coding is left encoded.
    pub(super) as_received: bool,
}

impl ServerResponse<'_> {
    /// Returns the head.
    pub fn head(&self) -> &Response {
        &self.begun.head
    }

    /// Returns the fields of the head.
    pub fn fields(&self) -> &Fields {
        &self.begun.head.fields
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.begun.head.status
    }

    /// Returns the size of the content, if the head has it and the content is not encoded.
    pub fn size(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(length) if self.is_plain() => Some(length),
            _ => None,
        }
    }

    /// Returns whether only the end of the connection ends the content: what is missing then is not noticed.
    pub fn ends_by_close(&self) -> bool {
        self.framing == Framing::UntilClose
    }

    /// Returns whether the request named no user.
    pub fn is_anonymous(&self) -> bool {
        self.is_anonymous
    }

    /// Returns whether the content is not encoded.
    pub fn is_plain(&self) -> bool {
        matches!(coding::of_message(self.fields()), Ok(Coding::Identity))
    }

    /// Accepts content in an unsupported coding as received. Other servers may ignore `Accept-Encoding`.
    pub fn as_received(self) -> Self {
        ServerResponse { as_received: true, ..self }
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
        let target = self.begun.target.split(|&byte| byte == b'?').next().unwrap_or_default();
        let name = shown_target(target);
        if status < 400 {
            return redirection(status, self.fields(), target, &name);
        }
        let is_text =
            self.fields().get_text("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        let (is_anonymous, server) = (self.is_anonymous, self.server);
        let text = self.text(REFUSAL_MAX).unwrap_or_default();
        let line = shown(text.split(|&byte| byte == b'\n').next().unwrap_or_default());
        let (name, what) = match line.split_once(": ").filter(|_| is_text) {
            // cfpd on a port with TLS could not read the request.
            Some(("TLS", _)) => return speaks_tls(server),
            Some((name, what)) => (RemoteName::shown_as_typed(name), what.to_owned()),
            None => (name, unnamed(status, server)),
        };
        let kind = kind_of_line(status, &what);
        Error::new(kind, name, advised(kind, &what, is_anonymous))
    }

    /// Returns whether the body of a refused request was not sent, and not read.
    pub fn body_was_not_sent(&self) -> bool {
        self.begun.sending.as_ref().is_none_or(|sending| matches!(sending.outcome(), Some(Ok(Sent::Nothing))))
    }

    /// Reads the decoded content. What `act` leaves unread is skipped.
    pub fn read<T>(mut self, act: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        let server = self.server;
        let coding = match coding::of_message(self.fields()) {
            Err(_) if self.as_received => Coding::Identity,
            told => told.map_err(|error| blame(server, error))?,
        };
        match read_body(&mut self.begun.connection, self.framing, coding, server, act) {
            Ok(value) => {
                self.begun.connection.socket().close_with_reset(false);
                self.release_connection();
                Ok(value)
            }
            // The response may have ended because the body it depends on could not be read.
            Err(error) => Err(self.begun.sending.and_then(|sending| sending.failure()).unwrap_or(error)),
        }
    }

    /// Copies the content to a sink; an error of the sink names it.
    pub fn copy_to(self, sink: &mut dyn Write, name: &str) -> Result<()> {
        mute_progress(name);
        // The body of a filter was counted when it was sent.
        let progress = match self.begun.sending {
            Some(_) => Progress::default(),
            None => Progress::new(name, self.size(), self.quiet),
        };
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
        self.read(|body| {
            let mut text = Vec::new();
            let read = body.take(most).read_to_end(&mut text);
            read.map(|_| text).map_err(|error| Error::io("answer", error))
        })
    }

    /// Skips the content.
    pub fn finish(self) -> Result<()> {
        self.read(|_| Ok(()))
    }

    /// Skips the content, and returns the fields of the head.
    pub fn into_fields(self) -> Result<Fields> {
        let fields = self.fields().clone();
        self.finish().map(|()| fields)
    }

    /// Keeps the connection for the next request if both sides are done with this one.
    fn release_connection(self) {
        let Begun { head, connection, sending, .. } = self.begun;
        // A refusal is final at once: do not wait for a body that may be endless.
        let outcome = |sending: Sending| match head.status {
            400.. => sending.outcome_now(),
            _ => sending.outcome(),
        };
        // If the response came before the body was sent, the rest is not wanted.
        if head.keeps_alive()
            && self.framing != Framing::UntilClose
            && matches!(sending.map(outcome), None | Some(Some(Ok(Sent::All))))
        {
            *self.kept = Some(connection);
        }
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
        Coding::Identity => act(&mut NamedErrors { body: &mut body, server })?,
        Coding::Zstd if framing == Framing::None => act(&mut io::empty())?,
        Coding::Zstd => {
            let mut decoder = coding::decoder(&mut body).map_err(named)?;
            let value = act(&mut NamedErrors { body: &mut decoder, server })?;
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
        UNWANTED_MAX => Err(Error::bad_response(server, "sent more than was requested").into()),
        _ => Ok(()),
    }
}

/// A body whose errors name the server.
struct NamedErrors<'a, R> {
    body: R,
    server: &'a str,
}

impl<R: Read> Read for NamedErrors<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.body.read(out).map_err(|error| match blame(self.server, Error::io(self.server, error)) {
            // Not retried, as a head that does not come is not.
            Error::System { name, source } if source.kind() == io::ErrorKind::TimedOut => {
                Error::no_response(name, source.to_string()).into()
            }
            error => error.into(),
        })
    }
}

/// Returns the text of a refusal that has none. cfpd has every method that the tools use.
fn unnamed(status: u16, server: &str) -> String {
    let status_line = format!("{status} {}", reason(status));
    match kind_of(status) {
        ErrorKind::MethodNotAllowed | ErrorKind::NotImplemented => {
            format!("{status_line}: {server} may be no cfpd, name another with -s")
        }
        _ => status_line,
    }
}

/// Returns the text of a refusal as a user reads it, with what to do next if something can be done about it.
fn advised(kind: ErrorKind, what: &str, is_anonymous: bool) -> String {
    match kind {
        ErrorKind::PreconditionFailed => CHANGED_MEANWHILE.to_owned(),
        ErrorKind::Unauthenticated if is_anonymous => match what.strip_prefix("log in to ") {
            Some(act) => format!("log in with -u NAME to {act}"),
            None => format!("{what}: log in with -u NAME"),
        },
        // The server asks for no login, and may have no users. Other requests are forbidden to every user.
        ErrorKind::Forbidden if is_anonymous && what.starts_with("you may not ") => {
            format!("{what}: log in with -u NAME, if the server has users")
        }
        // The one refusal that names another file.
        _ => what.replacen("no directory /", "no directory :", 1),
    }
}

/// Returns the kind of a refusal, from its status and its text: 409 alone does not say which conflict it is.
fn kind_of_line(status: u16, what: &str) -> ErrorKind {
    match kind_of(status) {
        ErrorKind::Conflict if what.starts_with("is a directory") => ErrorKind::IsDirectory,
        kind => kind,
    }
}
