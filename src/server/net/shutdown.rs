//! A second handle on a connected socket, by which another thread shuts the connection down.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{Shutdown, shutdown};

/// A duplicate descriptor, which may outlive the connection: it shuts down a connection whose response has not begun.
pub struct ShutdownHandle(pub(super) OwnedFd);

impl ShutdownHandle {
    /// Shuts down both directions: reads and writes of the connection's thread fail.
    pub fn shutdown(&self) {
        // The peer may have disconnected; ignore the error.
        let _ = shutdown(self.0.as_raw_fd(), Shutdown::Both);
    }
}
