//! Resolves the host of a server, and connects to one of its addresses before a deadline.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use nix::sys::socket::{setsockopt, sockopt};

use crate::tcp_options::set_tcp_options;

/// TCP keepalive: after how many idle seconds the system probes the peer, and how often.
const PROBE_SECONDS: u32 = 30;

/// Tries one address after another; each has its share of the time left.
pub(super) fn connect_tcp(host: &str, port: u16, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let addresses = look_up(host, port, until)?;
    for (at, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - at).unwrap_or(1);
        let share = until.saturating_duration_since(Instant::now()) / others;
        if share.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(socket) => {
                setsockopt(&socket, sockopt::KeepAlive, &true)?;
                setsockopt(&socket, sockopt::TcpKeepIdle, &PROBE_SECONDS)?;
                setsockopt(&socket, sockopt::TcpKeepInterval, &PROBE_SECONDS)?;
                set_tcp_options(&socket, address.ip())?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Resolves a host name, which may block for any time: a thread of its own waits for it.
fn look_up(host: &str, port: u16, until: Instant) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (told, found) = mpsc::channel();
    let host = host.to_owned();
    thread::Builder::new().spawn(move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        // The caller may have timed out meanwhile.
        let _ = told.send(addresses);
    })?;
    let left = until.saturating_duration_since(Instant::now());
    found.recv_timeout(left).unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use nix::sys::socket::getsockopt;

    use super::*;
    use crate::tcp_options::{LOOPBACK_CONGESTION, UNSENT_MAX, UnsentMax};

    #[test]
    fn a_connection_has_its_options() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, until) = (server.local_addr().unwrap().port(), Instant::now() + Duration::from_secs(60));
        for host in ["127.0.0.1", "localhost", "::ffff:127.0.0.1"] {
            let socket = connect_tcp(host, port, until).unwrap();
            assert!(socket.nodelay().unwrap());
            assert_eq!(getsockopt(&socket, sockopt::TcpKeepIdle).unwrap(), PROBE_SECONDS);
            assert_eq!(getsockopt(&socket, UnsentMax).unwrap(), UNSENT_MAX);
            assert_eq!(getsockopt(&socket, sockopt::TcpCongestion).unwrap(), LOOPBACK_CONGESTION, "{host}");
        }
    }
}
