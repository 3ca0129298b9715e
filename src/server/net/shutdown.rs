//! A second handle on a connected socket, with which whoever holds it can end the connection of another thread.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{Shutdown, shutdown};

/// Cuts a connection whose answer has not begun.
pub struct ShutdownHandle(OwnedFd);

impl ShutdownHandle {
    /// Cuts the connection of this socket, even when that is closed by then.
    pub fn new(socket: OwnedFd) -> Self {
        ShutdownHandle(socket)
    }

    /// Ends both directions.
    pub fn shutdown(&self) {
        // An error means that the peer is gone already.
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Both);
    }
}
