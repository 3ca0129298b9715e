//! One connected socket, TCP or Unix, as bytes: blocking reads and writes with time-outs, a write that never
//! waits, and `sendfile`. It knows nothing of HTTP.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{MsgFlags, Shutdown, send, setsockopt, shutdown, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::error::Error;

/// The most one `sendfile` moves: large enough that the call does not count, small enough that a grace period
/// is noticed.
const SENDFILE_MAX: u64 = 4 << 20;

/// More follows at once (send(2)); nix has no name for it.
const MORE: MsgFlags = MsgFlags::from_bits_retain(nix::libc::MSG_MORE);

/// Who is at the other end.
#[derive(Clone, Debug)]
pub enum Peer {
    /// An address on a network.
    Address(SocketAddr),
    /// A process on this machine, through a Unix socket.
    Local,
}

impl Peer {
    /// The address without its port, as a log names it.
    pub fn shown(&self) -> String {
        match self {
            Peer::Address(address) => address.ip().to_string(),
            Peer::Local => "local".to_owned(),
        }
    }
}

/// A connected socket.
#[derive(Debug)]
pub struct Stream {
    socket: OwnedFd,
    /// Who is at the other end.
    pub peer: Peer,
    /// How long a read or a write may make no way.
    pub patience: Duration,
    /// The most bytes handed to the socket in one call, where the daemon was asked for that.
    send_size: usize,
}

impl Stream {
    /// Takes a connected socket. Reads and writes that make no way for `timeout` fail.
    pub fn new(socket: OwnedFd, peer: Peer, send_size: Option<usize>, timeout: Duration) -> io::Result<Self> {
        if matches!(peer, Peer::Address(_)) {
            setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
        }
        let limit = TimeVal::milliseconds(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
        setsockopt(&socket, sockopt::ReceiveTimeout, &limit)?;
        setsockopt(&socket, sockopt::SendTimeout, &limit)?;
        Ok(Stream { socket, peer, patience: timeout, send_size: send_size.unwrap_or(usize::MAX) })
    }

    /// Waits until there is something to read, or the end. False when `timeout` passes first.
    pub fn wait_readable(&self, timeout: Duration) -> io::Result<bool> {
        self.wait(PollFlags::POLLIN, timeout)
    }

    /// Waits until there is room to write. False when `timeout` passes first.
    pub fn wait_writable(&self, timeout: Duration) -> io::Result<bool> {
        self.wait(PollFlags::POLLOUT, timeout)
    }

    fn wait(&self, what: PollFlags, timeout: Duration) -> io::Result<bool> {
        let limit = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.socket.as_fd(), what)];
        loop {
            match poll(&mut fds, limit) {
                Err(Errno::EINTR) => {}
                ready => return Ok(ready? > 0),
            }
        }
    }

    /// Writes what there is room for, without waiting: `None` when there is no room at all.
    pub fn try_write(&self, block: &[u8]) -> io::Result<Option<usize>> {
        match self.send(block, MsgFlags::MSG_DONTWAIT) {
            Err(wrong) if wrong.kind() == io::ErrorKind::WouldBlock => Ok(None),
            sent => sent.map(Some),
        }
    }

    /// Writes a head that a body follows at once, so that both may share a packet.
    pub fn write_head(&self, mut head: &[u8]) -> io::Result<()> {
        while !head.is_empty() {
            let sent = self.send(head, MORE).map_err(timed_out)?;
            head = head.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Moves a part of a file into the socket without copying it through this process, and leaves in `part` what
    /// was not moved. A file that became shorter is an error: the answer must not look whole.
    pub fn send_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        while !part.is_empty() {
            let mut offset = i64::try_from(part.start).map_err(io::Error::other)?;
            let most = (part.end - part.start).min(SENDFILE_MAX).min(self.send_size as u64);
            match sendfile64(
                &self.socket,
                file,
                Some(&mut offset),
                usize::try_from(most).unwrap_or(usize::MAX),
            ) {
                Ok(0) => return Err(Error::cut("file", "became shorter while it was sent").into()),
                Ok(sent) => part.start += sent as u64,
                Err(Errno::EINTR) => {}
                Err(wrong) => return Err(timed_out(wrong.into())),
            }
        }
        Ok(())
    }

    /// Says that nothing more will be written.
    pub fn end_writing(&self) {
        // An error means that the peer is gone already.
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Write);
    }

    /// Ends a wait for more to read, from any thread; what came already can still be read.
    pub fn end_reading(&self) {
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Read);
    }

    /// Has the socket closed with a reset, so that an answer that ends with its connection cannot look whole.
    pub fn abort(&self) {
        let _ = setsockopt(&self.socket, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 });
    }

    /// Ends both directions at once, from any thread.
    pub fn cut(&self) {
        let _ = shutdown(self.socket.as_raw_fd(), Shutdown::Both);
    }

    fn send(&self, block: &[u8], flags: MsgFlags) -> io::Result<usize> {
        let most = block.len().min(self.send_size);
        let block = block.get(..most).unwrap_or_default();
        loop {
            match send(self.socket.as_raw_fd(), block, flags | MsgFlags::MSG_NOSIGNAL) {
                Err(Errno::EINTR) => {}
                sent => return Ok(sent?),
            }
        }
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match nix::unistd::read(&self.socket, buffer) {
                Err(Errno::EINTR) => {}
                read => return read.map_err(|wrong| timed_out(wrong.into())),
            }
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.send(block, MsgFlags::empty()).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A blocking socket says "would block" when its time-out has passed.
fn timed_out(wrong: io::Error) -> io::Error {
    match wrong.kind() {
        io::ErrorKind::WouldBlock => Error::status(408, "client", "made no way for too long").into(),
        _ => wrong,
    }
}
