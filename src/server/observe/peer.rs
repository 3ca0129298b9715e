//! The peer of a connection, and the networks by which peers are counted.

use std::net::{IpAddr, SocketAddr};

/// The bits of an IPv6 address that name one machine's network.
pub const NETWORK_BITS: u32 = 64;
/// The bits of an IPv6 address that name the networks of one customer.
pub const PREFIX_BITS: u32 = 48;

/// The peer of a connection.
#[derive(Clone, Debug)]
pub enum Peer {
    /// An address on a network.
    Address(SocketAddr),
    /// A process on this machine, through a Unix socket.
    Local,
}

impl Peer {
    /// Returns the address without its port, as a log names it.
    pub fn shown(&self) -> String {
        match self {
            Peer::Address(address) => address.ip().to_string(),
            Peer::Local => "local".to_owned(),
        }
    }
}

/// Returns the network of an address: the first `bits` of an IPv6 address, an IPv4 address as it is.
pub fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !(u128::MAX >> bits)).into()),
        v4 => v4,
    }
}
