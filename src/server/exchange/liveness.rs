//! Whether a client is still there, while work goes on that neither reads from it nor writes to it: a scan of a large
//! file would otherwise go on for nobody, and keep its thread and its connection. It asks the socket alone: what TLS makes of
//! the bytes does not matter.

use std::io;
use std::sync::{Mutex, TryLockError};
use std::time::Instant;

use nix::errno::Errno;

use crate::server::limits::{HALF_CLOSED_MAX, LIVENESS_CHECK_INTERVAL};
use crate::server::net::socket::PeerState;
use crate::server::net::stream::Stream;
use crate::store::Content;
use crate::text::ReadAt;

/// The client that waits for an answer. Threads that work on the same answer share it.
pub struct ClientLiveness<'a> {
    stream: &'a Stream,
    seen: Mutex<Seen>,
}

/// What is known of it.
struct Seen {
    /// When the socket was asked last.
    asked: Instant,
    /// How many bytes it had been sent then.
    sent: u64,
    /// Since when it has ended its side, and was sent nothing.
    silent: Option<Instant>,
    is_gone: bool,
}

impl<'a> ClientLiveness<'a> {
    /// The client at the other end of a connection, which asked just now.
    pub fn new(stream: &'a Stream) -> Self {
        let seen = Seen { asked: Instant::now(), sent: stream.sent(), silent: None, is_gone: false };
        ClientLiveness { stream, seen: Mutex::new(seen) }
    }

    /// The connection.
    pub fn stream(&self) -> &'a Stream {
        self.stream
    }

    /// An error, that of a write to a client that is gone, as soon as nobody waits any more.
    pub fn check_connected(&self) -> io::Result<()> {
        let mut seen = match self.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is asking: what it learns is seen at the next read.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let now = Instant::now();
        if !seen.is_gone && now.duration_since(seen.asked) >= LIVENESS_CHECK_INTERVAL {
            seen.learn(self.stream.peer_state()?, self.stream.sent(), now);
        }
        if seen.is_gone { Err(Errno::EPIPE.into()) } else { Ok(()) }
    }
}

impl Seen {
    /// A client that has ended its side may still read: who asks by a pipe does so. One that has left looks the same
    /// until it is sent something, so that bytes that can be sent count for it.
    fn learn(&mut self, far: PeerState, sent: u64, now: Instant) {
        let since = self.silent.filter(|_| sent == self.sent).unwrap_or(now);
        (self.asked, self.sent, self.silent) = (now, sent, (far == PeerState::HalfClosed).then_some(since));
        self.is_gone = match far {
            PeerState::Open => false,
            PeerState::HalfClosed => now.duration_since(since) >= HALF_CLOSED_MAX,
            PeerState::Gone => true,
        };
    }
}

/// A stored file, read as long as there is somebody to read it for.
#[derive(Clone, Copy)]
pub struct Cancellable<'a> {
    /// The file.
    pub content: &'a dyn Content,
    /// For whom it is read.
    pub client: &'a ClientLiveness<'a>,
}

impl ReadAt for Cancellable<'_> {
    fn size(&self) -> u64 {
        self.content.meta().size
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.client.check_connected()?;
        self.content.read_at(buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_has_ended_his_side_is_waited_for_as_long_as_he_takes_something() {
        let begun = Instant::now();
        let mut seen = Seen { asked: begun, sent: 0, silent: None, is_gone: false };
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
        for (far, sent, at, is_gone) in rows {
            seen.learn(far, sent, begun + Duration::from_secs(at));
            assert_eq!(seen.is_gone, is_gone, "{far:?} after {at} s");
        }
    }
}
