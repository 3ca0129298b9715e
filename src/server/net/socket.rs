//! One connected socket, TCP or Unix: what can be done at once, and waiting as long as there is patience. It counts what
//! goes through it, and knows nothing of what that is.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{
    MsgFlags, Shutdown, SockaddrStorage, getsockname, getsockopt, recv, send, setsockopt, shutdown, sockopt,
};

use crate::error::Error;
use crate::server::limits::{ABORT_CHECK_INTERVAL, Limits};
use crate::server::net::shutdown::ShutdownHandle;
use crate::server::net::stall::StallTimer;
use crate::server::observe::metrics::Traffic;

/// The most one `sendfile` moves: large enough that the call does not count, small enough that a grace period
/// is noticed.
const SENDFILE_MAX: u64 = 4 << 20;

/// More follows at once (send(2)); nix has no name for it.
const MORE: MsgFlags = MsgFlags::from_bits_retain(nix::libc::MSG_MORE);
/// The peer sends nothing more (poll(2)); nor has it one for this.
const ENDED: PollFlags = PollFlags::from_bits_retain(nix::libc::POLLRDHUP);

/// How the other end stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// It may send more.
    Open,
    /// It sends nothing more; whether it still reads nobody can tell.
    HalfClosed,
    /// It is not there any more.
    Gone,
}

/// A connected socket. Read and written through its traits it never waits: what cannot be done at once would block.
#[derive(Debug)]
pub struct Socket {
    descriptor: OwnedFd,
    /// For what is read of a body.
    reading: StallTimer,
    /// For all that is written.
    writing: StallTimer,
    traffic: Traffic,
    /// How many bytes were written.
    sent: AtomicU64,
    /// The most bytes handed over in one call, where the daemon was asked for that.
    send_size: usize,
    /// Whether nothing more may be sent: the connection ends with a reset.
    aborted: AtomicBool,
}

