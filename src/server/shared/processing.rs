//! Signs of life: `102 Processing` (RFC 2518 §10.1) for a client that asked for it by `Cfp-Progress: ?1` and has waited a
//! while for an answer that takes long to make. No other client ever sees one. The thread that works on the answer may
//! be inside a long system call, so a thread of its own tells all who wait.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::http::{Request, Version};
use crate::server::limits::PROGRESS_EVERY;
use crate::server::net::connections::Connections;
use crate::server::net::stream::Stream;
use crate::server::shared::threads;

/// The field by which a client asks for it.
const PROGRESS: &str = "cfp-progress";
/// The interim answer.
const PROCESSING: &[u8] = b"HTTP/1.1 102 Processing\r\n\r\n";

/// What a connection says before its answer. Whoever writes there holds it, so that two heads never mix.
#[derive(Debug, Default)]
pub struct Processing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the client was last told something, if it is to be told.
    told: Option<Instant>,
    /// What there was no room for of the last interim answer.
    rest: &'static [u8],
}

impl Processing {
    /// Begins to tell the client of a request, if that asks for it.
    pub fn begin(&self, request: &Request) {
        let asks = request.version == Version::Http11 && request.fields.get(PROGRESS) == Some(b"?1");
        if asks {
            self.state().told = Some(Instant::now());
        }
    }

    /// Ends that, and the last interim answer too: the answer itself comes next.
    pub fn end(&self, stream: &Stream) -> io::Result<()> {
        let mut state = self.state();
        state.told = None;
        state.write_rest(stream)
    }

    /// Writes another interim answer.
    pub fn say(&self, mut stream: &Stream, head: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.write_rest(stream)?;
        stream.write_all(head)
    }

    /// Tells a client that has heard nothing for `every`, without waiting for room.
    fn tell(&self, stream: &Stream, every: Duration) -> io::Result<()> {
        let mut state = match self.0.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Something is being said.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        if state.told.is_some_and(|told| told.elapsed() >= every) {
            let head = if state.rest.is_empty() { PROCESSING } else { state.rest };
            if let Some(sent) = stream.try_write(head)? {
                state.rest = head.get(sent..).unwrap_or_default();
                state.told = Some(Instant::now());
            }
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write_rest(&mut self, mut stream: &Stream) -> io::Result<()> {
        match std::mem::take(&mut self.rest) {
            [] => Ok(()),
            rest => stream.write_all(rest),
        }
    }
}

/// Tells all who wait, for as long as the daemon runs.
pub fn start(connections: &Arc<Connections>) -> Result<()> {
    let connections = Arc::clone(connections);
    threads::start("progress", move || {
        loop {
            thread::sleep(PROGRESS_EVERY);
            tell_all(&connections, PROGRESS_EVERY);
        }
    })
}

/// Tells all who have heard nothing for so long.
fn tell_all(connections: &Connections, every: Duration) {
    for connection in connections.all() {
        // A client that is gone is found by who works for it.
        let _ = connection.stream.processing.tell(&connection.stream, every);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::server::limits::Limits;
    use crate::server::net::forwarded::TrustedProxies;
    use crate::server::observe::metrics::Traffic;
    use crate::server::observe::peer::Peer;

    fn request(head: &str) -> Request {
        Request::read(&mut head.as_bytes(), None).unwrap().unwrap()
    }

    #[test]
    fn only_who_asked_and_waits_is_told_and_nothing_comes_once_the_answer_begins() {
        let asks = "Host: h\r\nCfp-Progress: ?1\r\n\r\n";
        let rows = [
            (format!("GET / HTTP/1.1\r\n{asks}"), 1),
            ("GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 0),
            (format!("GET / HTTP/1.0\r\n{asks}"), 0),
        ];
        for (head, told) in rows {
            let (near, mut far) = UnixStream::pair().unwrap();
            let connections = Arc::new(Connections::default());
            let limits = Limits::default();
            let stream = Stream::new(near.into(), Peer::Local, None, &limits, Traffic::default()).unwrap();
            let guard = connections.enter(stream, &limits, &TrustedProxies::default()).ok().unwrap();
            let stream = &guard.connection.stream;
            stream.processing.begin(&request(&head));
            tell_all(&connections, Duration::from_secs(3600));
            tell_all(&connections, Duration::ZERO);
            stream.processing.end(stream).unwrap();
            tell_all(&connections, Duration::ZERO);
            stream.end_writing();
            let mut said = Vec::new();
            far.read_to_end(&mut said).unwrap();
            assert_eq!(said, PROCESSING.repeat(told), "{head}");
        }
    }
}
