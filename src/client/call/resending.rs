//! Sending again: which errors are transient, how long to wait before another attempt, and what is known of a request
//! whose response was lost. `client.rs` sends a request once.

use std::io;
use std::thread;
use std::time::Instant;

use crate::client::call::retry::RETRIES;
use crate::client::call::round_trip::{Begun, trace};
use crate::client::{Call, Client, RemoteName, Retries};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::idempotency::{self, RETRY_UNSURE};

impl Client {
    /// Returns how often a broken transfer is retried.
    pub(crate) fn retries(&self) -> u32 {
        self.settings.retries.unwrap_or(0)
    }

    /// Returns whether an error is transient: the connection to a server that was reached once broke, or the server is
    /// busy.
    fn may_pass(&self, error: &Error) -> bool {
        self.has_connected
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
    pub(super) fn pause(&self, retries: &mut Retries, error: Error) -> Result<()> {
        let Some(pause) = retries.next_pause() else { return Err(error) };
        retries.count();
        trace(&self.settings, '!', &format!("{error}: retrying in {} ms", pause.as_millis()));
        thread::sleep(pause);
        Ok(())
    }

    /// Retries a request with a key until its outcome is known: the server replays the one it keeps, or says that it
    /// keeps all outcomes since the request was first `sent`, so that the request had not arrived. Otherwise the
    /// request is in doubt.
    pub(super) fn begin_again(
        &mut self,
        call: &Call,
        sent: Instant,
        at_once: bool,
        error: Error,
    ) -> Result<Begun> {
        let (mut retries, mut error) = (Retries::new(self.settings.retries.unwrap_or(RETRIES)), error);
        let (mut retry, mut waits) = (RETRY_UNSURE.to_owned(), !at_once);
        loop {
            if self.is_of_body(&error) {
                return Err(error);
            }
            if !(call.is_rereadable() && self.is_broken(&error)) {
                return Err(self.doubt(call, &error));
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

    /// Returns whether the body could not be read: the server received only a part of it.
    fn is_of_body(&self, error: &Error) -> bool {
        match error {
            Error::Failed { kind: ErrorKind::Interrupted | ErrorKind::Busy, name, .. }
            | Error::System { name, .. } => *name != self.url.shown,
            _ => false,
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
    pub(super) fn is_broken(&self, error: &Error) -> bool {
        match error {
            Error::Failed { kind: ErrorKind::Interrupted, name, .. } => *name == self.url.shown,
            Error::System { name, source } => {
                *name == self.url.shown && source.kind() != io::ErrorKind::TimedOut
            }
            _ => false,
        }
    }
}
