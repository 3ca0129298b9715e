//! One connection as a byte stream, with TLS or without: reads and writes that wait as long as the stall timer allows,
//! a non-blocking write, and sendfile without TLS. It does not know HTTP.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::socket::MsgFlags;

use crate::error::Error;
use crate::server::limits::{LINGER, Limits};
use crate::server::net::interim::Interim;
use crate::server::net::sendfile::send_file;
use crate::server::net::socket::Socket;
use crate::server::net::tls::TlsSession;
use crate::server::observe::metrics::Traffic;
use crate::server::observe::peer::Peer;

/// A connection.
#[derive(Debug)]
pub struct Stream {
    /// What TLS does not change: the state of the socket, its timers, its end. The bytes go through the stream.
    pub socket: Socket,
    /// The peer.
    pub peer: Peer,
    /// Its interim responses.
    pub interim: Interim,
    /// Locked by the connection's thread, and briefly by the one that sends interim responses.
    tls: Option<Box<Mutex<TlsSession>>>,
}

impl Stream {
    /// Takes a connected socket. Reads and writes that stall for longer than the limits allow fail with kind `TimedOut`.
    pub fn new(
        socket: OwnedFd,
        peer: Peer,
        send_size: Option<usize>,
        limits: &Limits,
        traffic: Traffic,
    ) -> io::Result<Self> {
        let socket = Socket::new(socket, send_size, limits, traffic)?;
        Ok(Stream { socket, peer, interim: Interim::default(), tls: None })
    }

    /// Adds TLS.
    pub fn secured(self, session: TlsSession) -> Self {
        Stream { tls: Some(Box::new(Mutex::new(session))), ..self }
    }

    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    fn session(&self) -> Option<MutexGuard<'_, TlsSession>> {
        self.tls.as_ref().map(|session| session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The user id of the process that connected to a Unix socket, as of the connect.
    pub fn peer_id(&self) -> Option<u32> {
        match self.peer {
            Peer::Local => self.socket.peer_id(),
            Peer::Address(_) => None,
        }
    }

    /// Waits for data to read, or its end. False on time-out. Errors have kind `Invalid` or `TimedOut` where the TLS handshake fails.
    pub fn wait_readable(&self, timeout: Duration) -> io::Result<bool> {
        match self.session() {
            None => self.socket.wait(PollFlags::POLLIN, timeout),
            Some(mut session) => self.wait_decrypted(&mut session, timeout),
        }
    }

    /// The same under TLS: received data may be a part of a record, or belong to the handshake.
    fn wait_decrypted(&self, session: &mut TlsSession, timeout: Duration) -> io::Result<bool> {
        let until = Instant::now() + timeout;
        while !self.fill(session).map_err(|error| session.handshake_error(error))? {
            let out = if session.holds() { PollFlags::POLLOUT } else { PollFlags::empty() };
            let (handshake, left) = (session.time_left(), until.saturating_duration_since(Instant::now()));
            match handshake.map_or(left, |handshake| handshake.min(left)) {
                Duration::ZERO if left.is_zero() => return Ok(false),
                Duration::ZERO => {
                    return Err(Error::timed_out("TLS", "no keys were agreed on in time").into());
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

    /// Whether the next byte is one of an HTTP method; a TLS handshake never begins so.
    fn begins_in_plain(&self) -> bool {
        self.socket.peek().is_some_and(|byte| byte.is_ascii_alphabetic())
    }

    /// Ends a connection whose TLS handshake failed. A client that speaks plain HTTP is sent `response`.
    pub fn end_unencrypted(&self, response: &[u8]) {
        if self.begins_in_plain() {
            // The response fits an empty send buffer. The client may have disconnected; ignore the error.
            let _ = self.socket.try_send(response, MsgFlags::empty());
        }
        self.socket.end_writing();
        self.discard_input();
    }

    /// Shuts down the writing side, then reads for a moment.
    pub fn linger(&self) {
        self.end_writing();
        self.discard_input();
    }

    /// Reads for a moment: closing a socket with unread bytes sends a reset, which would discard the response or the
    /// alert before the client has read it. Not inlined: the buffer would enlarge the stack frame of every connection.
    #[inline(never)]
    fn discard_input(&self) {
        let until = Instant::now() + LINGER;
        let left = || until.saturating_duration_since(Instant::now());
        let mut block = [0; 4096];
        while !left().is_zero() {
            match self.socket.try_receive(&mut block) {
                Ok(Some(1..)) => {}
                Ok(None) if self.socket.wait(PollFlags::POLLIN, left()).unwrap_or(false) => {}
                _ => return,
            }
        }
    }

    /// Waits until the socket is writable. False on time-out.
    pub fn wait_writable(&self, timeout: Duration) -> io::Result<bool> {
        self.socket.wait(PollFlags::POLLOUT, timeout)
    }

    /// Writes what fits into the socket buffer, without blocking; `None` where nothing does.
    pub fn try_write(&self, block: &[u8]) -> io::Result<Option<usize>> {
        match self.session() {
            None => self.socket.try_send(block, MsgFlags::empty()),
            Some(mut session) => session.write(&mut &self.socket, self.socket.limit_to_send_size(block)),
        }
    }

    /// Writes a head that a body follows, so that both may share a packet.
    pub fn write_head(&self, mut head: &[u8]) -> io::Result<()> {
        while !head.is_empty() {
            let held = self.session().map(|mut session| session.hold(head)).transpose()?;
            let sent = match held {
                Some(held @ 1..) => held,
                Some(0) => (&mut &*self).write(head)?,
                None => self.socket.send_with_more(head)?,
            };
            head = head.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends a range of a file with sendfile(2), and leaves in `part` what was not sent. Not for TLS, which encrypts in
    /// this process.
    pub fn send_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        send_file(&self.socket, file, part)
    }

    /// Shuts down the writing side. Does nothing on an aborted connection, whose response must not look complete.
    pub fn end_writing(&self) {
        if let Some(mut session) = self.session() {
            // An aborted socket sends no `close_notify` either.
            session.end(&mut &self.socket);
        }
        self.socket.end_writing();
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
                None => self.socket.wait_to_read()?,
            }
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(written) = self.try_write(block)? {
                self.flush()?;
                return Ok(written);
            }
            self.socket.wait_to_write()?;
        }
    }

    /// Waits until everything that TLS has buffered is sent.
    fn flush(&mut self) -> io::Result<()> {
        while let Some(mut session) = self.session() {
            if session.flush(&mut &self.socket)? {
                break;
            }
            drop(session);
            self.socket.wait_to_write()?;
        }
        Ok(())
    }
}

/// Reads the heads of requests from a stream: reads fail after the deadline, while one is set.
pub struct HeadReader<'a> {
    stream: &'a Stream,
    /// The deadline.
    pub deadline: Option<Instant>,
    /// Whether the next read is known not to block.
    is_ready: bool,
}

impl<'a> HeadReader<'a> {
    /// A reader of a stream that has bytes to read.
    pub fn new(stream: &'a Stream) -> Self {
        HeadReader { stream, deadline: None, is_ready: true }
    }
}

impl Read for HeadReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline
            && !std::mem::take(&mut self.is_ready)
        {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.stream.wait_readable(left)? {
                return Err(Error::timed_out("head", "did not come in time").into());
            }
        }
        self.stream.read(buffer)
    }
}
