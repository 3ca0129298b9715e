//! A server, and the connection to it that is kept open between requests. A request is sent again where that is safe.
//! `round_trip.rs` sends it once, `server_response.rs` reads the content of the response.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::client::call::retry::RETRIES;
use crate::client::call::round_trip::{Begun, RoundTrip, blame, trace};
use crate::client::call::upload_record::UploadRecord;
use crate::client::conn::rate_limit::RateLimit;
use crate::client::login::credentials::{CredentialSources, Credentials};
use crate::client::{
    Call, Cancellation, Compress, RemoteName, Retries, ServerConnection, ServerResponse, Settings, Url,
};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::idempotency::{self, RETRY_UNSURE};
use crate::http::{Query, framing};

/// A server, and the connection to it that is kept open between requests.
#[derive(Debug)]
pub struct Client {
    /// The URL of the server.
    pub url: Url,
    settings: Settings,
    given: CredentialSources,
    /// The user's credentials, once they were needed.
    credentials: Option<Credentials>,
    kept: Option<ServerConnection>,
    /// A connection that has carried no request yet: if it breaks, the last request is not affected.
    unused: Option<ServerConnection>,
    /// Whether the server was reached once: only then are failed connections retried.
    met: bool,
    /// The identifier by which the server finds the last upload.
    upload_id: Option<Vec<u8>>,
    /// Whether identifiers of uploads are remembered for other programs.
    remembers_uploads: bool,
    /// Where that identifier is remembered.
    record: Option<UploadRecord>,
    /// Whether the last request may have been performed although it failed.
    is_in_doubt: bool,
    cancellation: Cancellation,
    /// The limit on the rate of this client and those made of it.
    limit: Option<Arc<RateLimit>>,
}

impl Client {
    /// Makes a client of the server in the settings or the environment, without connecting.
    pub fn new(settings: &Settings) -> Result<Self> {
        Ok(Client::at(Url::choose(settings.server.as_deref())?, settings, CredentialSources::ALL))
    }

    /// Makes a client of this server, for which these credentials were given.
    pub fn at(url: Url, settings: &Settings, given: CredentialSources) -> Self {
        let settings = settings.clone();
        let limit = settings.limit_rate.map(RateLimit::new).map(Arc::new);
        Client {
            url,
            settings,
            given,
            credentials: None,
            kept: None,
            unused: None,
            met: false,
            upload_id: None,
            remembers_uploads: false,
            record: None,
            is_in_doubt: false,
            cancellation: Cancellation::default(),
            limit,
        }
    }

    /// Makes a client of the same server with the same credentials and limit, which has no connection.
    pub fn another(&self) -> Self {
        let (credentials, limit, met) = (self.credentials.clone(), self.limit.clone(), self.met);
        Client { credentials, limit, met, ..Client::at(self.url.clone(), &self.settings, self.given) }
    }

    /// Sets the way to cancel the requests from now on, and returns the one before.
    pub fn cancel_with(&mut self, cancellation: Cancellation) -> Cancellation {
        std::mem::replace(&mut self.cancellation, cancellation)
    }

    /// Finds the credentials for the server, which the first request would do: a password may be asked for.
    pub fn log_in(&mut self) -> Result<()> {
        if self.credentials.is_none() {
            let user = self.settings.user.as_deref();
            self.credentials = Some(Credentials::find(&self.url, user, self.given)?);
        }
        Ok(())
    }

    /// Makes an error if the server refuses the credentials. What the user may do is not checked.
    pub fn check_login(&mut self) -> Result<()> {
        self.log_in()?;
        if !self.has_credentials() {
            return Ok(());
        }
        // Its access is checked as that of any name, and it has no content to be listed.
        let probe = self.url.target(&RemoteName::parse(b".cfpd/metrics"), &Query::default())?;
        let answer = self.send(&Call::new("HEAD", probe))?;
        let is_refused = answer.status() == 401;
        answer.finish()?;
        match is_refused {
            true => {
                Err(Error::unauthenticated(self.user().unwrap_or_default(), "wrong user name or password"))
            }
            false => Ok(()),
        }
    }

    /// Sends no credentials from now on: no password is asked for.
    pub fn stay_anonymous(&mut self) {
        self.credentials = Some(Credentials::default());
    }

