//! Whether the client is still connected, during work that neither reads from it nor writes to it: the work is cancelled
//! when the client has disconnected, which frees its thread and its connection. The state of the socket decides, with TLS
//! or without.

use std::io;
use std::time::Instant;

use nix::errno::Errno;
use parking_lot::Mutex;

use crate::server::limits::{HALF_CLOSED_MAX, LIVENESS_CHECK_INTERVAL};
use crate::server::net::{PeerState, Stream};

/// The liveness of the client that waits for a response. Threads that work on the same response share it.
pub struct ClientLiveness<'a> {
    /// The connection.
    pub stream: &'a Stream,
    last: Mutex<Observation>,
}

/// The last observation of the socket.
struct Observation {
    at: Instant,
    /// How many bytes had been sent to the client by then; of no meaning before the first observation of the socket.
    sent: u64,
    /// Since when the client has been half-closed and nothing was sent to it.
    silent_since: Option<Instant>,
    is_gone: bool,
}

impl<'a> ClientLiveness<'a> {
    /// Returns the liveness of a client that has just sent a request.
    pub fn new(stream: &'a Stream) -> Self {
        let last = Observation { at: Instant::now(), sent: 0, silent_since: None, is_gone: false };
        ClientLiveness { stream, last: Mutex::new(last) }
    }

    /// Checks that the client is connected, at most once per interval; else fails with `EPIPE`, as a write to it would.
    pub fn check_connected(&self) -> io::Result<()> {
        // Else another thread is checking; this one learns the result at its next check.
        let Some(mut last) = self.last.try_lock() else { return Ok(()) };
        let now = Instant::now();
        if !last.is_gone && now.duration_since(last.at) >= LIVENESS_CHECK_INTERVAL {
            last.update(self.stream.socket.peer_state()?, self.stream.socket.sent(), now);
        }
        if last.is_gone { Err(Errno::EPIPE.into()) } else { Ok(()) }
    }
}

impl Observation {
    /// Records the state of the socket. A half-closed client may still read, like `nc` at the end of a pipe; a client
    /// that has closed looks the same until something is sent to it. So it counts as disconnected when nothing could be
    /// sent for a while.
    fn update(&mut self, peer: PeerState, sent: u64, now: Instant) {
        let since = self.silent_since.filter(|_| sent == self.sent).unwrap_or(now);
        let silent_since = (peer == PeerState::HalfClosed).then_some(since);
        (self.at, self.sent, self.silent_since) = (now, sent, silent_since);
        self.is_gone = match peer {
            PeerState::Open => false,
            PeerState::HalfClosed => now.duration_since(since) >= HALF_CLOSED_MAX,
            PeerState::Gone => true,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_half_closed_client_is_waited_for_as_long_as_it_takes_something() {
        let begun = Instant::now();
        let mut last = Observation { at: begun, sent: 0, silent_since: None, is_gone: false };
        let limit = HALF_CLOSED_MAX.as_secs();
        let rows = [
            (PeerState::Open, 0, 1, false),
            (PeerState::HalfClosed, 0, 2, false),
            (PeerState::HalfClosed, 0, 1 + limit, false),
            (PeerState::HalfClosed, 5, 2 + limit, false),
            (PeerState::HalfClosed, 5, 1 + 2 * limit, false),
            (PeerState::HalfClosed, 5, 2 + 2 * limit, true),
            (PeerState::Open, 5, 3 + 2 * limit, false),
            (PeerState::HalfClosed, 5, 4 + 3 * limit, false),
            (PeerState::Gone, 5, 5 + 3 * limit, true),
        ];
        for (peer, sent, at, is_gone) in rows {
            last.update(peer, sent, begun + Duration::from_secs(at));
            assert_eq!(last.is_gone, is_gone, "{peer:?} after {at} s");
        }
    }
}
