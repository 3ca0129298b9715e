//! Signals: TERM and INT end the daemon, HUP reloads, USR1 logs the status. HUP from a terminal that was closed is a TERM.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::raw::WithRawSiginfo;

use crate::error::{Error, Result};
use crate::server::daemon::command::StopReason;
use crate::server::daemon::sd_notify;
use crate::server::shared::{Server, threads};

/// Signals, with what raised each.
pub type RaisedSignals = SignalsInfo<WithRawSiginfo>;

/// The `si_code` of a signal that the kernel raises (sigaction(2)).
const SI_KERNEL: i32 = 0x80;

/// Reads the config file again; what has changed in it since the start, and what to do about it.
pub type ChangedOptions = Box<dyn Fn() -> Result<Option<String>> + Send>;

/// Catches HUP and USR1, which would kill a daemon that is still starting; they are handled later. SIGXFSZ is caught
/// and ignored, so that a write past `ulimit -f` fails with EFBIG; unlike an ignored signal, a caught one has its
/// default action again in the command.
pub fn catch() -> Result<RaisedSignals> {
    let named = |error| Error::io("signals", error);
    signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map_err(named)?;
    RaisedSignals::new([SIGHUP, SIGUSR1]).map_err(named)
}

/// Starts the threads that handle signals. A reload has a thread of its own: it reads the file system, and TERM must
/// end the daemon even when that hangs.
pub fn watch(
    server: &Arc<Server>,
    mut signals: RaisedSignals,
    ends: Sender<StopReason>,
    changed: ChangedOptions,
) -> Result<()> {
    for ending in [SIGTERM, SIGINT] {
        signals.add_signal(ending).map_err(|error| Error::io("signals", error))?;
    }
    let was_at_terminal = io::stderr().is_terminal();
    let (sender, requests) = channel();
    let (server, reloading) = (Arc::clone(server), Arc::clone(server));
    threads::start("reload", move || keep_reloading(&reloading, &requests, &changed))?;
    threads::start("signals", move || {
        for raised in signals.forever() {
            let Ok(signal) = Signal::try_from(raised.si_signo) else { continue };
            match signal {
                // What has hung up is no terminal any more (`EIO`). A HUP that an administrator sends later reloads.
                Signal::SIGHUP
                    if was_at_terminal && raised.si_code == SI_KERNEL && !io::stderr().is_terminal() =>
                {
                    drop(ends.send(StopReason::Signal(Signal::SIGTERM)));
                }
                Signal::SIGHUP => drop(sender.send(())),
                Signal::SIGUSR1 => server.log.remark(&format!("status: {}", server.status())),
                // The receiver is gone where the daemon is already stopping.
                ending => drop(ends.send(StopReason::Signal(ending))),
            }
        }
    })
}

/// Reloads on each signal, and logs the result; signals that arrive during a reload cause one more.
fn keep_reloading(server: &Server, requests: &Receiver<()>, changed: &ChangedOptions) {
    while requests.recv().is_ok() {
        while requests.try_recv().is_ok() {}
        sd_notify::reloading();
        // The log is reopened whatever is wrong with the files.
        let outcome = server.reopen_log().and_then(|()| {
            let changed = changed()?;
            server.reload().map(|()| changed)
        });
        sd_notify::ready(&server.status());
        match outcome {
            Ok(None) => server.log.remark("reloaded"),
            Ok(Some(changed)) => server.log.alarm(&format!("reloaded; {changed}")),
            Err(error) => server.log.alarm(&format!("nothing was reloaded, all stays as it was: {error}")),
        }
    }
}
