//! ^C of the terminal, as something to wait for instead of a signal that ends the program.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, Command};
use std::sync::Arc;

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use signal_hook::consts::SIGINT;

use crate::client::output::staged_file;

/// The interrupts of this process.
pub struct Interrupts(SignalFd);

impl Interrupts {
    /// Blocks SIGINT in this thread and those that it starts later.
    pub fn new() -> io::Result<Self> {
        staged_file::survive_interrupts();
        // Where it is not blocked, it does nothing.
        signal_hook::flag::register(SIGINT, Arc::default())?;
        let interrupts = SigSet::from_iter([Signal::SIGINT]);
        interrupts.thread_block()?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        Ok(Interrupts(SignalFd::with_flags(&interrupts, flags)?))
    }

    /// Starts a child process, which ^C ends: it would inherit that SIGINT is blocked.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let interrupts = SigSet::from_iter([Signal::SIGINT]);
        interrupts.thread_unblock()?;
        let child = command.spawn();
        interrupts.thread_block()?;
        child
    }

    /// Returns whether there was one, and forgets it.
    pub fn take(&self) -> bool {
        matches!(self.0.read_signal(), Ok(Some(_)))
    }
}

impl AsFd for Interrupts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
