//! One connected socket, TCP or Unix: its state, its timers, its end. `input` reads it, `output` writes it.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    MsgFlags, Shutdown, SockaddrStorage, getsockname, getsockopt, recv, setsockopt, shutdown, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::error::Error;
use crate::server::limits::Limits;
use crate::server::net::{ShutdownHandle, StallTimer};
use crate::server::observe::Traffic;

/// The peer has shut down its writing side (poll(2)); nix does not define the flag.
const HALF_CLOSED: PollFlags = PollFlags::from_bits_retain(nix::libc::POLLRDHUP);

/// The state of the peer's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// The peer may send more.
    Open,
    /// The peer has shut down its writing side; whether it still reads is unknown.
    HalfClosed,
    /// The peer has closed or reset the connection.
    Gone,
}

/// A connected socket. Its `Read` and `Write` never wait: they fail with `WouldBlock`.
#[derive(Debug)]
pub struct Socket {
    pub(super) descriptor: OwnedFd,
    /// Whether system calls without a flag of their own do not wait.
    nonblocking: AtomicBool,
    /// Its SO_RCVTIMEO in milliseconds; 0, as at first, is none.
    receive_timeout: AtomicU64,
    /// Limits waits for request bodies.
    pub read_timer: StallTimer,
    /// Limits waits for room in the send buffer.
    pub(super) write_timer: StallTimer,
    pub(super) traffic: Traffic,
    /// How many bytes were written.
    pub(super) sent: AtomicU64,
    /// The most bytes of one write (`--send-size`).
    pub(super) send_size: usize,
    /// Whether the connection is to end with a reset: nothing more may be sent.
    aborted: AtomicBool,
}

impl Socket {
    /// Takes a connected socket in blocking mode. Reads and writes that stall for longer than the limits allow fail with
    /// kind `TimedOut`.
    pub fn new(descriptor: OwnedFd, send_size: Option<usize>, limits: &Limits, traffic: Traffic) -> Self {
        let timer = || StallTimer::new(limits.idle_time, limits.min_rate);
        let send_size = send_size.unwrap_or(usize::MAX);
        Socket {
            descriptor,
            nonblocking: AtomicBool::new(false),
            receive_timeout: AtomicU64::new(0),
            read_timer: timer(),
            write_timer: timer(),
            traffic,
            sent: AtomicU64::new(0),
            send_size,
            aborted: AtomicBool::new(false),
        }
    }

    /// Returns the user id of the process that connected to a Unix socket, as of the connect.
    pub(super) fn peer_id(&self) -> Option<u32> {
        getsockopt(&self.descriptor, sockopt::PeerCredentials).ok().map(|peer| peer.uid())
    }

    /// Returns the address the peer connected to; none on a Unix socket.
    pub fn local_address(&self) -> Option<IpAddr> {
        let name: SockaddrStorage = getsockname(self.descriptor.as_raw_fd()).ok()?;
        let v4 = name.as_sockaddr_in().map(|name| IpAddr::V4(name.ip()));
        v4.or_else(|| name.as_sockaddr_in6().map(|name| IpAddr::V6(name.ip())))
    }

    /// Fails with `ConnectionReset` where the connection was aborted.
    pub(super) fn check_not_aborted(&self) -> io::Result<()> {
        match self.aborted.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }

    /// Sets whether system calls without a flag of their own wait. Called by the connection's thread alone.
    pub(super) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        if self.nonblocking.swap(nonblocking, Ordering::Relaxed) != nonblocking {
            let flags = if nonblocking { OFlag::O_NONBLOCK } else { OFlag::empty() };
            fcntl(&self.descriptor, FcntlArg::F_SETFL(flags))?;
        }
        Ok(())
    }

    /// Sets for how long a receive may wait, in whole milliseconds. Called by the connection's thread alone.
    pub(super) fn set_receive_timeout(&self, wait: Duration) -> io::Result<()> {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        if self.receive_timeout.swap(millis, Ordering::Relaxed) != millis {
            let millis = i64::try_from(millis).unwrap_or(i64::MAX);
            setsockopt(&self.descriptor, sockopt::ReceiveTimeout, &TimeVal::milliseconds(millis))?;
        }
        Ok(())
    }

    /// Waits for any of these events. False on time-out.
    pub(super) fn wait(&self, what: PollFlags, timeout: Duration) -> io::Result<bool> {
        let limit = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.descriptor.as_fd(), what)];
        loop {
            match poll(&mut fds, limit) {
                Err(Errno::EINTR) => {}
                ready => return Ok(ready? > 0),
            }
        }
    }

    /// Returns the state of the peer now. poll(2) reports errors and hang-ups whether they are asked for or not.
    pub fn peer_state(&self) -> io::Result<PeerState> {
        if self.check_not_aborted().is_err() {
            return Ok(PeerState::Gone);
        }
        Ok(match self.wait(PollFlags::empty(), Duration::ZERO)? {
            true => PeerState::Gone,
            false if self.wait(HALF_CLOSED, Duration::ZERO)? => PeerState::HalfClosed,
            false => PeerState::Open,
        })
    }

    /// Returns how many bytes were written so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Shuts down the writing side. Does nothing on an aborted connection, whose response must not look complete.
    pub fn end_writing(&self) {
        if self.check_not_aborted().is_ok() {
            // The peer may have disconnected; ignore the error.
            let _ = shutdown(self.descriptor.as_raw_fd(), Shutdown::Write);
        }
    }

    /// Shuts down the reading side, from any thread: this ends waits for data; received data can still be read.
    pub fn end_reading(&self) {
        let _ = shutdown(self.descriptor.as_raw_fd(), Shutdown::Read);
    }

    /// Makes a close of the socket reset the connection (`SO_LINGER` 0), also where the process is killed; `false`
    /// restores the orderly close. Unix sockets have no reset.
    pub fn close_with_reset(&self, reset: bool) {
        let linger = nix::libc::linger { l_onoff: reset.into(), l_linger: 0 };
        // The peer may have disconnected; ignore the error.
        let _ = setsockopt(&self.descriptor, sockopt::Linger, &linger);
    }

    /// Sends nothing more, and makes the close a reset: a response that ends with the connection must not look
    /// complete.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
        self.close_with_reset(true);
    }

    /// Aborts the connection, from any thread. Only the reading side is shut down: a shutdown of the writing side would
    /// end the response as if it were complete.
    pub fn shutdown(&self) {
        self.abort();
        self.end_reading();
    }

    /// Returns a handle by which another thread shuts this connection down, also after this value is dropped.
    pub fn shutdown_handle(&self) -> io::Result<ShutdownHandle> {
        self.descriptor.try_clone().map(ShutdownHandle)
    }

    /// Returns the next byte, without consuming it; `None` where none was received.
    pub(super) fn peek(&self) -> Option<u8> {
        let mut byte = [0; 1];
        let received =
            recv(self.descriptor.as_raw_fd(), &mut byte, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT);
        (received == Ok(1)).then(|| u8::from_be_bytes(byte))
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Waits as long as the timer allows, and charges it. An error has kind `TimedOut`.
pub(super) fn wait_within(
    timer: &StallTimer,
    wait: impl FnOnce(Duration) -> io::Result<bool>,
) -> io::Result<()> {
    let begun = Instant::now();
    let left = timer.left();
    if left.is_zero() || !wait(left)? {
        return Err(Error::timed_out("client", "is too slow").into());
    }
    timer.charge(begun.elapsed());
    Ok(())
}
