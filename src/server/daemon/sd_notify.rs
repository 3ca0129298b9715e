//! What whoever started the daemon is told of its life (sd_notify(3)): ready, reloading, stopping, and that it still
//! runs. Where nobody asked nothing is said, and where nobody hears it nothing is lost.

use std::sync::Arc;
use std::thread;

use sd_notify::NotifyState;

use crate::error::Result;
use crate::server::shared::state::Server;
use crate::server::shared::threads;

/// It takes connections.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// It takes up what has changed, and will be ready again. The time is what `Type=notify-reload` knows the reload by.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// It takes no more connections.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what runs")]);
}

/// Tells twice in the time a supervisor waits that the daemon runs, and what goes on: who holds a lock for ever
/// keeps the status back, and so the sign of life.
pub fn keep_telling(server: &Arc<Server>) -> Result<()> {
    let Some(within) = sd_notify::watchdog_enabled() else { return Ok(()) };
    let server = Arc::clone(server);
    threads::start("watchdog", move || {
        loop {
            tell(&[NotifyState::Watchdog, NotifyState::Status(&server.status())]);
            thread::park_timeout(within / 2);
        }
    })
}

fn tell(states: &[NotifyState<'_>]) {
    // A supervisor that is gone is no reason to stop.
    let _ = sd_notify::notify(states);
}
