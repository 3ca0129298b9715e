//! Calls: one request and the head of its answer, over a connection that is kept for the next one. What an
//! answer's body is worth stands in `answer.rs`.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::client::call::answer::{Answer, blame};
use crate::client::call::body_source::Upload;
use crate::client::call::progress::Progress;
use crate::client::call::retry::{RETRIES, Retries};
use crate::client::call::sending::{DIGEST, Form, Sending};
use crate::client::conn::connect::{Connection, Socket};
use crate::client::conn::url::Url;
use crate::client::login::credentials::{Credentials, Given};
use crate::client::{Compress, Settings};
use crate::error::{Error, Result, shown};
use crate::http::head::{reason, write_request};
use crate::http::idempotency::{self, KEY, RETRY, RETRY_UNSURE};
use crate::http::{Fields, Framing, Response, Target, digest};

/// What a server is told of this program.
const AGENT: &str = concat!("cfp/", env!("CARGO_PKG_VERSION"));

/// Heads before the final one (1xx) that are read at once. A server says one or two.
const INTERIM_MAX: usize = 100;
/// How long a server must have been silent before what it says then is not counted among those.
const INTERIM_PAUSE: Duration = Duration::from_secs(1);
/// What asks a server to say from time to time that it works.
const PROGRESS: (&str, &str) = ("Cfp-Progress", "?1");

/// One request.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: &'static str,
    /// The target as it goes over the wire.
    pub target: Vec<u8>,
    /// Fields beyond those every request has.
    pub fields: Fields,
    /// The body, where there is one.
    pub upload: Option<Upload>,
}

impl Call {
    /// A request without a body; one whose second time would be another has a key.
    pub fn new(method: &'static str, target: Vec<u8>) -> Self {
        let call = Call { method, target, fields: Fields::new(), upload: None };
        if matches!(method, "COPY" | "MOVE" | "DELETE" | "MKCOL") { call.once() } else { call }
    }

    /// The same without a body.
    pub(crate) fn again(&self) -> Self {
        let (method, target, fields) = (self.method, self.target.clone(), self.fields.clone());
        Call { method, target, fields, upload: None }
    }

