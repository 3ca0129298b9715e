//! A server, the connection to it that is kept between requests, and the way of one request: connect, send, read the
//! head of the response. Reading the response's content is `answer.rs`.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::call::answer::{Answer, blame};
use crate::client::call::call::Call;
use crate::client::call::head::{encode, form};
use crate::client::call::progress::Progress;
use crate::client::call::retry::{RETRIES, Retries};
use crate::client::call::sending::Sending;
use crate::client::conn::connect::{Connection, Socket};
use crate::client::conn::url::Url;
use crate::client::login::credentials::{Credentials, Given};
use crate::client::settings::{Compress, Settings};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::head::reason;
use crate::http::idempotency::{self, RETRY_UNSURE};
use crate::http::{Fields, Response, Target};

/// Heads before the final one (1xx) that are read at once. A server says one or two.
const INTERIM_MAX: usize = 100;
/// How long a server must have been silent before what it says then is not counted among those.
const INTERIM_PAUSE: Duration = Duration::from_secs(1);
/// A server, and the connection to it that is kept between calls.
#[derive(Debug)]
pub struct Client {
    /// Where the server is.
    pub url: Url,
    settings: Settings,
    given: Given,
    /// What is said of the user, once it was needed.
    credentials: Option<Credentials>,
    kept: Option<Connection>,
    /// A connection that has carried no call yet: when it breaks, that is no news of the last call.
    unused: Option<Connection>,
    /// Whether the server was there once: only then is it waited for.
    met: bool,
    /// What the server finds the upload by that was sent last.
    upload_id: Option<Vec<u8>>,
    /// Whether the last call may have been carried out though it failed.
    is_in_doubt: bool,
}

/// A head that has come, and what it came over.
type Begun = (Connection, Response, Option<Sending>);

