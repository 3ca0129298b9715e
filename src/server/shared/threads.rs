//! Starts threads that run as long as the daemon.

use std::thread;

use crate::error::{Error, Result};

/// Starts a thread with this name, which `ps -L` shows. An error where the system has no thread left.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop).map_err(|error| Error::io("a thread", error))
}