    /// With this field too.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.fields.push(name, value);
        self
    }

    /// With a key that is this request's own, so that the server carries it out once however often it is sent.
    pub fn once(self) -> Self {
        self.with(KEY, idempotency::fresh_key())
    }

    /// Whether the server carries it out once however often it is sent.
    fn has_key(&self) -> bool {
        self.fields.get(KEY).is_some()
    }

    /// Whether it may be sent a second time when a kept connection turns out to be gone: where it changes nothing, as
    /// the filters of POST do not, or a second time means the same.
    fn may_repeat(&self) -> bool {
        let is_whole = self.method == "PUT" && !self.has_key();
        (is_whole || matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "POST")) && self.can_repeat()
    }

    /// Whether it can be sent a second time at all.
    fn can_repeat(&self) -> bool {
        self.upload.as_ref().is_none_or(Upload::can_repeat)
    }

    /// What it is about, for a person.
    fn subject(&self) -> &[u8] {
        self.target.split(|&byte| byte == b'?').next().unwrap_or_default()
    }

    /// Whether it can be gone on with when it breaks: then its bytes go as they are.
    fn is_resumable(&self) -> bool {
        self.fields.get("upload-complete").is_some()
    }

    /// Whether its body is asked for before it is sent. A filter takes any body, and answers while it comes.
    fn asks(&self) -> bool {
        self.method == "PUT" && self.upload.as_ref().is_some_and(Upload::is_worth_asking)
    }
}

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
    pub(crate) fn may_pass(&self, wrong: &Error) -> bool {
        self.met
            && match wrong {
                Error::Cut { .. } | Error::Status { status: 503, .. } => true,
                Error::System { name, .. } => *name == self.url.shown,
                _ => false,
            }
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
            Err(wrong) if self.upload_id.is_some() => Err(wrong),
            Err(wrong) if was_kept && call.may_repeat() && self.is_broken(&wrong) => {
                let connection = self.open()?;
                self.begin(connection, call, None)
            }
            Err(wrong) if call.has_key() => self.begin_again(call, sent, was_kept, wrong),
            begun => begun,
        };
        let (connection, response, sending) = begun?;
        Answer::new(self, call, connection, response, sending)
    }

    /// Sends a call with a key again until its outcome is known: the server tells the one it remembers, or that it
    /// remembers everything since the call was first `sent`, so that it did not come. The call is in doubt else.
    fn begin_again(&mut self, call: &Call, sent: Instant, at_once: bool, wrong: Error) -> Result<Begun> {
        let (mut retries, mut wrong) = (Retries::new(self.settings.retries.unwrap_or(RETRIES)), wrong);
        let (mut retry, mut waits) = (RETRY_UNSURE.to_owned(), !at_once);
        loop {
            match &wrong {
                // The body could not be read: the server has not got all of it.
                Error::Cut { name, .. } | Error::System { name, .. } if *name != self.url.shown => {
                    return Err(wrong);
                }
                wrong if call.can_repeat() && self.is_broken(wrong) => {}
                wrong => return Err(self.doubt(call, wrong)),
            }
            if waits && let Err(last) = retries.after(wrong, self) {
                return Err(self.doubt(call, &last));
            }
            waits = true;
            let asked = Instant::now();
            let begun = self.open().and_then(|connection| self.begin(connection, call, Some(&retry)));
            let (connection, response, sending) = match begun {
                Ok(begun) => begun,
                Err(again) => {
                    wrong = again;
                    continue;
                }
            };
            let Some((epoch, since)) = idempotency::outcomes(&response.fields) else {
                return Ok((connection, response, sending));
            };
            // How long it remembers was told between the question and the answer: in a close case it is asked again.
            let (never_came, is_close) = (since > sent.elapsed(), since > asked.duration_since(sent));
            Answer::new(self, call, connection, response, sending)?.finish()?;
            wrong = Error::cut(&self.url.shown, "does not remember it");
            match (never_came, is_close) {
                (true, _) => {
                    (retry, waits) = (epoch, retries.is_used());
                    retries.count();
                }
                (false, true) => {}
                (false, false) => return Err(self.doubt(call, &wrong)),
            }
        }
    }

    /// The error of a call that may have been carried out.
    fn doubt(&mut self, call: &Call, wrong: &Error) -> Error {
        self.is_in_doubt = true;
        Error::cut(shown(call.subject()), format!("may have been done, for the answer was lost: {wrong}"))
    }

    /// Whether the last call may have been carried out though it failed.
    pub(crate) fn take_doubt(&mut self) -> bool {
        std::mem::take(&mut self.is_in_doubt)
    }

    /// Whether the connection broke, so that another one may do. A server that is slow is not asked more.
    fn is_broken(&self, wrong: &Error) -> bool {
        match wrong {
            Error::Cut { name, .. } => *name == self.url.shown,
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

    /// Keeps a connection whose last exchange is complete.
    pub(crate) fn keep(&mut self, connection: Connection) {
        self.kept = Some(connection);
    }

    fn begin(&mut self, mut connection: Connection, call: &Call, retry: Option<&str>) -> Result<Begun> {
        self.tell('>', &format!("{} {}", call.method, shown(&call.target)));
        let form = self.form(call, connection.socket())?;
        let head = self.head(call, form.as_ref(), connection.socket(), retry);
        let mut socket = connection.socket().clone();
        socket.write_all(&head).map_err(|_| Error::cut(&self.url.shown, "closed the connection"))?;
        let mut sending = match (&call.upload, form) {
            (Some(upload), Some(form)) => {
                let progress = Progress::new(&upload.name, upload.size(), self.settings.quiet);
                Some(Sending::start(upload, form, socket, progress)?)
            }
            _ => None,
        };
        let response = match self.read_head(&mut connection, sending.as_ref()) {
            Ok(response) => response,
            Err(wrong) => return Err(sending.and_then(|sending| sending.failure()).unwrap_or(wrong)),
        };
        if let Some(sending) = &mut sending {
            sending.hold();
        }
        Ok((connection, response, sending))
    }

    /// Reads the final head; those before it (1xx) may let the body go on.
    fn read_head(&mut self, connection: &mut Connection, sending: Option<&Sending>) -> Result<Response> {
        let begins_with_tls = connection.begins_with_tls();
        let named = |wrong| self.not_answered(blame(&self.url.shown, Error::io(&self.url.shown, wrong)));
        if begins_with_tls.map_err(named)? {
            return Err(Error::usage(format!(
                "{}: TLS is spoken there: its URL begins with https://",
                self.url.shown
            )));
        }
        let (mut interim, mut heard) = (0, Instant::now());
        while interim < INTERIM_MAX {
            let response = Response::read(&mut connection.input)
                .map_err(|wrong| self.not_answered(blame(&self.url.shown, wrong)))?
                .ok_or_else(|| Error::cut(&self.url.shown, "closed the connection without an answer"))?;
            // A server that works for hours may say so as often.
            interim = if heard.elapsed() >= INTERIM_PAUSE { 0 } else { interim + 1 };
            heard = Instant::now();
            self.tell('<', &format!("{} {}", response.status, reason(response.status)));
            match (response.status, sending) {
                (100, Some(sending)) => sending.go_on(),
                (101, _) => {
                    return Err(Error::status(502, &self.url.shown, "speaks another protocol unasked"));
                }
                // Its place is on this server, whatever a proxy before it calls that.
                (104, _) => self.upload_id = last_component(&response.fields).or(self.upload_id.take()),
                (100..=199, _) => {}
                _ => return Ok(response),
            }
        }
        Err(Error::status(502, &self.url.shown, "never comes to an answer"))
    }

    /// A server that does not answer in time is not asked again, but for what it has of an upload.
    fn not_answered(&self, wrong: Error) -> Error {
        match wrong {
            Error::System { name, source }
                if source.kind() == io::ErrorKind::TimedOut && self.upload_id.is_none() =>
            {
                Error::status(504, name, source.to_string())
            }
            other => other,
        }
    }

    /// How the body of a call goes over this socket.
    fn form(&self, call: &Call, socket: &Socket) -> Result<Option<Form>> {
        let Some(upload) = &call.upload else { return Ok(None) };
        let zstd = self.compresses(socket) && upload.size() != Some(0) && !call.is_resumable();
        // What is stored is stored as it was sent: its digest goes along. A filter answers while it reads.
        let stores = matches!(call.method, "PUT" | "PATCH");
        let short = if call.method == "PUT" { upload.short_body(zstd)? } else { None };
        let framing = match (&short, upload.size()) {
            (Some(body), _) => Framing::Length(body.len() as u64),
            (None, Some(size)) if !zstd && !stores => Framing::Length(size),
            _ => Framing::Chunked,
        };
        let digest = (stores && short.is_none()).then(|| upload.before());
        Ok(Some(Form { framing, zstd, asks: call.asks(), short, digest }))
    }

    fn head(&self, call: &Call, form: Option<&Form>, socket: &Socket, retry: Option<&str>) -> Vec<u8> {
        let mut fields = Fields::new();
        fields.push("Host", &self.url.host);
        fields.push("User-Agent", AGENT);
        fields.push(PROGRESS.0, PROGRESS.1);
        if let Some(value) = self.credentials.as_ref().and_then(Credentials::value) {
            fields.push("Authorization", value);
        }
        // A part of a coded representation is of no use to a file that holds another part of the plain one, and who
        // asks for size, tag and digest means those of the plain one too.
        let plain = call.method == "HEAD" || call.fields.get("range").is_some();
        if self.compresses(socket) && !plain {
            fields.push("Accept-Encoding", "zstd");
        }
        call.fields.iter().for_each(|(name, value)| fields.push(&String::from_utf8_lossy(name), value));
        if let Some(retry) = retry {
            fields.push(RETRY, retry);
        }
        if let Some(form) = form {
            match form.framing {
                Framing::Length(length) => fields.push("Content-Length", length.to_string()),
                _ => fields.push("Transfer-Encoding", "chunked"),
            }
            if form.zstd {
                fields.push("Content-Encoding", "zstd");
            }
            match &form.short {
                Some(body) => fields.push(DIGEST, digest::format(&digest::of(body))),
                None if form.digest.is_some() => fields.push("Trailer", DIGEST),
                None => {}
            }
            if form.asks {
                fields.push("Expect", "100-continue");
            }
        }
        let mut head = Vec::with_capacity(512);
        write_request(&mut head, call.method, &call.target, &fields);
        head
    }

    fn compresses(&self, socket: &Socket) -> bool {
        match self.settings.compress {
            Compress::Always => true,
            Compress::Never => false,
            Compress::Auto => !socket.is_near(),
        }
    }

    /// One line of the conversation, for who wants to see it.
    pub(crate) fn tell(&self, direction: char, line: &str) {
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
