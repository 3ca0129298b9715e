//! One connection as bytes, with TLS or without: reads and writes that wait as long as there is patience, a write that
//! never waits, and files sent by the system where nothing has to be encrypted. It knows nothing of HTTP.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::socket::MsgFlags;

use crate::error::Error;
use crate::server::limits::{BLOCK, LINGER, Limits};
use crate::server::net::interim::Interim;
use crate::server::net::shutdown::ShutdownHandle;
use crate::server::net::socket::{PeerState, Socket, shorter};
use crate::server::net::tls::Session;
use crate::server::observe::metrics::Traffic;
use crate::server::observe::peer::Peer;

/// A connection.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    /// Who is at the other end.
    pub peer: Peer,
    /// Its interim responses.
    pub interim: Interim,
    /// The thread of the connection locks it, and for a moment who tells its client that the work goes on.
    tls: Option<Box<Mutex<Session>>>,
}

impl Stream {
    /// Takes a connected socket. Reads and writes that are slower than the limits allow fail with `TimedOut`.
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

    /// With TLS on it.
    pub fn secured(self, session: Session) -> Self {
        Stream { tls: Some(Box::new(Mutex::new(session))), ..self }
    }

    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    fn session(&self) -> Option<MutexGuard<'_, Session>> {
        self.tls.as_ref().map(|session| session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a request: its body has all the time again. Answers have not, or one who asks much and reads nearly
    /// nothing would never be given up.
    pub fn begin_request(&self) {
        self.socket.reset_read_timer();
    }

    /// The user id of the process that connected through a Unix socket, as the system saw it then.
    pub fn peer_id(&self) -> Option<u32> {
        match self.peer {
            Peer::Local => self.socket.peer_id(),
            Peer::Address(_) => None,
        }
    }

    /// The address the peer connected to; none on a Unix socket.
    pub fn local_address(&self) -> Option<IpAddr> {
        self.socket.local_address()
    }

    /// How the other end stands now, as far as its socket tells: what came may still be unread.
    pub fn peer_state(&self) -> io::Result<PeerState> {
        self.socket.peer_state()
    }

    /// How many bytes were written so far, encrypted or not.
    pub fn sent(&self) -> u64 {
        self.socket.sent()
    }

    /// Waits until there is something to read, or the end. False when `timeout` passes first. An error has kind `Invalid` or
    /// 408 where keys are not agreed on.
    pub fn wait_readable(&self, timeout: Duration) -> io::Result<bool> {
        match self.session() {
            None => self.socket.wait(PollFlags::POLLIN, timeout),
            Some(mut session) => self.wait_decrypted(&mut session, timeout),
        }
    }

    /// What comes may be a part of a record, or none of HTTP's.
    fn wait_decrypted(&self, session: &mut Session, timeout: Duration) -> io::Result<bool> {
        let until = Instant::now() + timeout;
        while !self.fill(session).map_err(|wrong| session.refused(wrong))? {
            let out = if session.holds() { PollFlags::POLLOUT } else { PollFlags::empty() };
            let (keys, left) = (session.time_left(), until.saturating_duration_since(Instant::now()));
            match keys.map_or(left, |keys| keys.min(left)) {
                Duration::ZERO if left.is_zero() => return Ok(false),
                Duration::ZERO => {
                    return Err(Error::timed_out("TLS", "no keys were agreed on in time").into());
                }
                left => self.socket.wait(PollFlags::POLLIN | out, left)?,
            };
        }
        Ok(true)
    }

    /// Takes what has come. An error of kind `Invalid` where that begins as a request in plain HTTP does.
    fn fill(&self, session: &mut Session) -> io::Result<bool> {
        if session.is_untouched && self.begins_in_plain() {
            return Err(Error::invalid("TLS", "is spoken here, and plain HTTP came: use https://").into());
        }
        session.fill(&mut &self.socket)
    }

    /// Whether what comes next begins as a method does; a handshake of TLS does not.
    fn begins_in_plain(&self) -> bool {
        self.socket.peek().is_some_and(|byte| byte.is_ascii_alphabetic())
    }

    /// Ends a connection on which no TLS was agreed on: `answer` is for a client that speaks plain HTTP. What it has sent is
    /// read on for a moment, or it would not see the answer, or the alert.
    pub fn end_unencrypted(&self, answer: &[u8]) {
        if self.begins_in_plain() {
            // The answer fits an empty socket buffer; a client that is gone needs none.
            let _ = self.socket.try_send(answer, MsgFlags::empty());
        }
        self.socket.end_writing();
        let until = Instant::now() + LINGER;
        let mut block = [0; 4096];
        loop {
            match self.socket.try_receive(&mut block) {
                Ok(Some(1..)) => {}
                Ok(None) if self.wait_until(until) => {}
                _ => return,
            }
        }
    }

    /// Whether something comes before a moment.
    fn wait_until(&self, moment: Instant) -> bool {
        let left = moment.saturating_duration_since(Instant::now());
        !left.is_zero() && self.socket.wait(PollFlags::POLLIN, left).unwrap_or(false)
    }

    /// Waits until there is room to write. False when `timeout` passes first.
    pub fn wait_writable(&self, timeout: Duration) -> io::Result<bool> {
        self.socket.wait(PollFlags::POLLOUT, timeout)
    }

    /// Waits until there is room to write, as long as there is patience.
    pub fn wait_to_write(&self) -> io::Result<()> {
        self.socket.wait_to_write()
    }

    /// Waits until there is room to write, as long as there is patience, and at most so long.
    pub fn wait_to_write_for(&self, most: Duration) -> io::Result<()> {
        self.socket.wait_to_write_for(most)
    }

    /// Writes what there is room for, without waiting: `None` when there is no room at all.
    pub fn try_write(&self, block: &[u8]) -> io::Result<Option<usize>> {
        match self.session() {
            None => self.socket.try_send(block, MsgFlags::empty()),
            Some(mut session) => session.write(&mut &self.socket, self.socket.limit_to_send_size(block)),
        }
    }

    /// Writes a head that a body follows at once, so that both may share a packet.
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

    /// Sends a part of a file, without copying it through this process where nothing is encrypted, and leaves in `part`
    /// what was not sent. A file that became shorter is an error: the answer must not look whole.
    pub fn send_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        match self.tls {
            None => self.socket.send_file(file, part),
            Some(_) => self.encrypt_file(file, part),
        }
    }