impl Client {
    /// The server the settings or the environment name. Nothing is connected yet.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Client::at(Url::choose(settings.server.as_deref())?, settings, Given::ALL))
    }

    /// This server, for which these credentials were given.
    pub fn at(url: Url, settings: &Settings, given: Given) -> Self {
        let settings = settings.clone();
        Client {
            url,
            settings,
            given,
            credentials: None,
            kept: None,
            unused: None,
            met: false,
            upload_id: None,
            is_in_doubt: false,
        }
    }

    /// Whether progress and remarks are unwanted.
    pub fn is_quiet(&self) -> bool {
        self.settings.quiet
    }

    /// How often a transfer that broke is tried again.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries.unwrap_or(0)
    }

    /// Whether what went wrong may be over soon: a connection to a server that was there broke, or it is busy.
    fn may_pass(&self, error: &Error) -> bool {
        self.met
            && match error {
                Error::Failed { kind: ErrorKind::Interrupted | ErrorKind::Unavailable, .. } => true,
                Error::System { name, .. } => *name == self.url.shown,
                _ => false,
            }
    }

    /// Waits before another attempt, or returns the error: it will not pass, or no retry is left.
    pub(crate) fn wait_to_retry(&self, retries: &mut Retries, error: Error) -> Result<()> {
        let Some(pause) = retries.next_pause().filter(|_| self.may_pass(&error)) else { return Err(error) };
        retries.count();
        self.trace('!', &format!("{error}: again in {} ms", pause.as_millis()));
        thread::sleep(pause);
        Ok(())
    }

    /// Whether bodies travel compressed to and from this server, which is connected to for that.
    pub(crate) fn is_coding(&mut self) -> Result<bool> {
        self.kept = self.kept.take().filter(Connection::is_fresh);
        if let Some(connection) = &self.kept {
            return Ok(self.compresses(connection.socket()));
        }
        let connection = self.open()?;
        let coding = self.compresses(connection.socket());
        self.unused = Some(connection);
        Ok(coding)
    }

    fn open(&mut self) -> Result<Connection> {
        if let Some(connection) = self.unused.take() {
            return Ok(connection);
        }
        let connection = Connection::open(&self.url, &self.settings.trust, self.settings.timeouts)?;
        self.met = true;
        Ok(connection)
    }

    /// Sends a request and reads the head of its answer; the body, if any, goes on being sent meanwhile.
    pub fn send(&mut self, call: &Call) -> Result<Answer<'_>> {
        if self.credentials.is_none() {
            let user = self.settings.user.as_deref();
            self.credentials = Some(Credentials::find(&self.url, user, self.given)?);
        }
        let kept = self.kept.take().filter(Connection::is_fresh);
        let (was_kept, sent) = (kept.is_some(), Instant::now());
        let connection = match kept {
            Some(connection) => connection,
            None => self.open()?,
        };
        let begun = match self.begin(connection, call, None) {
            // The server knows how far it came.
            Err(error) if self.upload_id.is_some() => Err(error),
            Err(error) if was_kept && call.may_repeat() && self.is_broken(&error) => {
                let connection = self.open()?;
                self.begin(connection, call, None)
            }
            Err(error) if call.has_key() => self.begin_again(call, sent, was_kept, error),
            begun => begun,
        };
        self.answer(call, begun?)
    }

    /// The response whose head has come. It gives the connection back when it was read to its end.
    fn answer(&mut self, call: &Call, (connection, response, sending): Begun) -> Result<Answer<'_>> {
        let quiet = self.settings.quiet;
        Answer::new(&self.url.shown, &mut self.kept, quiet, call, connection, response, sending)
    }

    /// Sends a call with a key again until its outcome is known: the server tells the one it remembers, or that it
    /// remembers everything since the call was first `sent`, so that it did not come. The call is in doubt else.
    fn begin_again(&mut self, call: &Call, sent: Instant, at_once: bool, error: Error) -> Result<Begun> {
        let (mut retries, mut error) = (Retries::new(self.settings.retries.unwrap_or(RETRIES)), error);
        let (mut retry, mut waits) = (RETRY_UNSURE.to_owned(), !at_once);
        loop {
            match &error {
                // The body could not be read: the server has not got all of it.
                Error::Failed { kind: ErrorKind::Interrupted, name, .. } | Error::System { name, .. }
                    if *name != self.url.shown =>
                {
                    return Err(error);
                }
                error if call.can_repeat() && self.is_broken(error) => {}
                error => return Err(self.doubt(call, error)),
            }
            if waits && let Err(last) = self.wait_to_retry(&mut retries, error) {
                return Err(self.doubt(call, &last));
            }
            waits = true;
            let asked = Instant::now();
            let begun = self.open().and_then(|connection| self.begin(connection, call, Some(&retry)));
            let begun = match begun {
                Ok(begun) => begun,
                Err(again) => {
                    error = again;
                    continue;
                }
            };
            let Some((epoch, since)) = idempotency::outcomes(&begun.1.fields) else {
                return Ok(begun);
            };
            // How long it remembers was told between the question and the answer: in a close case it is asked again.
            let (never_came, is_close) = (since > sent.elapsed(), since > asked.duration_since(sent));
            self.answer(call, begun)?.finish()?;
            error = Error::interrupted(&self.url.shown, "does not remember it");
            match (never_came, is_close) {
                (true, _) => {
                    (retry, waits) = (epoch, retries.is_used());
                    retries.count();
                }
                (false, true) => {}
                (false, false) => return Err(self.doubt(call, &error)),
            }
        }
    }

    /// The error of a call that may have been carried out.
    fn doubt(&mut self, call: &Call, error: &Error) -> Error {
        self.is_in_doubt = true;
        Error::interrupted(
            shown(call.subject()),
            format!("may have been done, for the answer was lost: {error}"),
        )
    }

    /// Whether the last call may have been carried out though it failed.
    pub(crate) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.is_in_doubt)
    }

    /// Whether the connection broke, so that another one may do. A server that is slow is not asked more.
    fn is_broken(&self, error: &Error) -> bool {
        match error {
            Error::Failed { kind: ErrorKind::Interrupted, name, .. } => *name == self.url.shown,
            Error::System { name, source } => {
                *name == self.url.shown && source.kind() != io::ErrorKind::TimedOut
            }
            _ => false,
        }
    }

    /// What the server finds the upload by that was sent last, where it keeps it.
    pub(crate) fn take_upload_id(&mut self) -> Option<Vec<u8>> {
        self.upload_id.take()
    }

    /// Whether bytes are to travel compressed whatever that costs.
    pub(crate) fn always_compresses(&self) -> bool {
        self.settings.compress == Compress::Always
    }

    fn begin(&mut self, mut connection: Connection, call: &Call, retry: Option<&str>) -> Result<Begun> {
        self.trace('>', &format!("{} {}", call.method, shown(&call.target)));
        let zstd = self.compresses(connection.socket());
        let form = form(call, zstd)?;
        let mut fields = Fields::new();
        fields.push("Host", &self.url.host);
        if let Some(value) = self.credentials.as_ref().and_then(Credentials::value) {
            fields.push("Authorization", value);
        }
        let head = encode(call, fields, zstd, form.as_ref(), retry);
        let mut socket = connection.socket().clone();
        socket.write_all(&head).map_err(|_| Error::interrupted(&self.url.shown, "closed the connection"))?;
        let mut sending = match (&call.upload, form) {
            (Some(upload), Some(form)) => {
                let progress = Progress::new(&upload.name, upload.size(), self.settings.quiet);
                Some(Sending::start(upload, form, socket, progress)?)
            }
            _ => None,
        };
        let response = match self.read_head(&mut connection, sending.as_ref()) {
            Ok(response) => response,
            Err(error) => return Err(sending.and_then(|sending| sending.failure()).unwrap_or(error)),
        };
        if let Some(sending) = &mut sending {
            sending.hold();
        }
        Ok((connection, response, sending))
    }

    /// Reads the final head; those before it (1xx) may let the body go on.
    fn read_head(&mut self, connection: &mut Connection, sending: Option<&Sending>) -> Result<Response> {
        let begins_with_tls = connection.begins_with_tls();
        let named = |error| self.not_answered(blame(&self.url.shown, Error::io(&self.url.shown, error)));
        if begins_with_tls.map_err(named)? {
            return Err(Error::usage(format!(
                "{}: TLS is spoken there: its URL begins with https://",
                self.url.shown
            )));
        }
        let (mut interim, mut heard) = (0, Instant::now());
        while interim < INTERIM_MAX {
            let response = Response::read(&mut connection.input)
                .map_err(|error| self.not_answered(blame(&self.url.shown, error)))?
                .ok_or_else(|| {
                    Error::interrupted(&self.url.shown, "closed the connection without an answer")
                })?;
            // A server that works for hours may say so as often.
            interim = if heard.elapsed() >= INTERIM_PAUSE { 0 } else { interim + 1 };
            heard = Instant::now();
            self.trace('<', &format!("{} {}", response.status, reason(response.status)));
            match (response.status, sending) {
                (100, Some(sending)) => sending.go_on(),
                (101, _) => {
                    return Err(Error::bad_answer(&self.url.shown, "speaks another protocol unasked"));
                }
                // Its place is on this server, whatever a proxy before it calls that.
                (104, _) => self.upload_id = last_component(&response.fields).or(self.upload_id.take()),
                (100..=199, _) => {}
                _ => return Ok(response),
            }
        }
        Err(Error::bad_answer(&self.url.shown, "never comes to an answer"))
    }

    /// A server that does not answer in time is not asked again, but for what it has of an upload.
    fn not_answered(&self, error: Error) -> Error {
        match error {
            Error::System { name, source }
                if source.kind() == io::ErrorKind::TimedOut && self.upload_id.is_none() =>
            {
                Error::no_answer(name, source.to_string())
            }
            other => other,
        }
    }

    fn compresses(&self, socket: &Socket) -> bool {
        match self.settings.compress {
            Compress::Always => true,
            Compress::Never => false,
            Compress::Auto => !socket.is_near(),
        }
    }

    /// One line of the conversation, for who wants to see it.
    pub(crate) fn trace(&self, direction: char, line: &str) {
        if self.settings.verbose {
            let _ = writeln!(io::stderr(), "{direction} {line}");
        }
    }
}

/// The last component of what `Location` says.
pub(crate) fn last_component(fields: &Fields) -> Option<Vec<u8>> {
    let location = fields.get("location")?;
    Target::parse(location).ok()?.components.pop()
}
