//! Cancels what a client does, from another thread: its connection is cut, and every later request fails. Whoever
//! cancels decides what becomes of the client; it does not know signals.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::client::conn::connect::{ClientSocket, Shutdown};
use crate::error::{Error, Result};

/// The way to cancel the requests of one client. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<Mutex<CancellationState>>);

#[derive(Debug, Default)]
struct CancellationState {
    is_cancelled: bool,
    /// The connection in use, which this does not keep open.
    connection: Option<Weak<dyn Shutdown>>,
}

impl Cancellation {
    /// Cuts the connection in use, and makes every later request fail.
    pub fn cancel(&self) {
        let mut state = self.0.lock();
        state.is_cancelled = true;
        if let Some(connection) = state.connection.take().and_then(|connection| connection.upgrade()) {
            connection.shut_down();
        }
    }

    /// Returns whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().is_cancelled
    }

    /// Makes an error if it was cancelled.
    pub fn refuse_cancelled(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(Error::interrupted("request", "was cancelled")),
            false => Ok(()),
        }
    }

    /// Notes the connection that the next request uses. An error if it was cancelled.
    pub(crate) fn watch(&self, socket: &ClientSocket) -> Result<()> {
        self.0.lock().connection = Some(socket.shutdown());
        self.refuse_cancelled()
    }
}
