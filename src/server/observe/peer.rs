//! Who is at the other end of a connection.

use std::net::SocketAddr;

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
