//! Connections to a server over TCP, TLS or a Unix socket, which a sending and a reading thread share. It does not know
//! HTTP.

use std::io::{self, BufRead, IoSlice, Read, Write};
use std::net::{self, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::linger;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::client::conn::addresses::connect_tcp;
use crate::client::conn::rate_limit::RateLimit;
use crate::client::conn::silence::{Silence, Timeouts, is_readable, is_ready};
use crate::client::conn::tls::{TlsStream, Trust};
use crate::client::conn::url::{Endpoint, Url};
use crate::error::{Error, Result};
use crate::io_block::BlockReader;

/// The size of a read, in bytes.
const BLOCK: usize = 128 * 1024;

/// A socket that may be read and written at the same time.
#[derive(Clone, Debug)]
pub struct ClientSocket {
    transport: Transport,
    /// The timeout of the server on it.
    pub silence: Arc<Silence>,
    /// The limit on its rate.
    limit: Option<Arc<RateLimit>>,
}

/// The transport.
#[derive(Clone, Debug)]
enum Transport {
    Tcp(Arc<TcpStream>),
    /// TCP with TLS.
    Tls(Arc<TlsStream>),
    /// A Unix socket.
    Unix(Arc<UnixStream>),
}

/// A connection that can be shut down, whatever its transport.
pub trait Shutdown: std::fmt::Debug + Send + Sync {
    /// Shuts it down for all threads. One that is not connected any more needs no shutdown.
    fn shut_down(&self);
}

impl Shutdown for TcpStream {
    fn shut_down(&self) {
        let _ = self.shutdown(net::Shutdown::Both);
    }
}

impl Shutdown for TlsStream {
    fn shut_down(&self) {
        self.tcp.shut_down();
    }
}

impl Shutdown for UnixStream {
    fn shut_down(&self) {
        let _ = self.shutdown(net::Shutdown::Both);
    }
}

impl ClientSocket {
    /// Shuts the connection down for both threads.
    pub fn shut_down(&self) {
        match &self.transport {
            Transport::Tcp(socket) => socket.shut_down(),
            Transport::Tls(socket) => socket.shut_down(),
            Transport::Unix(socket) => socket.shut_down(),
        }
    }

    /// Returns what shuts the connection down, and does not keep it open.
    pub fn shutdown(&self) -> Weak<dyn Shutdown> {
        match &self.transport {
            Transport::Tcp(socket) => Arc::downgrade(socket) as Weak<dyn Shutdown>,
            Transport::Tls(socket) => Arc::downgrade(socket) as Weak<dyn Shutdown>,
            Transport::Unix(socket) => Arc::downgrade(socket) as Weak<dyn Shutdown>,
        }
    }

    /// Sets whether a close resets the connection, also one by the end of this process: the server then stops at once. Has no
    /// effect on a Unix socket, whose close ends both directions.
    pub fn close_with_reset(&self, resets: bool) {
        let tcp = match &self.transport {
            Transport::Tcp(socket) => socket,
            Transport::Tls(socket) => &socket.tcp,
            Transport::Unix(_) => return,
        };
        let linger = linger { l_onoff: resets.into(), l_linger: 0 };
        // Without it the server stops when it next sends something.
        let _ = setsockopt(tcp, sockopt::Linger, &linger);
    }

    /// Returns whether the server is on this machine.
    pub fn is_on_this_machine(&self) -> bool {
        let tcp = match &self.transport {
            Transport::Tcp(socket) => socket,
            Transport::Tls(socket) => &socket.tcp,
            Transport::Unix(_) => return true,
        };
        tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Returns whether the server has neither closed the connection nor sent anything since the last read.
    fn is_quiet(&self) -> bool {
        if let Transport::Tls(socket) = &self.transport {
            return socket.is_quiet();
        }
        !is_ready(self)
    }

    /// Waits for the next byte of the server, up to its timeout.
    fn wait_readable(&self) -> io::Result<()> {
        let since = Instant::now();
        while !is_readable(self, self.silence.left(since)?) {}
        Ok(())
    }
}

impl AsFd for ClientSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.transport {
            Transport::Tcp(socket) => socket.as_fd(),
            Transport::Tls(socket) => socket.tcp.as_fd(),
            Transport::Unix(socket) => socket.as_fd(),
        }
    }
}

impl ClientSocket {
    /// Reads or writes with `act` as many of these bytes as its limit allows at once, and waits as long as they take.
    fn limited(
        &mut self,
        most: usize,
        act: impl FnOnce(&mut Self, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let Some(limit) = self.limit.clone() else { return act(self, most) };
        act(self, most.min(limit.portion())).inspect(|bytes| limit.count(*bytes))
    }

    fn receive(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Transport::Tls(socket) = &self.transport {
            return socket.read(out, &|| self.wait_readable());
        }
        loop {
            match recv(self.as_fd().as_raw_fd(), out, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EAGAIN) => self.wait_readable()?,
                received => return Ok(received?),
            }
        }
    }

