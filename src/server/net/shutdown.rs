//! A second handle on a connected socket, by which another thread shuts the connection down.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{Shutdown, shutdown};

/// A duplicate descriptor that shuts down a connection whose response has not begun.
pub struct ShutdownHandle(OwnedFd);

impl ShutdownHandle {
    /// A handle with this duplicate of a socket, which may outlive the connection.
    pub fn new(socket: OwnedFd) -> Self {
        ShutdownHandle(socket)
    }

    /// Shuts down both directions: reads and writes of the connection's thread fail.
    pub fn shutdown(&self) {
        // The peer may have disconnected; ignore the error.
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Both);
    }
}