impl Socket {
    /// Takes a connected socket.
    pub fn new(
        descriptor: OwnedFd,
        send_size: Option<usize>,
        limits: &Limits,
        traffic: Traffic,
    ) -> io::Result<Self> {
        fcntl(&descriptor, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let patience = || StallTimer::new(limits.idle_time, limits.min_rate);
        let send_size = send_size.unwrap_or(usize::MAX);
        Ok(Socket {
            descriptor,
            reading: patience(),
            writing: patience(),
            traffic,
            sent: AtomicU64::new(0),
            send_size,
            aborted: AtomicBool::new(false),
        })
    }

    /// Gives what is read all the time again.
    pub fn reset_read_timer(&self) {
        self.reading.reset();
    }

    /// The user id of the process that connected through a Unix socket, as the system saw it then.
    pub fn peer_id(&self) -> Option<u32> {
        getsockopt(&self.descriptor, sockopt::PeerCredentials).ok().map(|peer| peer.uid())
    }

    /// The address the peer connected to; none on a Unix socket.
    pub fn local_address(&self) -> Option<IpAddr> {
        let name: SockaddrStorage = getsockname(self.descriptor.as_raw_fd()).ok()?;
        let v4 = name.as_sockaddr_in().map(|name| IpAddr::V4(name.ip()));
        v4.or_else(|| name.as_sockaddr_in6().map(|name| IpAddr::V6(name.ip())))
    }

    /// Waits until there is something to read, as long as there is patience. An abort ends the wait.
    pub fn wait_to_read(&self) -> io::Result<()> {
        wait_within(&self.reading, |left| self.wait(PollFlags::POLLIN, left))
    }

    /// Waits until there is room to write, as long as there is patience. An abort ends the wait: it is looked for,
    /// since what would wake a writer would also tell the peer that the answer is whole.
    pub fn wait_to_write(&self) -> io::Result<()> {
        wait_within(&self.writing, |mut left| {
            loop {
                self.require_open()?;
                let slice = left.min(ABORT_CHECK_INTERVAL);
                if self.wait(PollFlags::POLLOUT, slice)? {
                    return Ok(true);
                }
                left -= slice;
                if left.is_zero() {
                    return Ok(false);
                }
            }
        })
    }

    /// Waits until there is room to write, as long as there is patience, and at most so long: what was waited is spent.
    pub fn wait_to_write_for(&self, most: Duration) -> io::Result<()> {
        wait_within(&self.writing, |left| {
            self.require_open()?;
            Ok(self.wait(PollFlags::POLLOUT, left.min(most))? || most < left)
        })
    }

    /// An error where the connection was aborted.
    fn require_open(&self) -> io::Result<()> {
        match self.aborted.load(Ordering::Relaxed) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }

    /// Waits for any of these. False when `timeout` passes first.
    pub fn wait(&self, what: PollFlags, timeout: Duration) -> io::Result<bool> {
        let limit = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.descriptor.as_fd(), what)];
        loop {
            match poll(&mut fds, limit) {
                Err(Errno::EINTR) => {}
                ready => return Ok(ready? > 0),
            }
        }
    }

    /// How the other end stands now. That it is gone is told whether it is asked for or not (poll(2)).
    pub fn peer_state(&self) -> io::Result<PeerState> {
        if self.require_open().is_err() {
            return Ok(PeerState::Gone);
        }
        Ok(match self.wait(PollFlags::empty(), Duration::ZERO)? {
            true => PeerState::Gone,
            false if self.wait(ENDED, Duration::ZERO)? => PeerState::HalfClosed,
            false => PeerState::Open,
        })
    }

    /// How many bytes were written so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends a part of a block that more follows at once; waits until there is room for it.
    pub fn send_with_more(&self, block: &[u8]) -> io::Result<usize> {
        loop {
            match self.try_send(block, MORE)? {
                Some(sent) => return Ok(sent),
                None => self.wait_to_write()?,
            }
        }
    }

    /// Moves a part of a file into the socket without copying it through this process, and leaves in `part` what
    /// was not moved. A file that became shorter is an error: the answer must not look whole.
    pub fn send_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        while !part.is_empty() {
            self.require_open()?;
            let mut offset = i64::try_from(part.start).map_err(io::Error::other)?;
            let most = (part.end - part.start).min(SENDFILE_MAX).min(self.send_size as u64);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            match sendfile64(&self.descriptor, file, Some(&mut offset), most) {
                Ok(0) => return Err(shorter()),
                Ok(sent) => {
                    self.was_sent(sent);
                    part.start += sent as u64;
                }
                Err(Errno::EAGAIN) => self.wait_to_write()?,
                Err(Errno::EINTR) => {}
                Err(wrong) => return Err(wrong.into()),
            }
        }
        Ok(())
    }

    /// Says that nothing more will be written; of a connection that was aborted that is never said.
    pub fn end_writing(&self) {
        if self.require_open().is_ok() {
            // An error means that the peer is gone already.
            let _ = shutdown(self.descriptor.as_raw_fd(), Shutdown::Write);
        }
    }

    /// Ends a wait for more to read, from any thread; what came already can still be read.
    pub fn end_reading(&self) {
        let _ = shutdown(self.descriptor.as_raw_fd(), Shutdown::Read);
    }

    /// Has a close of the socket reset the connection, also where the process is killed, or end it in order again. A
    /// Unix socket knows no reset.
    pub fn close_with_reset(&self, reset: bool) {
        let linger = nix::libc::linger { l_onoff: reset.into(), l_linger: 0 };
        // An error means that the peer is gone already.
        let _ = setsockopt(&self.descriptor, sockopt::Linger, &linger);
    }

    /// Sends nothing more and ends with a reset, so that an answer that ends with its connection cannot look whole.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
        self.close_with_reset(true);
    }

    /// Aborts the connection from any thread. A shutdown of both directions would end the answer as if it were whole.
    pub fn shutdown(&self) {
        self.abort();
        self.end_reading();
    }

    /// What another thread can cut this connection with, even when this is gone.
    pub fn shutdown_handle(&self) -> io::Result<ShutdownHandle> {
        self.descriptor.try_clone().map(ShutdownHandle::new)
    }

    /// As much of a block as may be handed over in one call.
    pub fn limit_to_send_size<'b>(&self, block: &'b [u8]) -> &'b [u8] {
        block.get(..self.send_size).unwrap_or(block)
    }

    /// Sends what there is room for; `None` where there is none.
    pub fn try_send(&self, block: &[u8], flags: MsgFlags) -> io::Result<Option<usize>> {
        let block = self.limit_to_send_size(block);
        self.require_open()?;
        loop {
            match send(self.descriptor.as_raw_fd(), block, flags | MsgFlags::MSG_NOSIGNAL) {
                Ok(sent) => {
                    self.was_sent(sent);
                    return Ok(Some(sent));
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(wrong) => return Err(wrong.into()),
            }
        }
    }

    /// The next byte, which stays unread; `None` where none has come.
    pub fn peek(&self) -> Option<u8> {
        let mut byte = [0; 1];
        let come = recv(self.descriptor.as_raw_fd(), &mut byte, MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT);
        (come == Ok(1)).then(|| u8::from_be_bytes(byte))
    }

    /// Reads what has come; `None` where nothing has.
    pub fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match nix::unistd::read(&self.descriptor, &mut *buffer) {
                Ok(read) => {
                    self.reading.credit(read);
                    self.traffic.received.inc_by(read as u64);
                    return Ok(Some(read));
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(wrong) => return Err(wrong.into()),
            }
        }
    }

    fn was_sent(&self, bytes: usize) {
        self.writing.credit(bytes);
        self.traffic.sent.inc_by(bytes as u64);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_receive(buffer)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Write for &Socket {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.try_send(block, MsgFlags::empty())?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits as long as there is patience, and takes the time of it.
fn wait_within(patience: &StallTimer, wait: impl FnOnce(Duration) -> io::Result<bool>) -> io::Result<()> {
    let begun = Instant::now();
    let left = patience.left();
    if left.is_zero() || !wait(left)? {
        return Err(Error::timed_out("client", "is too slow").into());
    }
    patience.charge(begun.elapsed());
    Ok(())
}

/// A file that became shorter while it was sent: the answer must not look whole.
pub fn shorter() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