    /// Returns whether it writes several slices at once: TLS encrypts one after another, and a limited rate is counted by
    /// the block.
    pub fn is_vectored(&self) -> bool {
        self.limit.is_none() && !matches!(self.transport, Transport::Tls(_))
    }

    fn transmit(&mut self, block: &[u8]) -> io::Result<usize> {
        self.unless_stalled(match &self.transport {
            Transport::Tcp(socket) => (&**socket).write(block),
            Transport::Tls(socket) => socket.write(block),
            Transport::Unix(socket) => (&**socket).write(block),
        })
    }

    fn unless_stalled(&self, written: io::Result<usize>) -> io::Result<usize> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(self.silence.stall()),
            written => written,
        }
    }
}

impl Read for ClientSocket {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.limited(out.len(), |socket, most| socket.receive(out.get_mut(..most).unwrap_or_default()))
    }
}

impl Write for ClientSocket {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.limited(block.len(), |socket, most| socket.transmit(block.get(..most).unwrap_or_default()))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (&self.transport, self.is_vectored()) {
            (Transport::Tcp(socket), true) => self.unless_stalled((&**socket).write_vectored(slices)),
            (Transport::Unix(socket), true) => self.unless_stalled((&**socket).write_vectored(slices)),
            _ => self.write(slices.iter().find(|slice| !slice.is_empty()).map_or(&[], |slice| slice)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection to a server, between or during requests.
#[derive(Debug)]
pub struct ServerConnection {
    /// What the server sends.
    pub input: BlockReader<ClientSocket>,
}

impl ServerConnection {
    /// Connects to a server. The error names it.
    pub fn open(url: &Url, trust: &Trust, timeouts: Timeouts) -> Result<Self> {
        let until = Instant::now() + timeouts.connect;
        let transport = match &url.address {
            Endpoint::Tcp { host, port } => {
                connect_tcp(host, *port, until).map(|socket| Transport::Tcp(Arc::new(socket)))
            }
            Endpoint::Tls { host, port } => match connect_tcp(host, *port, until) {
                Ok(socket) => Ok(Transport::Tls(Arc::new(TlsStream::open(socket, url, host, trust, until)?))),
                Err(error) => Err(error),
            },
            Endpoint::Unix(path) => {
                connect_unix(path, timeouts.connect).map(|socket| Transport::Unix(Arc::new(socket)))
            }
        };
        let socket = transport.and_then(|transport| {
            let socket =
                ClientSocket { transport, silence: Arc::new(Silence::new(timeouts.silence)), limit: None };
            setsockopt(&socket, sockopt::SendTimeout, &time_of(timeouts.silence))?;
            Ok(socket)
        });
        match socket {
            Ok(socket) => Ok(ServerConnection { input: BlockReader::new(BLOCK, socket) }),
            Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                let seconds = timeouts.connect.as_secs();
                Err(Error::interrupted(
                    &url.shown,
                    format!("did not accept the connection within {seconds} s (--connect-timeout)"),
                ))
            }
            // Whatever the reason, the server is unavailable: a missing socket file is not a missing operand.
            Err(error) => {
                let said = Error::io("", error).to_string();
                Err(Error::interrupted(&url.shown, said.trim_start_matches([':', ' '])))
            }
        }
    }

    /// Limits the rate of the connection.
    pub(crate) fn limit_rate(&mut self, limit: Option<Arc<RateLimit>>) {
        self.input.get_mut().limit = limit;
    }

    /// Returns the socket, for sending.
    pub fn socket(&self) -> &ClientSocket {
        self.input.get_ref()
    }

    /// Waits for the server's first bytes, and returns whether they are a TLS record, mostly an alert, on a connection
    /// without TLS (RFC 8446 §5.1).
    pub fn begins_with_tls(&mut self) -> io::Result<bool> {
        match self.socket().transport {
            Transport::Tcp(_) => Ok(matches!(self.input.fill_buf()?, [0x14..=0x17, 0x03, ..])),
            _ => Ok(false),
        }
    }

    /// Returns whether a kept connection can carry another request: not if the server has closed it or has sent
    /// anything unrequested.
    pub fn is_fresh(&self) -> bool {
        self.input.buffer().is_empty() && self.socket().is_quiet()
    }
}

/// Connects to a Unix socket: this blocks while the backlog is full, up to the send timeout.
fn connect_unix(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::SendTimeout, &time_of(timeout))?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket.into())
}

fn time_of(duration: Duration) -> TimeVal {
    TimeVal::seconds(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
}
