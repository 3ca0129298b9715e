//! Cleanup of the store: recovery and removal of temporary files at the start, expiry of abandoned uploads from time
//! to time.

use std::sync::Arc;
use std::thread;

use crate::error::Result;
use crate::server::limits;
use crate::server::shared::{Server, threads};

/// Finishes or undoes the moves that a killed daemon left incomplete, and says what several daemons lack. To be called
/// before requests are served.
pub fn recover(server: &Server) {
    match server.upkeep().find_missing() {
        Ok(missing) => missing.iter().for_each(|what| server.log.alarm(what)),
        Err(error) => server.log.error(&error),
    }
    find_others(server);
    report(server, server.upkeep().recover(), "moves that a daemon left half done were finished or undone");
}

/// Starts the thread that removes temporary files of a dead daemon, then periodically expired uploads.
pub fn start(server: &Arc<Server>) -> Result<()> {
    let server = Arc::clone(server);
    let pause = server.limits.partial_time.min(limits::EXPIRE_EVERY);
    threads::start("cleanup", move || {
        let swept = server.upkeep().sweep();
        report(&server, swept, "temporary files of a daemon that ended were removed");
        loop {
            let expired = server.upkeep().expire();
            report(&server, expired, "expired uploads were removed");
            report(&server, server.gate.expire_locks(), "expired locks were removed");
            thread::sleep(pause);
        }
    })
}

/// Looks for other daemons on the same files.
pub fn find_others(server: &Server) {
    server.upkeep().find_others().iter().for_each(|news| server.log.remark(news));
}

fn report(server: &Server, swept: Result<u64>, what: &str) {
    match swept {
        Ok(0) => {}
        Ok(swept) => server.log.remark(&format!("{swept} {what}")),
        Err(error) => server.log.error(&error),
    }
}
