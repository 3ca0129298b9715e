//! A TCP address that belongs to one sandbox as long as it lives, also while its daemon does not run: the system gives a
//! port that a socket is bound to neither to a listener that asks for any nor to an outgoing connection. A listener that asks
//! for this one gets it, since both allow the reuse (`SO_REUSEADDR`) and this one does not listen.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, setsockopt, socket, sockopt,
};

/// An address of the loopback interface.
pub struct Address {
    /// The address and the port.
    pub shown: String,
    // Open as long as the port is kept.
    _socket: OwnedFd,
}

impl Address {
    /// Keeps a port that the system chooses.
    pub fn any() -> Self {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        setsockopt(&socket, sockopt::ReuseAddr, &true).unwrap();
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
        let address: SockaddrIn = getsockname(socket.as_raw_fd()).unwrap();
        Address { shown: address.to_string(), _socket: socket }
    }
}
