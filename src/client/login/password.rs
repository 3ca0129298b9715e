//! Asks for a password on the terminal, whatever stdin and stdout are, with echo switched off. It does not know user or
//! server.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, tcgetpgrp};

use crate::client::progress::display::aside;

/// The signals that would leave the terminal without echo.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// Asks on the terminal, and reads a line. `None` if there is no terminal, or another program is in its foreground.
pub fn ask(question: &str) -> io::Result<Option<Vec<u8>>> {
    let Ok(terminal) = File::options().read(true).write(true).open("/dev/tty") else { return Ok(None) };
    if tcgetpgrp(&terminal) != Ok(getpgrp()) {
        return Ok(None);
    }
    aside(|| {
        let silent = Silent::new(&terminal)?;
        (&terminal).write_all(question.as_bytes())?;
        let line = read_line(&terminal, &silent);
        // The typed line end was not echoed either.
        (&terminal).write_all(b"\n")?;
        line
    })
}

/// A terminal with echo switched off and signals blocked; both are restored on drop.
struct Silent<'a> {
    terminal: &'a File,
    before: Termios,
    mask: SigSet,
    signals: SignalFd,
}

impl<'a> Silent<'a> {
    fn new(terminal: &'a File) -> nix::Result<Self> {
        let before = tcgetattr(terminal)?;
        let (ending, mut mask) = (SigSet::from_iter(ENDING), SigSet::empty());
        let signals = SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC)?;
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&ending), Some(&mut mask))?;
        let silent = Silent { terminal, before, mask, signals };
        let mut without = silent.before.clone();
        without.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &without)?;
        Ok(silent)
    }
}

impl Drop for Silent<'_> {
    fn drop(&mut self) {
        // Restore the terminal first: a pending signal ends the program in the next step. Errors of either cannot be
        // handled.
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.mask), None);
    }
}

/// Returns a line without its end; `None` at EOF, or if a signal came first.
fn read_line(mut terminal: &File, silent: &Silent<'_>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut block = [0; 256];
    loop {
        let mut fds = [
            PollFd::new(terminal.as_fd(), PollFlags::POLLIN),
            PollFd::new(silent.signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            ready => ready?,
        };
        if fds.get(1).and_then(PollFd::any) == Some(true) {
            return Ok(None);
        }
        let read = terminal.read(&mut block)?;
        line.extend_from_slice(block.get(..read).unwrap_or_default());
        match line.strip_suffix(b"\n") {
            Some(whole) => return Ok(Some(whole.to_vec())),
            None if read == 0 => return Ok(None),
            None => {}
        }
    }
}
