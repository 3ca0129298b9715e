//! Interim responses of a connection (RFC 9110 §15.2), among them `102 Processing` (RFC 2518 §10.1) at intervals, for a
//! client that asked for it by `Cfp-Progress: ?1`. No other client is sent one.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::http::{Request, Version};

/// The field by which a client asks for `102 Processing`.
const PROGRESS: &str = "cfp-progress";
/// The head of `102 Processing`.
const PROCESSING: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";

/// The interim responses of a connection. A thread locks this to write one, so that two heads never mix.
#[derive(Debug, Default)]
pub struct Interim(Mutex<InterimState>);

#[derive(Debug, Default)]
struct InterimState {
    /// When the last one was sent; `None` for a client that did not ask for them.
    last_sent: Option<Instant>,
    /// The rest of the last one, which did not fit into the socket buffer.
    rest: &'static [u8],
}

impl Interim {
    /// Begins to send `102 Processing` for a request that asks for it.
    pub fn begin(&self, request: &Request) {
        let asks = request.version == Version::Http11 && request.fields.get(PROGRESS) == Some(b"?1");
        if asks {
            self.0.lock().last_sent = Some(Instant::now());
        }
    }

    /// Sends the rest of the last one, and no more: the final response comes next.
    pub fn end(&self, stream: impl Write) -> io::Result<()> {
        let mut state = self.0.lock();
        state.last_sent = None;
        state.write_rest(stream)
    }

    /// Writes another interim response.
    pub fn write(&self, mut stream: impl Write, head: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock();
        state.write_rest(&mut stream)?;
        stream.write_all(head)
    }

    /// Sends `102 Processing` to a client that was sent none for `every`. Does not block.
    pub fn send_if_due(
        &self,
        every: Duration,
        try_write: impl FnOnce(&[u8]) -> io::Result<Option<usize>>,
    ) -> io::Result<()> {
        // Else another one is being written.
        let Some(mut state) = self.0.try_lock() else { return Ok(()) };
        if state.last_sent.is_some_and(|last| last.elapsed() >= every) {
            let head = if state.rest.is_empty() { PROCESSING } else { state.rest };
            if let Some(sent) = try_write(head)? {
                state.rest = head.get(sent..).unwrap_or_default();
                state.last_sent = Some(Instant::now());
            }
        }
        Ok(())
    }
}

impl InterimState {
    fn write_rest(&mut self, mut stream: impl Write) -> io::Result<()> {
        match std::mem::take(&mut self.rest) {
            [] => Ok(()),
            rest => stream.write_all(rest),
        }
    }
}
