//! A program at a real pseudo-terminal, and a person who waits for each prompt before typing.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc::SYS_openat;
use nix::pty::openpty;
use nix::sys::signal::Signal;
use rustix::termios::{Winsize, tcsetwinsize};

use super::{HANG, Sandbox};

/// A program at a terminal.
pub struct Terminal {
    child: Child,
    keys: File,
    screen: Receiver<Vec<u8>>,
    shown: String,
}

impl Terminal {
    pub fn start(sandbox: &Sandbox, program: &str, args: &[&str]) -> Self {
        let pty = openpty(None, None).unwrap();
        // Only this process is the terminal: when it lets go, the program sees it hang up.
        fcntl(&pty.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        let side = || Stdio::from(pty.slave.try_clone().unwrap());
        let mut command = sandbox.command(program);
        command.args(args).env("TERM", "xterm").stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().unwrap();
        let keys = File::from(pty.master);
        let mut output = keys.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut block = [0; 4096];
            // The last program that closes a terminal makes reading it an error.
            while let Ok(read @ 1..) = output.read(&mut block) {
                if sender.send(block[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Terminal { child, keys, screen, shown: String::new() }
    }

    /// Waits until this is shown; what came before it is gone then.
    pub fn expect(&mut self, text: &str) -> &mut Self {
        self.before(text);
        self
    }

    /// The same, and tells what came before it.
    pub fn before(&mut self, text: &str) -> String {
        while !self.shown.contains(text) {
            let more = self.screen.recv_timeout(HANG);
            let more = more.unwrap_or_else(|_| panic!("{text:?} never came after {:?}", self.shown));
            self.shown += &String::from_utf8_lossy(&more);
        }
        let start = self.shown.find(text).unwrap();
        let before = self.shown.drain(..start).collect();
        self.shown.drain(..text.len());
        before
    }

    /// Waits until no program has the terminal any more, and tells what came until then.
    pub fn rest(mut self) -> String {
        while let Ok(more) = self.screen.recv_timeout(HANG) {
            self.shown += &String::from_utf8_lossy(&more);
        }
        self.child.wait().unwrap();
        self.shown
    }

    /// Types.
    pub fn press(&mut self, keys: impl AsRef<[u8]>) -> &mut Self {
        self.keys.write_all(keys.as_ref()).unwrap();
        self
    }

    /// Gives it another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keys, size).unwrap();
    }

    /// Waits until so many threads of the program are in open(2).
    pub fn wait_in_open(&self, count: usize) {
        let tasks = format!("/proc/{}/task", self.child.id());
        let open = format!("{SYS_openat} ");
        let is_in_open = |task: &fs::DirEntry| {
            fs::read_to_string(task.path().join("syscall")).is_ok_and(|call| call.starts_with(&open))
        };
        while fs::read_dir(&tasks).unwrap().filter_map(Result::ok).filter(is_in_open).count() < count {
            thread::yield_now();
        }
    }

    /// Waits for the end, and tells how it came and what was shown before it.
    pub fn finish(mut self) -> (ExitStatus, String) {
        while let Ok(more) = self.screen.recv_timeout(HANG) {
            self.shown += &String::from_utf8_lossy(&more);
        }
        (self.child.wait().unwrap(), self.shown)
    }

    /// Waits for the end, and tells the exit code.
    pub fn end(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

/// Stops the daemon, and waits until none of its threads runs: the signal reaches them one after the other.
pub fn stop(sandbox: &Sandbox) {
    sandbox.signal(Signal::SIGSTOP);
    let is_stopped = |task: std::io::Result<fs::DirEntry>| {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().starts_with('T') || rest.is_empty())
    };
    let tasks = format!("/proc/{}/task", sandbox.pid());
    while !fs::read_dir(&tasks).unwrap().all(is_stopped) {
        thread::yield_now();
    }
}
