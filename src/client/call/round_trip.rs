//! One request over one connection, up to the head of its response. It decides nothing about retries.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::client::call::head::{encode, plan_body};
use crate::client::call::sending::{BodyPlan, Sending};
use crate::client::call::status::blame;
use crate::client::call::upload_record::UploadRecord;
use crate::client::conn::connect::ClientSocket;
use crate::client::conn::tls::speaks_tls;
use crate::client::login::credentials::Credentials;
use crate::client::output::staged_file::watch_signals;
use crate::client::progress::display;
use crate::client::progress::interruption::Note;
use crate::client::{Call, Progress, ServerConnection, Settings, Url};
use crate::error::{Error, Result, shown};
use crate::http::head::reason;
use crate::http::resumption::upload_id_of;
use crate::http::{Fields, Response};

/// How many interim responses (1xx) are read in a row. A server sends one or two; a client that was stopped (SIGSTOP) finds
/// those of some minutes.
const INTERIM_MAX: usize = 500;
/// An interim response after this much silence is not counted among those.
const INTERIM_PAUSE: Duration = Duration::from_millis(250);
/// Asks the server to say how far it is (RFC 7240), and the field in which it does.
const COUNTED: (&str, &str) = ("Prefer", "progress");
const COUNTED_FIELD: &str = "cfp-progress";

/// Up to this size, in bytes, a body is sent with the head, in one call: a server that responds before it has read so
/// little blocks nobody.
const WITH_HEAD_MAX: usize = 16 * 1024;

/// A response whose head was read, and the connection with its body.
pub struct Begun {
    /// The head.
    pub head: Response,
    /// The target of the request.
    pub target: Vec<u8>,
    pub(crate) connection: ServerConnection,
    /// The body of the request, which may still be being sent.
    pub(crate) sending: Option<Sending>,
}

/// What a request takes from the client.
pub(crate) struct RoundTrip<'a> {
    pub url: &'a Url,
    pub settings: &'a Settings,
    pub credentials: Option<&'a Credentials>,
    /// Set to the identifier by which the server finds the upload, once it has sent it.
    pub upload_id: &'a mut Option<Vec<u8>>,
    /// Where that identifier is remembered.
    pub record: Option<&'a UploadRecord>,
}

impl RoundTrip<'_> {
    /// Sends a request, and reads the head of the response while the body, if any, is still being sent.
    pub fn begin(
        mut self,
        mut connection: ServerConnection,
        call: &Call,
        retry: Option<&str>,
    ) -> Result<Begun> {
        trace(self.settings, '>', &format!("{} {}", call.method, shown(&call.target)));
        let zstd = self.settings.compresses(connection.socket().is_on_this_machine());
        let plan = plan_body(call, zstd)?;
        let mut fields = Fields::new();
        fields.push("Host", &self.url.host);
        if let Some(value) = self.credentials.and_then(Credentials::value) {
            fields.push("Authorization", value);
        }
        let is_shown = !self.settings.quiet && display::is_shown();
        if is_shown {
            fields.push(COUNTED.0, COUNTED.1);
        }
        let mut head = encode(call, fields, zstd, plan.as_ref(), retry);
        // A body that the system's buffer holds needs no thread.
        let plan = match plan {
            Some(BodyPlan { short: Some(body), .. }) if body.len() <= WITH_HEAD_MAX => {
                head.extend_from_slice(&body);
                None
            }
            plan => plan,
        };
        let _note = call.left_by_interruption(self.record.map(|record| record.resumer)).map(|what| {
            watch_signals();
            Note::new(what)
        });
        let mut socket = connection.socket().clone();
        socket.close_with_reset(true);
        socket.write_all(&head).map_err(|_| Error::interrupted(&self.url.shown, "closed the connection"))?;
        let mut sending = self.start_sending(call, plan, socket)?;
        let head = match self.read_head(&mut connection, sending.as_ref()) {
            Ok(head) => head,
            Err(error) => return Err(sending.and_then(|sending| sending.failure()).unwrap_or(error)),
        };
        if let Some(sending) = &mut sending {
            sending.stop_before_body();
        }
        if is_shown {
            display::end_serving(call.served_name().filter(|_| head.status < 400).as_deref());
        }
        Ok(Begun { head, target: call.target.clone(), connection, sending })
    }

    /// Starts to send the body of a request, if any. Without a `plan` it was sent with the head, and is only counted.
    fn start_sending(
        &self,
        call: &Call,
        plan: Option<BodyPlan>,
        socket: ClientSocket,
    ) -> Result<Option<Sending>> {
        let Some(upload) = &call.upload else { return Ok(None) };
        let progress = Progress::new(&upload.name, upload.size(), self.settings.quiet);
        match plan {
            Some(plan) => Sending::start(upload, plan, socket, progress).map(Some),
            None => {
                progress.add(upload.size().unwrap_or(0));
                progress.clear();
                Ok(None)
            }
        }
    }

    /// Reads the final head; interim ones (1xx) may release the body.
    fn read_head(
        &mut self,
        connection: &mut ServerConnection,
        sending: Option<&Sending>,
    ) -> Result<Response> {
        let begins_with_tls = connection.begins_with_tls();
        let named = |error| self.not_answered(blame(&self.url.shown, Error::io(&self.url.shown, error)));
        if begins_with_tls.map_err(named)? {
            return Err(speaks_tls(&self.url.shown));
        }
        let (mut interim, mut heard) = (0, Instant::now());
        while interim < INTERIM_MAX {
            let response = Response::read(&mut connection.input)
                .map_err(|error| self.not_answered(blame(&self.url.shown, error)))?
                .ok_or_else(|| {
                    Error::interrupted(&self.url.shown, "closed the connection without an answer")
                })?;
            // A server that works for hours may send many, with pauses between them.
            interim = if heard.elapsed() >= INTERIM_PAUSE { 0 } else { interim + 1 };
            heard = Instant::now();
            trace(self.settings, '<', &format!("{} {}", response.status, reason(response.status)));
            match (response.status, sending) {
                (100, Some(sending)) => sending.continue_with_body(),
                (101, _) => {
                    return Err(Error::bad_response(
                        &self.url.shown,
                        "switched to another protocol without being asked",
                    ));
                }
                // Only the path is used: a proxy may have changed scheme and host.
                (104, _) => self.take_upload_id(&response.fields),
                (102, _) => response.fields.get_text(COUNTED_FIELD).into_iter().for_each(display::serve),
                (100..=199, _) => {}
                _ => return Ok(response),
            }
        }
        Err(Error::bad_response(&self.url.shown, "sends interim responses without end"))
    }

    fn take_upload_id(&mut self, fields: &Fields) {
        let Some(id) = upload_id_of(fields) else { return };
        if let Some(record) = self.record.filter(|_| self.upload_id.as_ref() != Some(&id)) {
            record.save(&id);
        }
        *self.upload_id = Some(id);
    }

    /// Describes a timeout: the request is not retried, except to ask for the state of an upload.
    fn not_answered(&self, error: Error) -> Error {
        match error {
            Error::System { name, source }
                if source.kind() == io::ErrorKind::TimedOut && self.upload_id.is_none() =>
            {
                Error::no_response(name, source.to_string())
            }
            other => other,
        }
    }
}

/// Writes a line about a request or a response to standard error, with `--verbose`.
pub(crate) fn trace(settings: &Settings, direction: char, line: &str) {
    if settings.verbose {
        display::aside(|| drop(writeln!(io::stderr(), "{direction} {line}")));
    }
}
