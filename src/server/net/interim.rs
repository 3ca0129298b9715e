//! Interim responses of a connection (RFC 9110 §15.2), among them `102 Processing` (RFC 2518 §10.1) at intervals, for a
//! client that asked for it by `Cfp-Progress: ?1`. No other client is sent one. With `Prefer: progress` (RFC 7240) it says
//! in `Cfp-Progress` how much is done, and is sent more often.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::http::{Request, Version};
use crate::server::net::work_counts::WorkCounts;

/// The field by which a client asks for `102 Processing`.
const PROGRESS: &str = "cfp-progress";
/// The preference by which it asks for the counts too.
const COUNTED: (&str, &str) = ("prefer", "progress");
/// The head of `102 Processing`, up to its fields.
const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n";

/// The interim responses of a connection. A thread locks this to write one, so that two heads never mix.
#[derive(Debug, Default)]
pub struct Interim {
    state: Mutex<InterimState>,
    /// How much of the work on the current request is done.
    pub work: WorkCounts,
}

/// After how long a client that asked for `102 Processing` is sent another.
#[derive(Clone, Copy, Debug)]
pub struct InterimPace {
    /// One that asked for no counts.
    pub plain: Duration,
    /// One that asked for counts.
    pub counted: Duration,
}

#[derive(Debug, Default)]
struct InterimState {
    /// When the last one was sent; `None` for a client that did not ask for them.
    last_sent: Option<Instant>,
    /// Whether it asked for counts.
    is_counted: bool,
    /// The rest of the last one, which did not fit into the socket buffer.
    rest: Vec<u8>,
}

impl Interim {
    /// Begins to send `102 Processing` for a request that asks for it, and returns whether it asks for counts.
    pub fn begin(&self, request: &Request) -> bool {
        let asks = request.version == Version::Http11 && request.fields.get(PROGRESS) == Some(b"?1");
        if !asks {
            return false;
        }
        let is_counted = request.fields.has_token(COUNTED.0, COUNTED.1);
        if is_counted {
            self.work.reset();
        }
        let mut state = self.state.lock();
        (state.last_sent, state.is_counted) = (Some(Instant::now()), is_counted);
        is_counted
    }

    /// Returns whether the client of the current request asked for counts, and is still sent them.
    pub fn is_counted(&self) -> bool {
        let state = self.state.lock();
        state.is_counted && state.last_sent.is_some()
    }

    /// Sends the rest of the last one, and no more: the final response comes next.
    pub fn end(&self, stream: impl Write) -> io::Result<()> {
        let mut state = self.state.lock();
        state.last_sent = None;
        state.write_rest(stream)
    }

    /// Writes another interim response.
    pub fn write(&self, mut stream: impl Write, head: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        state.write_rest(&mut stream)?;
        stream.write_all(head)
    }

    /// Sends `102 Processing` to a client that was sent none for long enough. Does not block. Returns whether there are
    /// counts to send.
    pub fn send_if_due(
        &self,
        pace: InterimPace,
        try_write: impl FnOnce(&[u8]) -> io::Result<Option<usize>>,
    ) -> io::Result<bool> {
        // Else another one is being written.
        let Some(mut state) = self.state.try_lock() else { return Ok(false) };
        let Some(last) = state.last_sent else { return Ok(false) };
        let is_counted = state.is_counted;
        if last.elapsed() >= if is_counted { pace.counted } else { pace.plain } {
            let is_rest = !state.rest.is_empty();
            let head = if is_rest { std::mem::take(&mut state.rest) } else { self.processing(is_counted) };
            match try_write(&head)? {
                Some(sent) => {
                    state.rest = head.get(sent..).unwrap_or_default().to_vec();
                    state.last_sent = Some(Instant::now());
                }
                None if is_rest => state.rest = head,
                None => {}
            }
        }
        Ok(is_counted)
    }

    fn processing(&self, is_counted: bool) -> Vec<u8> {
        let field =
            self.work.format().filter(|_| is_counted).map(|counts| format!("Cfp-Progress: {counts}\r\n"));
        format!("{PROCESSING}{}\r\n", field.unwrap_or_default()).into_bytes()
    }
}

impl InterimState {
    fn write_rest(&mut self, mut stream: impl Write) -> io::Result<()> {
        match std::mem::take(&mut self.rest) {
            rest if rest.is_empty() => Ok(()),
            rest => stream.write_all(&rest),
        }
    }
}
