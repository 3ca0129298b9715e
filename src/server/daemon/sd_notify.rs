//! Notifications to the service manager (sd_notify(3)): ready, reloading, stopping, watchdog. Without a service
//! manager they do nothing.

use std::sync::Arc;
use std::thread;

use sd_notify::NotifyState;

use crate::error::Result;
use crate::server::shared::{Server, threads};

/// Notifies that connections are accepted.
pub fn ready(status: &str) {
    send(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Notifies that a reload begins. The service manager matches the reload by the time (`Type=notify-reload`).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send(&[NotifyState::Reloading, now]),
        Err(_) => send(&[NotifyState::Reloading]),
    }
}

/// Notifies that no more connections are accepted.
pub fn stopping() {
    send(&[NotifyState::Stopping, NotifyState::Status("finishing what runs")]);
}

/// Starts the watchdog thread, which sends the status twice in each time-out. A deadlock blocks the status, and so the
/// notification.
pub fn start_watchdog(server: &Arc<Server>) -> Result<()> {
    let Some(within) = sd_notify::watchdog_enabled() else { return Ok(()) };
    let server = Arc::clone(server);
    threads::start("watchdog", move || {
        loop {
            send(&[NotifyState::Watchdog, NotifyState::Status(&server.status())]);
            thread::park_timeout(within / 2);
        }
    })
}

fn send(states: &[NotifyState<'_>]) {
    // Errors are ignored: the service manager may have exited.
    let _ = sd_notify::notify(states);
}
