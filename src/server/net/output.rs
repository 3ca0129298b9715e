//! Writing to a connection, with TLS or without: writes that wait as long as the stall timer allows, a non-blocking
//! write, and sendfile(2), which copies a file to the socket without passing this process.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::sys::sendfile::sendfile64;
use nix::sys::socket::{MsgFlags, send};

use crate::server::limits::ABORT_CHECK_INTERVAL;
use crate::server::net::socket::wait_within;
use crate::server::net::{Socket, Stream};

/// More data follows (send(2)); nix does not define the flag.
const MORE: MsgFlags = MsgFlags::from_bits_retain(nix::libc::MSG_MORE);
/// Neither a wait nor a signal.
const NO_WAIT: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);
/// The most bytes of one call: large enough to make the cost of the call negligible, small enough that a shutdown is
/// noticed between two.
const SENDFILE_MAX: u64 = 4 << 20;

impl Stream {
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
            let encrypted = self.session().map(|mut session| session.encrypt(head)).transpose()?;
            let sent = match encrypted {
                Some(taken @ 1..) => taken,
                Some(0) => (&mut &*self).write(head)?,
                None => self.socket.try_send(head, MORE)?.unwrap_or_default(),
            };
            if sent == 0 {
                self.socket.wait_to_write()?;
            }
            head = head.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends a range of a file with sendfile(2), and leaves in `part` what was not sent. A truncated file is an
    /// error: the response must not look complete. Not for TLS, which encrypts in this process.
    pub fn send_file(&self, file: &File, part: &mut Range<u64>) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        while !part.is_empty() {
            self.socket.check_not_aborted()?;
            let mut offset = i64::try_from(part.start).map_err(io::Error::other)?;
            let most = (part.end - part.start).min(SENDFILE_MAX).min(self.socket.send_size as u64);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            match sendfile64(&self.socket, file, Some(&mut offset), most) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(sent) => {
                    self.socket.count_sent(sent);
                    part.start += sent as u64;
                }
                Err(Errno::EAGAIN) => self.socket.wait_to_write()?,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
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

impl Socket {
    /// Waits until the socket is writable, as long as the stall timer allows. An abort ends the wait: this is polled,
    /// since a shutdown of the writing side, which would wake this thread, would tell the peer that the response is
    /// complete.
    pub fn wait_to_write(&self) -> io::Result<()> {
        wait_within(&self.write_timer, |mut left| {
            loop {
                self.check_not_aborted()?;
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

    /// Waits until the socket is writable, as long as the stall timer allows and at most `most`.
    pub fn wait_to_write_for(&self, most: Duration) -> io::Result<()> {
        wait_within(&self.write_timer, |left| {
            self.check_not_aborted()?;
            Ok(self.wait(PollFlags::POLLOUT, left.min(most))? || most < left)
        })
    }

    /// Returns the part of a block that one write may take.
    fn limit_to_send_size<'b>(&self, block: &'b [u8]) -> &'b [u8] {
        block.get(..self.send_size).unwrap_or(block)
    }

    /// Sends what fits into the socket buffer; `None` where nothing does.
    pub(super) fn try_send(&self, block: &[u8], flags: MsgFlags) -> io::Result<Option<usize>> {
        let block = self.limit_to_send_size(block);
        self.check_not_aborted()?;
        loop {
            match send(self.descriptor.as_raw_fd(), block, flags | NO_WAIT) {
                Ok(sent) => {
                    self.count_sent(sent);
                    return Ok(Some(sent));
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Counts bytes that were sent, and credits them to the stall timer.
    fn count_sent(&self, bytes: usize) {
        self.write_timer.credit(bytes);
        self.traffic.sent.inc_by(bytes as u64);
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
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
