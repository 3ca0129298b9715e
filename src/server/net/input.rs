//! Reading from a connection, with TLS or without: waits for data, the heads of requests within their deadline, and
//! bodies as long as the stall timer allows.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::socket::{MsgFlags, recv};

use crate::error::Error;
use crate::server::net::socket::wait_within;
use crate::server::net::{Socket, Stream, TlsSession};

/// Reads the heads of requests from a stream: reads fail after the deadline, while one is set.
pub struct HeadReader<'a> {
    stream: &'a Stream,
    /// The deadline.
    pub deadline: Option<Instant>,
    /// The bytes that were received first.
    received: &'a [u8],
}

impl<'a> HeadReader<'a> {
    /// Makes a reader of a stream of which these bytes were received.
    pub fn new(stream: &'a Stream, received: &'a [u8]) -> Self {
        HeadReader { stream, deadline: None, received }
    }
}

impl Read for HeadReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.received.is_empty() {
            return self.received.read(buffer);
        }
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.stream.wait_readable(left)? {
                return Err(Error::timed_out("head", "did not come in time").into());
            }
        }
        self.stream.read(buffer)
    }
}

impl Stream {
    /// Waits for the first bytes of a request; `None` on time-out, 0 at the end. Without TLS this is one system call, as
    /// long as `wait` stays the same. Errors are those of [`Stream::wait_readable`].
    pub fn receive(&self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        match self.is_tls() {
            false => self.socket.receive(buffer, wait),
            true if self.wait_readable(wait)? => {
                let mut bytes = self;
                bytes.read(buffer).map(Some)
            }
            true => Ok(None),
        }
    }

    /// Waits for data to read, or its end. False on time-out. Errors have kind `Invalid` or `TimedOut` where the TLS
    /// handshake fails.
    pub fn wait_readable(&self, timeout: Duration) -> io::Result<bool> {
        match self.session() {
            None => self.socket.wait(PollFlags::POLLIN, timeout),
            Some(mut session) => self.wait_decrypted(&mut session, timeout),
        }
    }

    /// Waits for decrypted data under TLS: what was received may be part of a record or of the handshake.
    fn wait_decrypted(&self, session: &mut TlsSession, timeout: Duration) -> io::Result<bool> {
        let until = Instant::now() + timeout;
        while !self.fill(session).map_err(|error| session.handshake_error(error))? {
            let out = if session.wants_write() { PollFlags::POLLOUT } else { PollFlags::empty() };
            let (handshake, left) = (session.time_left(), until.saturating_duration_since(Instant::now()));
            match handshake.map_or(left, |handshake| handshake.min(left)) {
                Duration::ZERO if left.is_zero() => return Ok(false),
                Duration::ZERO => {
                    return Err(Error::timed_out("TLS", "the handshake took too long").into());
                }
                left => self.socket.wait(PollFlags::POLLIN | out, left)?,
            };
        }
        Ok(true)
    }

    /// Decrypts what was received. An error has kind `Invalid` where that looks like a request in plain HTTP.
    fn fill(&self, session: &mut TlsSession) -> io::Result<bool> {
        if session.is_untouched && self.begins_in_plain() {
            return Err(Error::invalid("TLS", "is spoken here, and plain HTTP came: use https://").into());
        }
        session.fill(&mut &self.socket)
    }

    /// Returns whether the next byte is one of an HTTP method; a TLS handshake never begins so.
    pub(super) fn begins_in_plain(&self) -> bool {
        self.socket.peek().is_some_and(|byte| byte.is_ascii_alphabetic())
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self.session() {
                None => self.socket.try_receive(buffer)?,
                Some(mut session) => session.read(&mut &self.socket, buffer)?,
            };
            match read {
                Some(read) => return Ok(read),
                // An abort ends the wait.
                None => {
                    wait_within(&self.socket.read_timer, |left| self.socket.wait(PollFlags::POLLIN, left))?
                }
            }
        }
    }
}

impl Socket {
    /// Waits for bytes, or the end. False on time-out.
    pub fn wait_to_read(&self, timeout: Duration) -> io::Result<bool> {
        self.wait(PollFlags::POLLIN, timeout)
    }

    /// Reads what was received; `None` where nothing was.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.receive_with(buffer, MsgFlags::MSG_DONTWAIT)
    }

    /// Waits for data, by the time-out of the socket itself; `None` where none came.
    pub(super) fn receive(&self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        self.set_receive_timeout(wait)?;
        self.set_nonblocking(false)?;
        self.receive_with(buffer, MsgFlags::empty())
    }

    fn receive_with(&self, buffer: &mut [u8], flags: MsgFlags) -> io::Result<Option<usize>> {
        loop {
            match recv(self.descriptor.as_raw_fd(), buffer, flags) {
                Ok(read) => {
                    self.read_timer.credit(read);
                    self.traffic.received.inc_by(read as u64);
                    return Ok(Some(read));
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for &Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.try_receive(buffer)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}
