//! Connections: a socket to a server, TCP with TLS or without, or Unix, that a sending thread and a reading one share. It knows no
//! byte of HTTP.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{setsockopt, sockopt};

use super::tls::{Secured, Trust};
use super::url::{Address, Url};
use crate::error::{Error, Result};

/// How long one address may take to accept: longer than three lost packets.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// After how many silent seconds the system asks whether the peer is still there, and how often.
const PROBE_SECONDS: u32 = 30;
/// What is read from the wire at once, in bytes.
const BLOCK: usize = 64 * 1024;

/// A socket that may be read and written at the same time.
#[derive(Clone, Debug)]
pub enum Socket {
    /// TCP.
    Tcp(Arc<TcpStream>),
    /// TCP with TLS.
    Tls(Arc<Secured>),
    /// A Unix socket.
    Unix(Arc<UnixStream>),
}

impl Socket {
    /// Cuts the connection for both threads.
    pub fn cut(&self) {
        // A socket that is not connected any more is what was wanted.
        let _ = match self {
            Socket::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Socket::Tls(socket) => socket.tcp.shutdown(Shutdown::Both),
            Socket::Unix(socket) => socket.shutdown(Shutdown::Both),
        };
    }

    /// Whether the server is on this machine.
    pub fn is_near(&self) -> bool {
        let tcp = match self {
            Socket::Tcp(socket) => socket,
            Socket::Tls(socket) => &socket.tcp,
            Socket::Unix(_) => return true,
        };
        tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Whether the server has neither closed it nor said something since it was read last.
    fn is_quiet(&self) -> bool {
        if let Socket::Tls(socket) = self {
            return socket.is_quiet();
        }
        poll(&mut [PollFd::new(self.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO) == Ok(0)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(socket) => socket.as_fd(),
            Socket::Tls(socket) => socket.tcp.as_fd(),
            Socket::Unix(socket) => socket.as_fd(),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&**socket).read(out),
            Socket::Tls(socket) => socket.read(out),
            Socket::Unix(socket) => (&**socket).read(out),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => (&**socket).write(block),
            Socket::Tls(socket) => socket.write(block),
            Socket::Unix(socket) => (&**socket).write(block),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A connection to a server between two calls, or in the middle of one.
#[derive(Debug)]
pub struct Connection {
    /// What comes from the server.
    pub input: BufReader<Socket>,
}

impl Connection {
    /// Connects to a server. The error names it.
    pub fn open(url: &Url, trust: &Trust) -> Result<Self> {
        let socket = match &url.address {
            Address::Tcp { host, port } => {
                connect_tcp(host, *port).map(|socket| Socket::Tcp(Arc::new(socket)))
            }
            Address::Tls { host, port } => match connect_tcp(host, *port) {
                Ok(socket) => Ok(Socket::Tls(Arc::new(Secured::open(socket, host, trust)?))),
                Err(wrong) => Err(wrong),
            },
            Address::Unix(path) => UnixStream::connect(path).map(|socket| Socket::Unix(Arc::new(socket))),
        };
        match socket {
            Ok(socket) => Ok(Connection { input: BufReader::with_capacity(BLOCK, socket) }),
            // Whatever the reason is, the server is not there now: a missing socket file is no missing operand.
            Err(wrong) => {
                let said = Error::io("", wrong).to_string();
                Err(Error::cut(&url.shown, said.trim_start_matches([':', ' '])))
            }
        }
    }

    /// The socket, for sending.
    pub fn socket(&self) -> &Socket {
        self.input.get_ref()
    }

    /// Whether what comes from the server is a record of TLS, an alert mostly, on a connection without it (RFC 8446 §5.1).
    /// Waits for its first bytes.
    pub fn begins_with_tls(&mut self) -> bool {
        let is_plain = matches!(self.socket(), Socket::Tcp(_));
        is_plain && self.input.fill_buf().is_ok_and(|block| matches!(block, [0x14..=0x17, 0x03, ..]))
    }

    /// Whether a kept connection may carry another call: a server that has closed it, or has said something
    /// unasked, is done with it.
    pub fn is_fresh(&self) -> bool {
        self.input.buffer().is_empty() && self.socket().is_quiet()
    }
}

fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                setsockopt(&socket, sockopt::KeepAlive, &true)?;
                setsockopt(&socket, sockopt::TcpKeepIdle, &PROBE_SECONDS)?;
                setsockopt(&socket, sockopt::TcpKeepInterval, &PROBE_SECONDS)?;
                return Ok(socket);
            }
            Err(wrong) => last = wrong,
        }
    }
    Err(last)
}