    /// Asks for the password again, on the terminal; without one the next requests have no credentials. Returns false where
    /// no user is named.
    pub fn ask_password(&mut self) -> Result<bool> {
        let Some(user) = self.user() else { return Ok(false) };
        let asked = Credentials::ask(&self.url, user);
        self.credentials = Some(asked.as_ref().ok().cloned().unwrap_or_default());
        asked.map(|_| true)
    }

    /// Returns whether requests carry credentials.
    fn has_credentials(&self) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| credentials.value().is_some())
    }

    /// Returns the user who was named.
    fn user(&self) -> Option<&[u8]> {
        self.settings.user.as_deref().map(OsStr::as_bytes).or(self.url.user.as_deref())
    }

    /// Returns how often a broken transfer is retried.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries.unwrap_or(0)
    }

    /// Returns whether an error is transient: the connection to a server that was reached once broke, or the server is
    /// busy.
    fn may_pass(&self, error: &Error) -> bool {
        self.met
            && !self.cancellation.is_cancelled()
            && match error {
                Error::Failed { kind: ErrorKind::Interrupted | ErrorKind::Unavailable, .. } => true,
                Error::System { name, .. } => *name == self.url.shown,
                _ => false,
            }
    }

    /// Tries until it succeeds, the error is not transient, or no retry is left.
    pub(crate) fn with_retries<T>(&mut self, mut attempt: impl FnMut(&mut Client) -> Result<T>) -> Result<T> {
        let mut retries = Retries::new(self.retries());
        loop {
            match attempt(self) {
                Err(error) => self.wait_to_retry(&mut retries, error)?,
                done => return done,
            }
        }
    }

    /// Waits before another attempt, or returns the error: it is not transient, or no retry is left.
    pub(crate) fn wait_to_retry(&self, retries: &mut Retries, error: Error) -> Result<()> {
        if self.may_pass(&error) { self.pause(retries, error) } else { Err(error) }
    }

    /// Waits before another attempt, or returns the error if no retry is left.
    fn pause(&self, retries: &mut Retries, error: Error) -> Result<()> {
        let Some(pause) = retries.next_pause() else { return Err(error) };
        retries.count();
        trace(&self.settings, '!', &format!("{error}: retrying in {} ms", pause.as_millis()));
        thread::sleep(pause);
        Ok(())
    }

    /// Returns whether bodies are compressed to and from this server. Connects to it to find out.
    pub(crate) fn is_coding(&mut self) -> Result<bool> {
        self.kept = self.kept.take().filter(ServerConnection::is_fresh);
        if let Some(connection) = &self.kept {
            return Ok(self.settings.compresses(connection.socket().is_near()));
        }
        let connection = self.open()?;
        let coding = self.settings.compresses(connection.socket().is_near());
        self.unused = Some(connection);
        Ok(coding)
    }

    fn open(&mut self) -> Result<ServerConnection> {
        self.cancellation.refuse_cancelled()?;
        if let Some(connection) = self.unused.take() {
            return Ok(connection);
        }
        let mut retries = Retries::new(self.retries());
        loop {
            match ServerConnection::open(&self.url, &self.settings.trust, self.settings.timeouts) {
                Ok(mut connection) => {
                    self.met = true;
                    connection.limit_rate(self.limit.clone());
                    return Ok(connection);
                }
                Err(error) if !self.met && self.settings.awaits_server => {
                    self.pause(&mut retries, error).map_err(|error| self.not_reached(error))?;
                }
                Err(error) => return Err(self.not_reached(error)),
            }
        }
    }

    /// Says what to do about the server of the settings that was never reached.
    fn not_reached(&self, error: Error) -> Error {
        match error {
            Error::Failed { kind: ErrorKind::Interrupted, name, what }
                if !self.met && self.given == CredentialSources::ALL =>
            {
                Error::interrupted(
                    name,
                    format!("{what}: is cfpd running? start one, or name another with -s"),
                )
            }
            error => error,
        }
    }

    /// Sends a request and reads the head of the response, while the body, if any, is still being sent.
    pub fn send(&mut self, call: &Call) -> Result<ServerResponse<'_>> {
        self.log_in()?;
        let kept = self.kept.take().filter(ServerConnection::is_fresh);
        let (was_kept, sent) = (kept.is_some(), Instant::now());
        let connection = match kept {
            Some(connection) => connection,
            None => self.open()?,
        };
        let begun = match self.begin(connection, call, None) {
            // The server knows how much of the upload it received.
            Err(error) if self.upload_id.is_some() => Err(error),
            Err(error) if was_kept && call.may_repeat() && self.is_broken(&error) => {
                let connection = self.open()?;
                self.begin(connection, call, None)
            }
            Err(error) if call.key.is_some() => self.begin_again(call, sent, was_kept, error),
            begun => begun,
        };
        self.answer(call, begun?)
    }

    /// Makes the response of a head that was read. Its connection is kept once it was read to its end.
    fn answer(&mut self, call: &Call, begun: Begun) -> Result<ServerResponse<'_>> {
        let (server, quiet) = (&self.url.shown, self.settings.quiet);
        let framing = framing::of_response(&begun.head, call.method).map_err(|error| blame(server, error))?;
        let is_anonymous = !self.has_credentials();
        Ok(ServerResponse {
            begun,
            framing,
            server,
            kept: &mut self.kept,
            quiet,
            is_anonymous,
            as_received: false,
        })
    }

    /// Retries a request with a key until its outcome is known: the server replays the one it keeps, or says that it
    /// keeps all outcomes since the request was first `sent`, so that the request had not arrived. Otherwise the
    /// request is in doubt.
    fn begin_again(&mut self, call: &Call, sent: Instant, at_once: bool, error: Error) -> Result<Begun> {
        let (mut retries, mut error) = (Retries::new(self.settings.retries.unwrap_or(RETRIES)), error);
        let (mut retry, mut waits) = (RETRY_UNSURE.to_owned(), !at_once);
        loop {
            match &error {
                // The body could not be read: the server received only a part of it.
                Error::Failed { kind: ErrorKind::Interrupted | ErrorKind::Busy, name, .. }
                | Error::System { name, .. }
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
            let Some((epoch, since)) = idempotency::outcomes(&begun.head.fields) else {
                return Ok(begun);
            };
            // The server measured how long it keeps outcomes between the request and its response: if that leaves it
            // open, ask again.
            let (never_came, is_close) = (since > sent.elapsed(), since > asked.duration_since(sent));
            self.answer(call, begun)?.finish()?;
            error = Error::interrupted(&self.url.shown, "does not remember the request");
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

    /// Makes the error of a request that may have been performed.
    fn doubt(&mut self, call: &Call, error: &Error) -> Error {
        self.is_in_doubt = true;
        Error::interrupted(
            RemoteName::shown_as_typed(&shown(call.subject())),
            format!("may have been performed: the response was lost: {error}"),
        )
    }

    /// Returns whether the last request may have been performed although it failed.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.is_in_doubt
    }

    /// Returns the same, and resets it.
    pub(crate) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.is_in_doubt)
    }

    /// Returns whether the connection broke, so that another one may succeed. A timeout is not retried.
    fn is_broken(&self, error: &Error) -> bool {
        match error {
            Error::Failed { kind: ErrorKind::Interrupted, name, .. } => *name == self.url.shown,
            Error::System { name, source } => {
                *name == self.url.shown && source.kind() != io::ErrorKind::TimedOut
            }
            _ => false,
        }
    }

    /// Takes the identifier by which the server finds the last upload, if it keeps it.
    pub(crate) fn take_upload_id(&mut self) -> Option<Vec<u8>> {
        self.upload_id.take()
    }

    /// Remembers uploads from now on, so that `cfp-put -c` can resume one that was interrupted.
    pub fn remember_uploads(&mut self) {
        self.remembers_uploads = true;
    }

    /// Returns whether uploads are remembered.
    pub(crate) fn remembers_uploads(&self) -> bool {
        self.remembers_uploads
    }

    /// Remembers the next uploads in this record; returns the one before.
    pub(crate) fn remember_in(&mut self, record: Option<UploadRecord>) -> Option<UploadRecord> {
        std::mem::replace(&mut self.record, record)
    }

    /// Returns whether bodies are always compressed.
    pub(crate) fn always_compresses(&self) -> bool {
        self.settings.compress == Compress::Always
    }

    /// Sends a request over a connection, and reads the head of its response.
    fn begin(&mut self, connection: ServerConnection, call: &Call, retry: Option<&str>) -> Result<Begun> {
        self.cancellation.watch(connection.socket())?;
        let round_trip = RoundTrip {
            url: &self.url,
            settings: &self.settings,
            credentials: self.credentials.as_ref(),
            upload_id: &mut self.upload_id,
            record: self.record.as_ref(),
        };
        round_trip.begin(connection, call, retry)
    }
}
