//! One connected socket, TCP or Unix, with TLS or without, as bytes: reads and writes that wait as long as there is
//! patience, a write that never waits, and `sendfile`. It knows nothing of HTTP.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{MsgFlags, Shutdown, getsockopt, send, setsockopt, shutdown, sockopt};

use super::limits::{BLOCK, Limits};
use super::metrics::Traffic;
use super::patience::Patience;
use super::tls::Session;
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
    /// For what is read of a body.
    reading: Patience,
    /// For all that is written.
    writing: Patience,
    traffic: Traffic,
    /// The most bytes handed to the socket in one call, where the daemon was asked for that.
    send_size: usize,
    /// Only the thread of the connection locks it.
    tls: Option<Box<Mutex<Session>>>,
}

impl Stream {
    /// Takes a connected socket. Reads and writes that are slower than the limits allow fail with status 408.
    pub fn new(
        socket: OwnedFd,
        peer: Peer,
        send_size: Option<usize>,
        limits: &Limits,
        traffic: Traffic,
    ) -> io::Result<Self> {
        if matches!(peer, Peer::Address(_)) {
            setsockopt(&socket, sockopt::TcpNoDelay, &true)?;
        }
        fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let patience = || Patience::new(limits.idle_time, limits.min_rate);
        let send_size = send_size.unwrap_or(usize::MAX);
        Ok(Stream { socket, peer, reading: patience(), writing: patience(), traffic, send_size, tls: None })
    }

    /// With TLS on it.
    pub fn secured(self, session: Session) -> Self {
        Stream { tls: Some(Box::new(Mutex::new(session))), ..self }
    }

    /// Whether nobody on the way can read what is said.
    pub fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    fn session(&self) -> Option<MutexGuard<'_, Session>> {
        self.tls.as_ref().map(|session| session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a request: its body has all the time again. Answers have not, or one who asks much and reads nearly
    /// nothing would never be given up.
    pub fn begin_request(&self) {
        self.reading.renew();
    }

    /// The user id of the process that connected through a Unix socket, as the system saw it then.
    pub fn peer_id(&self) -> Option<u32> {
        match self.peer {
            Peer::Local => getsockopt(&self.socket, sockopt::PeerCredentials).ok().map(|peer| peer.uid()),
            Peer::Address(_) => None,
        }
    }

    /// Waits until there is something to read, or the end. False when `timeout` passes first.
    pub fn wait_readable(&self, timeout: Duration) -> io::Result<bool> {
        match self.session() {
            None => self.wait(PollFlags::POLLIN, timeout),
            Some(mut session) => self.wait_decrypted(&mut session, timeout),
        }
    }

    /// What comes may be a part of a record, or none of HTTP's.
    fn wait_decrypted(&self, session: &mut Session, timeout: Duration) -> io::Result<bool> {
        let until = Instant::now() + timeout;
        while !session.fill(&mut Wire(self))? {
            let mut left = until.saturating_duration_since(Instant::now());
            left = session.time_left().map_or(left, |keys| keys.min(left));
            let out = if session.holds() { PollFlags::POLLOUT } else { PollFlags::empty() };
            if left.is_zero() || !self.wait(PollFlags::POLLIN | out, left)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Waits until there is room to write. False when `timeout` passes first.
    pub fn wait_writable(&self, timeout: Duration) -> io::Result<bool> {
        self.wait(PollFlags::POLLOUT, timeout)
    }

    /// Waits until there is room to write, as long as there is patience.
    pub fn wait_to_write(&self) -> io::Result<()> {
        self.wait_patiently(PollFlags::POLLOUT, &self.writing)
    }

    fn wait_patiently(&self, what: PollFlags, patience: &Patience) -> io::Result<()> {
        let begun = Instant::now();
        let left = patience.left();
        if left.is_zero() || !self.wait(what, left)? {
            return Err(Error::status(408, "client", "is too slow").into());
        }
        patience.spend(begun.elapsed());
        Ok(())
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
        match self.session() {
            None => self.try_send(block, MsgFlags::empty()),
            Some(mut session) => session.write(&mut Wire(self), self.cut_to_size(block)),
        }
    }

    /// Writes a head that a body follows at once, so that both may share a packet.
    pub fn write_head(&self, mut head: &[u8]) -> io::Result<()> {
        while !head.is_empty() {
            let held = self.session().map(|mut session| session.hold(head)).transpose()?;
            let sent = match held {
                Some(held @ 1..) => held,
                Some(0) => (&mut &*self).write(head)?,
                None => self.send(head, MORE)?,
            };
            head = head.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Moves a part of a file into the socket without copying it through this process, and leaves in `part` what
    /// was not moved. A file that became shorter is an error: the answer must not look whole.
    pub fn send_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        if self.is_secured() {
            return self.encrypt_file(file, part);
        }
        while !part.is_empty() {
            let mut offset = i64::try_from(part.start).map_err(io::Error::other)?;
            let most = (part.end - part.start).min(SENDFILE_MAX).min(self.send_size as u64);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            match sendfile64(&self.socket, file, Some(&mut offset), most) {
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

    /// The same by hand: what is encrypted has to come through this process.
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

    /// Says that nothing more will be written.
    pub fn end_writing(&self) {
        if let Some(mut session) = self.session() {
            session.end(&mut Wire(self));
        }
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

    /// What another thread can cut this connection with, even when this is gone.
    pub fn cutter(&self) -> io::Result<Cutter> {
        self.socket.try_clone().map(Cutter)
    }

    /// Sends some of a block.
    fn send(&self, block: &[u8], flags: MsgFlags) -> io::Result<usize> {
        loop {
            match self.try_send(block, flags)? {
                Some(sent) => return Ok(sent),
                None => self.wait_to_write()?,
            }
        }
    }

    fn cut_to_size<'b>(&self, block: &'b [u8]) -> &'b [u8] {
        block.get(..self.send_size).unwrap_or(block)
    }

    fn try_send(&self, block: &[u8], flags: MsgFlags) -> io::Result<Option<usize>> {
        let block = self.cut_to_size(block);
        loop {
            match send(self.socket.as_raw_fd(), block, flags | MsgFlags::MSG_NOSIGNAL) {
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

    fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match nix::unistd::read(&self.socket, &mut *buffer) {
                Ok(read) => {
                    self.reading.earn(read);
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
        self.writing.earn(bytes);
        self.traffic.sent.inc_by(bytes as u64);
    }
}

/// A second handle on a connected socket.
pub struct Cutter(OwnedFd);

impl Cutter {
    /// See [`Stream::cut`].
    pub fn cut(&self) {
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Both);
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match self.session() {
                None => self.try_receive(buffer)?,
                Some(mut session) => session.read(&mut Wire(self), buffer)?,
            };
            match read {
                Some(read) => return Ok(read),
                None => self.wait_patiently(PollFlags::POLLIN, &self.reading)?,
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
            self.wait_to_write()?;
        }
    }

    /// Waits until all that TLS holds has gone.
    fn flush(&mut self) -> io::Result<()> {
        while let Some(mut session) = self.session() {
            if session.flush(&mut Wire(self))? {
                break;
            }
            drop(session);
            self.wait_to_write()?;
        }
        Ok(())
    }
}

/// The socket below TLS: what cannot be done at once would block.
struct Wire<'a>(&'a Stream);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_receive(buffer)?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.0.try_send(block, MsgFlags::empty())?.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shorter() -> io::Error {
    Error::cut("file", "became shorter while it was sent").into()
}
