//! What a signal asks for: an end, or a new look at the files an admin may have changed.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{End, Server};
use crate::error::{Error, Result};

/// Has TERM and INT end the daemon, HUP reload what can be.
pub fn watch(server: &Arc<Server>, ends: Sender<End>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(|wrong| Error::io("signals", wrong))?;
    let server = Arc::clone(server);
    thread::spawn(move || {
        for signal in signals.forever().filter_map(|number| Signal::try_from(number).ok()) {
            match signal {
                Signal::SIGHUP => server.reload(),
                // The daemon has ended when nobody hears this.
                ending => drop(ends.send(End::Signal(ending))),
            }
        }
    });
    Ok(())
}
