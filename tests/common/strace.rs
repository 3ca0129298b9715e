//! strace on a running daemon: what it asks of the system, and lies in the system's answers. The daemon is healed
//! when it is dropped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Sandbox;

/// A strace that is attached.
pub struct Strace {
    child: Child,
    trace: PathBuf,
    // strace must not find its standard error closed.
    _stderr: BufReader<ChildStderr>,
}

impl Strace {
    /// Has these expressions (`-e`) watched or made true, in every thread there is and will be. Files are shown
    /// with their paths. A count of calls (`when=`) is of each thread, and so of each connection, by itself.
    pub fn attach(sandbox: &Sandbox, expressions: &[&str]) -> Self {
        // A thread that another one starts while strace looks for all threads is not among those it finds.
        let mut attempts = (0..100).map(|_| Self::start(sandbox, expressions));
        attempts.find(|_| is_traced(sandbox.pid())).expect("strace never had every thread")
    }

    fn start(sandbox: &Sandbox, expressions: &[&str]) -> Self {
        let trace = sandbox.work().join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "32", "-p", &sandbox.pid().to_string(), "-o"]).arg(&trace);
        expressions.iter().for_each(|expression| {
            command.args(["-e", expression]);
        });
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.contains(" attached"), "strace said: {line}");
        Strace { child, trace, _stderr: stderr }
    }

    /// Detaches, and gives what was seen, a call a line.
    pub fn lines(mut self) -> Vec<String> {
        self.detach();
        fs::read_to_string(&self.trace).unwrap().lines().map(str::to_owned).collect()
    }

    fn detach(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
            self.child.wait().unwrap();
        }
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.detach();
    }
}

fn is_traced(pid: u32) -> bool {
    let mut tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| task.unwrap().path());
    tasks.all(|task| {
        let status = fs::read_to_string(task.join("status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    })
}
