//! A server, and the connection to it that is kept open between requests. `round_trip.rs` sends a request over it,
//! `resending.rs` sends one again where that is safe, `server_response.rs` reads the content of the response.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Instant;

use crate::client::call::round_trip::{Begun, RoundTrip};
use crate::client::call::status::blame;
use crate::client::call::upload_record::UploadRecord;
use crate::client::conn::rate_limit::RateLimit;
use crate::client::login::credentials::{CredentialSources, Credentials};
use crate::client::{
    Call, Cancellation, Compress, RemoteName, Retries, ServerConnection, ServerResponse, Settings, Url,
    kind_of,
};
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Query, framing};

/// A server, and the connection to it that is kept open between requests.
#[derive(Debug)]
pub struct Client {
    /// The URL of the server.
    pub url: Url,
    pub(super) settings: Settings,
    given: CredentialSources,
    /// The user's credentials, once they were needed.
    credentials: Option<Credentials>,
    kept: Option<ServerConnection>,
    /// A connection that has carried no request yet: if it breaks, the last request is not affected.
    unused: Option<ServerConnection>,
    /// Whether the server was reached once: only then are failed connections retried.
    pub(super) has_connected: bool,
    /// The identifier by which the server finds the last upload.
    upload_id: Option<Vec<u8>>,
    /// The command that resumes an interrupted upload, if identifiers of uploads are remembered for it.
    resumer: Option<&'static str>,
    /// Where that identifier is remembered.
    record: Option<UploadRecord>,
    /// Whether the last request may have been performed although it failed.
    pub(super) is_in_doubt: bool,
    pub(super) cancellation: Cancellation,
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
            has_connected: false,
            upload_id: None,
            resumer: None,
            record: None,
            is_in_doubt: false,
            cancellation: Cancellation::default(),
            limit,
        }
    }

    /// Makes a client of the same server with the same credentials and limit, which has no connection, and remembers uploads if
    /// this one does.
    pub fn another(&self) -> Self {
        let (credentials, limit, has_connected) =
            (self.credentials.clone(), self.limit.clone(), self.has_connected);
        let new = Client::at(self.url.clone(), &self.settings, self.given);
        Client { credentials, limit, has_connected, resumer: self.resumer, ..new }
    }

    /// Returns whether no progress is shown.
    pub fn is_quiet(&self) -> bool {
        self.settings.quiet
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
        let status = answer.status();
        answer.finish()?;
        match status {
            401 => Err(self.wrong_credentials()),
            // Neither right nor wrong: the password was not looked at.
            408 | 429 | 500 | 502..=504 => {
                let what = format!("the server checks no password now ({status}): try again later");
                Err(Error::new(kind_of(status), "login", what))
            }
            _ => Ok(()),
        }
    }

    /// Returns the error of credentials that the server refuses.
    pub(crate) fn wrong_credentials(&self) -> Error {
        Error::unauthenticated(self.user().unwrap_or_default(), "wrong user name or password")
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
    pub(crate) fn has_credentials(&self) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| credentials.value().is_some())
    }

    /// Returns the user who was named.
    fn user(&self) -> Option<&[u8]> {
        self.settings.user.as_deref().map(OsStr::as_bytes).or(self.url.user.as_deref())
    }

    /// Returns whether bodies are compressed to and from this server. Connects to it to find out.
    pub(crate) fn is_coding(&mut self) -> Result<bool> {
        self.kept = self.kept.take().filter(ServerConnection::is_fresh);
        if let Some(connection) = &self.kept {
            return Ok(self.settings.compresses(connection.socket().is_on_this_machine()));
        }
        let connection = self.open()?;
        let coding = self.settings.compresses(connection.socket().is_on_this_machine());
        self.unused = Some(connection);
        Ok(coding)
    }

    pub(super) fn open(&mut self) -> Result<ServerConnection> {
        self.cancellation.refuse_cancelled()?;
        if let Some(connection) = self.unused.take() {
            return Ok(connection);
        }
        let mut retries = Retries::new(self.retries());
        loop {
            match ServerConnection::open(&self.url, &self.settings.trust, self.settings.timeouts) {
                Ok(mut connection) => {
                    self.has_connected = true;
                    connection.limit_rate(self.limit.clone());
                    return Ok(connection);
                }
                Err(error) if !self.has_connected && self.settings.awaits_server => {
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
                if !self.has_connected && self.given == CredentialSources::ALL =>
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
            Err(error) if was_kept && call.may_resend() && self.is_broken(&error) => {
                let connection = self.open()?;
                self.begin(connection, call, None)
            }
            Err(error) if call.key.is_some() => self.begin_again(call, sent, was_kept, error),
            begun => begun,
        };
        self.answer(call, begun?)
    }

    /// Makes the response of a head that was read. Its connection is kept once it was read to its end.
    pub(super) fn answer(&mut self, call: &Call, begun: Begun) -> Result<ServerResponse<'_>> {
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

    /// Takes the identifier by which the server finds the last upload, if it keeps it.
    pub(crate) fn take_upload_id(&mut self) -> Option<Vec<u8>> {
        self.upload_id.take()
    }

    /// Remembers uploads from now on, so that this command can resume one that was interrupted.
    pub fn remember_uploads(&mut self, resumer: &'static str) {
        self.resumer = Some(resumer);
    }

    /// Returns the command that resumes an interrupted upload, if uploads are remembered.
    pub(crate) fn resumer(&self) -> Option<&'static str> {
        self.resumer
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
    pub(super) fn begin(
        &mut self,
        connection: ServerConnection,
        call: &Call,
        retry: Option<&str>,
    ) -> Result<Begun> {
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
