//! The timeout of a silent server. It runs while neither side sends anything, but not while a body waits for its own
//! source. It does not know what kind of socket is used.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How often a reader checks whether the body is still being sent.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The timeouts that a user may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection: name resolution, TCP, and the TLS handshake.
    pub connect: Duration,
    /// For the next byte from the server.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { connect: Duration::from_secs(10), silence: Duration::from_secs(60) }
    }
}

/// The silence on one connection, which a sending and a reading thread share.
#[derive(Debug)]
pub struct Silence {
    timeout: Duration,
    begun: Instant,
    /// When the last body was sent, in milliseconds after `begun`.
    sent: AtomicU64,
    sending: AtomicBool,
    /// Whether the server has read nothing for too long.
    stalled: AtomicBool,
}

impl Silence {
    /// Begins on a new connection, with this timeout.
    pub fn new(timeout: Duration) -> Self {
        let (sending, stalled) = (AtomicBool::new(false), AtomicBool::new(false));
        Silence { timeout, begun: Instant::now(), sent: AtomicU64::new(0), sending, stalled }
    }

    /// Notes that a body begins to be sent: the server may wait for it.
    pub fn begin_sending(&self) {
        self.sending.store(true, Ordering::SeqCst);
    }

    /// Notes that the body is sent, or will not be.
    pub fn end_sending(&self) {
        let sent = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.sent.store(sent, Ordering::SeqCst);
        self.sending.store(false, Ordering::SeqCst);
    }

    /// Notes that the server has read no byte of a body for the whole timeout.
    pub fn stall(&self) -> io::Error {
        self.stalled.store(true, Ordering::SeqCst);
        self.over()
    }

    /// Returns how long a reader that has waited since then may wait before it checks again. An error if the timeout
    /// has passed.
    pub fn left(&self, since: Instant) -> io::Result<Duration> {
        if self.stalled.load(Ordering::SeqCst) {
            return Err(self.over());
        }
        if self.sending.load(Ordering::SeqCst) {
            return Ok(CHECK_INTERVAL);
        }
        let sent = self.begun + Duration::from_millis(self.sent.load(Ordering::SeqCst));
        match self.timeout.saturating_sub(since.max(sent).elapsed()) {
            Duration::ZERO => Err(self.over()),
            left => Ok(left),
        }
    }

    fn over(&self) -> io::Error {
        let what = format!("sent nothing for {} s (--timeout)", self.timeout.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, what)
    }
}

/// Waits for something to read, at most this long, and returns whether there is.
pub fn is_readable(socket: impl AsFd, timeout: Duration) -> bool {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    // One more millisecond, so that the timeout has passed when nothing was received.
    let timeout = i32::try_from(timeout.as_millis()).map_or(i32::MAX, |millis| millis.saturating_add(1));
    let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
    // A resized terminal interrupts a poll (SIGWINCH).
    poll(&mut watched, timeout).is_ok_and(|ready| ready > 0)
}

/// Returns whether there is something to read now: bytes, EOF or an error.
pub fn is_ready(socket: impl AsFd) -> bool {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut watched, PollTimeout::ZERO) {
            Err(Errno::EINTR) => {}
            ready => return ready != Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_be_silent_while_a_body_is_sent_and_not_for_ever() {
        let silence = Silence::new(Duration::ZERO);
        assert_eq!(silence.left(Instant::now()).unwrap_err().kind(), io::ErrorKind::TimedOut);
        silence.begin_sending();
        assert!(silence.left(Instant::now()).is_ok());
        silence.end_sending();
        assert!(silence.left(Instant::now()).is_err());
        let patient = Silence::new(Duration::from_secs(3600));
        assert!(patient.left(Instant::now()).is_ok());
        patient.begin_sending();
        patient.stall();
        assert!(patient.left(Instant::now()).is_err());
    }
}