    fn encrypt_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        while !part.is_empty() {
            let most = usize::try_from(part.end - part.start).unwrap_or(BLOCK).min(BLOCK);
            let read = file.read_at(block.get_mut(..most).unwrap_or_default(), part.start)?;
            if read == 0 {
                return Err(shorter());
            }
            (&mut &*self).write_all(block.get(..read).unwrap_or_default())?;
            part.start += read as u64;
        }
        Ok(())
    }

    /// Says that nothing more will be written; of a connection that was aborted that is never said.
    pub fn end_writing(&self) {
        if let Some(mut session) = self.session() {
            // What is aborted takes no `close_notify` either.
            session.end(&mut &self.socket);
        }
        self.socket.end_writing();
    }

    /// See [`Socket::close_with_reset`].
    pub fn close_with_reset(&self, reset: bool) {
        self.socket.close_with_reset(reset);
    }

    /// Ends a wait for more to read, from any thread; what came already can still be read.
    pub fn end_reading(&self) {
        self.socket.end_reading();
    }

    /// Sends nothing more and ends with a reset, so that an answer that ends with its connection cannot look whole.
    pub fn abort(&self) {
        self.socket.abort();
    }

    /// Aborts the connection from any thread.
    pub fn shutdown(&self) {
        self.socket.shutdown();
    }

    /// What another thread can cut this connection with, even when this is gone.
    pub fn shutdown_handle(&self) -> io::Result<ShutdownHandle> {
        self.socket.shutdown_handle()
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

    /// Waits until all that TLS holds has gone.
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
