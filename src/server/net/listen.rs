//! Listening sockets, TCP and Unix: bound, or handed over by systemd, and the connections they accept.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{Backlog, listen};

use crate::error::{Error, Result};
use crate::server::net::ListenAddress;
use crate::server::net::unix_socket::{self, SocketFile};
use crate::server::observe::Peer;
use crate::tcp_options::set_tcp_options;

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListeningSocket,
    /// The URL by which a client connects to it.
    pub url: String,
    /// The file of a Unix socket that this process created.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Binds an address. On TCP, `tls` tells whether clients must use TLS.
    pub fn bind(address: &ListenAddress, tls: bool) -> Result<Self> {
        match address {
            ListenAddress::Tcp(address) => {
                let named = |error| Error::io(address.to_string(), error);
                let listener = TcpListener::bind(address).map_err(named)?;
                // `std` sets a backlog of 128 connections; further clients would wait a second for the retransmission
                // of their SYN.
                listen(&listener, Backlog::MAXALLOWABLE).map_err(|error| named(error.into()))?;
                Listener::of_tcp(listener, tls).map_err(named)
            }
            ListenAddress::Unix { path, mode, group } => {
                let (listener, file) = unix_socket::bind(path, *mode, group.as_deref())?;
                let listener = Listener::of_unix(listener);
                let listener =
                    listener.map_err(|error| Error::io(path.as_os_str().as_encoded_bytes(), error))?;
                Ok(Listener { _file: Some(file), ..listener })
            }
        }
    }

    /// Wraps a bound TCP socket.
    pub fn of_tcp(listener: TcpListener, tls: bool) -> io::Result<Self> {
        // Another process may take a connection between the poll and the accept.
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        // The connections inherit them.
        set_tcp_options(&listener, address.ip())?;
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://{address}");
        Ok(Listener { socket: ListeningSocket::Tcp(listener), url, _file: None })
    }

    /// Wraps a bound Unix socket, and does not remove its file.
    pub fn of_unix(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let url = format!("unix:{}", address.as_pathname().unwrap_or(Path::new("")).display());
        Ok(Listener { socket: ListeningSocket::Unix(listener), url, _file: None })
    }

    /// Waits for a connection. `None` when `stop` becomes readable.
    pub fn accept(&self, stop: impl AsFd) -> io::Result<Option<(OwnedFd, Peer)>> {
        let socket = match &self.socket {
            ListeningSocket::Tcp(listener) => listener.as_fd(),
            ListeningSocket::Unix(listener) => listener.as_fd(),
        };
        let mut fds = [PollFd::new(socket, PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => return Err(io::ErrorKind::Interrupted.into()),
            ready => ready?,
        };
        if fds.get(1).and_then(PollFd::any) == Some(true) {
            return Ok(None);
        }
        let accepted = match &self.socket {
            ListeningSocket::Tcp(listener) => {
                listener.accept().map(|(stream, address)| (stream.into(), Peer::Address(address)))
            }
            ListeningSocket::Unix(listener) => {
                listener.accept().map(|(stream, _)| (stream.into(), Peer::Local))
            }
        };
        accepted.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpStream;
    use std::path::PathBuf;

    use nix::sys::socket::{getsockopt, sockopt};

    use super::*;
    use crate::error::ErrorKind;
    use crate::tcp_options::{LOOPBACK_CONGESTION, UNSENT_MAX, UnsentMax};

    fn unix(path: PathBuf, mode: Option<u32>) -> ListenAddress {
        ListenAddress::Unix { path, mode, group: None }
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let address = unix(path.clone(), Some(0o600));
        let live = Listener::bind(&address, false).unwrap();
        assert!(Listener::bind(&address, false).is_err());
        drop(live);
        assert!(!path.exists());
    }

    #[test]
    fn a_connection_inherits_the_options_and_the_system_chooses_the_congestion_control_of_a_network() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let of_system = getsockopt(&other, sockopt::TcpCongestion).unwrap();
        for (address, congestion) in [("127.0.0.1:0", LOOPBACK_CONGESTION.into()), ("0.0.0.0:0", of_system)] {
            let listener = Listener::bind(&ListenAddress::Tcp(address.parse().unwrap()), false).unwrap();
            let ListeningSocket::Tcp(socket) = &listener.socket else { panic!() };
            let port = socket.local_addr().unwrap().port();
            let _client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let (stop, _other) = io::pipe().unwrap();
            let (connection, _) = listener.accept(stop).unwrap().unwrap();
            assert!(getsockopt(&connection, sockopt::TcpNoDelay).unwrap());
            assert_eq!(getsockopt(&connection, UnsentMax).unwrap(), UNSENT_MAX);
            assert_eq!(getsockopt(&connection, sockopt::TcpCongestion).unwrap(), congestion, "{address}");
        }
    }

    #[test]
    fn what_is_no_socket_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let address = unix(path.clone(), None);
        fs::write(&path, "notes").unwrap();
        let said = format!("{}: exists and is not a socket", path.display());
        assert_eq!(Listener::bind(&address, false).unwrap_err().to_string(), said);
        assert_eq!(address.check().unwrap_err().to_string(), said);
        let long = unix(folder.path().join("s".repeat(108)), None);
        assert_eq!(Listener::bind(&long, false).unwrap_err().kind(), ErrorKind::NameTooLong);
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
        fs::remove_file(&path).unwrap();
        // A path that another process has bound since is not removed.
        let ours = Listener::bind(&address, false).unwrap();
        fs::rename(&path, folder.path().join("t")).unwrap();
        fs::write(&path, "notes").unwrap();
        drop(ours);
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
    }
}
