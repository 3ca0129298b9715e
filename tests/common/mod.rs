//! The sandbox of every integration test: a directory of its own, a clean environment, and a real cfpd on a port
//! the system chose. It owns processes and directories; it knows nothing of what a test is about.
//!
//! Nothing here sleeps: the daemon is ready when it has printed its line, and gone when it has been reaped.

// Each test program uses its own part of the sandbox. A test states facts: it may unwrap and panic.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing
)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use assert_cmd::assert::Assert;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, User};
use tempfile::TempDir;

use self::address::Address;

pub mod address;
pub mod client;
pub mod fifo;
pub mod need;
pub mod proxy;
pub mod raw;
pub mod release;
pub mod strace;
pub mod terminal;
pub mod watch;

/// Long enough for a loaded machine; a program that has not ended by then hangs.
pub const HANG: Duration = Duration::from_secs(120);

/// Lets programs begin with the signals of a login also where the tests run under nohup or in a shell's background,
/// which ignore some: what is ignored is inherited, what is caught is not. The tests themselves go on ignoring it.
fn heed_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
        let ignored = u64::from_str_radix(ignored, 16).unwrap();
        for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
            if ignored >> (signal as i32 - 1) & 1 == 1 {
                signal_hook::flag::register(signal as i32, Arc::default()).unwrap();
            }
        }
    });
}

/// A directory, a clean environment and a running cfpd; all are gone when it is dropped.
pub struct Sandbox {
    // The daemon goes before the directory it serves.
    daemon: Daemon,
    address: Address,
    directory: TempDir,
    options: Vec<String>,
    runner: Runner,
}

/// Who runs the daemon, and under which program with its arguments, if any.
#[derive(Default)]
pub struct Runner {
    /// May come as far as the root; only root can have another.
    pub user: Option<User>,
    /// It must leave the daemon a child of the test, under the signals of the test.
    pub under: &'static [&'static str],
}

impl Sandbox {
    /// A cfpd without options beyond those of the sandbox.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A cfpd with these options too.
    pub fn with(options: &[&str]) -> Self {
        Self::prepared(options, |_| {})
    }

    /// A cfpd that asks who a client is, with these rules. Its users are alice, whose password is `wonderland`, and
    /// bob, whose password is `builder`.
    pub fn guarded(options: &[&str], rules: &str) -> Self {
        let all = [&["--users", "users", "--access", "access"], options].concat();
        Self::prepared(&all, |root| {
            let line = |(name, password)| format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap());
            let users: String = [("alice", "wonderland"), ("bob", "builder")].map(line).concat();
            fs::write(root.with_file_name("work").join("users"), users).unwrap();
            fs::write(root.with_file_name("work").join("access"), rules).unwrap();
        })
    }

    /// A cfpd with these options too, on a root that was prepared before it started.
    pub fn prepared(options: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        Self::run_by(Runner::default(), options, prepare)
    }

    /// The same with a daemon that is run so.
    pub fn run_by(runner: Runner, options: &[&str], prepare: impl FnOnce(&Path)) -> Self {
        // Who runs the tests may keep all to himself, but some daemons here are another user.
        umask(Mode::from_bits_truncate(0o022));
        let directory =
            tempfile::Builder::new().prefix("cfp-test-").tempdir_in(need::place_with_attributes()).unwrap();
        for part in ["root", "work", "home", "tmp"] {
            fs::create_dir(directory.path().join(part)).unwrap();
        }
        if runner.user.is_some() {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        }
        prepare(&directory.path().join("root"));
        heed_signals();
        let address = Address::any();
        let daemon = Daemon::serve(directory.path(), &address.shown, options, &runner);
        let options = options.iter().map(|option| option.to_string()).collect();
        Self { daemon, address, directory, options, runner }
    }

    /// Kills the daemon where it stands, and reaps it.
    pub fn kill(&mut self) {
        self.daemon.child.kill().unwrap();
        self.wait();
    }

    /// Starts a daemon anew on the same directory, on another port, with these options; its log begins anew too.
    pub fn restart(&mut self, options: &[&str]) {
        self.kill();
        fs::remove_file(self.directory.path().join("cfpd.stderr")).unwrap();
        self.options = options.iter().map(|option| option.to_string()).collect();
        self.address = Address::any();
        self.daemon = Daemon::serve(self.directory.path(), &self.address.shown, options, &self.runner);
    }

    /// Starts another daemon in the place of one that has ended: same address, same directory, same options.
    pub fn start_again(&mut self) {
        let options: Vec<_> = self.options.iter().map(String::as_str).collect();
        self.daemon = Daemon::serve(self.directory.path(), &self.address.shown, &options, &self.runner);
    }

    /// Sends the daemon a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    /// The directory that is served.
    pub fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// The directory programs run in.
    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Where the server is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.daemon.url
    }

    /// The server's address, for a raw socket: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.url().strip_prefix("http://").unwrap().split('/').next().unwrap()
    }

    /// What the daemon has written to standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join("cfpd.stderr")).unwrap()).into_owned()
    }

    /// What it has written since it listened: before, it may have remarked on what this kernel cannot do.
    pub fn log_since_start(&self) -> String {
        self.log().split_off(self.daemon.remarks)
    }

    /// Waits for a line of the daemon, which need not be well meanwhile.
    pub fn until_said(&self, line: &str) {
        let end = Instant::now() + HANG;
        while !self.log().contains(line) {
            assert!(Instant::now() < end, "{line:?} was never said: {}", self.log());
            std::thread::yield_now();
        }
    }

    /// Waits until the daemon takes no more connections. One that was let in by the system but by nobody else is
    /// closed again.
    pub fn until_nobody_is_let_in(&self) {
        let end = Instant::now() + HANG;
        while TcpStream::connect(self.address()).is_ok() {
            assert!(Instant::now() < end, "the daemon still takes connections");
        }
    }

    /// The daemon's process, for signals and for looking at it.
    pub fn pid(&self) -> u32 {
        self.daemon.child.id()
    }

    /// A raw connection to the daemon.
    pub fn connect(&self) -> raw::Raw {
        raw::Raw::connect(self.address())
    }

    /// The content of a file beneath the served directory.
    pub fn stored(&self, name: &str) -> Vec<u8> {
        fs::read(self.root().join(name)).unwrap()
    }

    /// All names beneath the served directory, the daemon's temporary ones too.
    pub fn all_stored(&self) -> Vec<String> {
        watch::names_beneath(&self.root())
    }

    /// Waits for the daemon to end by itself, after a signal.
    pub fn wait(&mut self) -> ExitStatus {
        self.daemon.child.wait().unwrap()
    }

    /// Puts a file beneath the served directory, past the server; directories are made.
    pub fn keep(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.root().join(name), content.as_ref())
    }

    /// Puts a file beneath the working directory; directories are made.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        write(&self.work().join(name), content.as_ref())
    }

    /// A program in the working directory with the clean environment, ready for arguments. A tool never asks whoever
    /// runs the tests for a password: at his terminal it is in the background.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = clean(self.directory.path(), &program);
        command.env("CFP_SERVER", self.url());
        // The others end with him when he interrupts.
        if program.as_ref().as_bytes().starts_with(b"cfp-") {
            command.process_group(0);
        }
        command
    }

    /// Programs of the suite in a directory where every user comes and may run them, which they need not be where they
    /// were built.
    pub fn bring(&self, names: &[&str]) -> PathBuf {
        names.iter().for_each(|name| drop(bring(self.directory.path(), name)));
        self.directory.path().to_owned()
    }

    /// Runs a program to its end. What the caller then asserts says argv, status, stdout and stderr when it fails.
    pub fn run<A: AsRef<OsStr>>(&self, program: &str, args: impl IntoIterator<Item = A>) -> Assert {
        self.feed(program, args, "")
    }

    /// Runs a program to its end with this on its standard input.
    pub fn feed<A: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = A>,
        stdin: impl Into<Vec<u8>>,
    ) -> Assert {
        let mut command = self.command(program);
        command.args(args);
        assert_cmd::Command::from_std(command).write_stdin(stdin).timeout(HANG).assert()
    }

    /// Asks for a replacement with these options too: a line goes through, its answer comes back, and only then the
    /// next goes.
    pub fn streams_both_ways(&self, options: &[&str]) {
        let mut command = self.command("cfp-replace");
        command.args(options).args(["-q", "lamp", "torch"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lines = BufReader::new(output).lines();
        for number in 0..20 {
            writeln!(input, "a lamp {number}").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), format!("a torch {number}"));
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }

    /// Runs a shell script, which ends at its first failing command.
    pub fn sh(&self, script: &str) -> Assert {
        self.run("sh", ["-euc", script])
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("cfpd said: {}", self.log());
        }
    }
}

/// A cfpd that has bound; killed and reaped when dropped.
struct Daemon {
    child: Child,
    url: String,
    /// How much of its log it wrote before it listened, in bytes.
    remarks: usize,
    // Open as long as the daemon is: it must not find its standard output closed.
    _stdout: BufReader<ChildStdout>,
}

impl Daemon {
    /// A daemon for the root in this directory.
    fn serve(directory: &Path, address: &str, options: &[&str], runner: &Runner) -> Self {
        let program = match runner.user {
            Some(_) => bring(directory, "cfpd"),
            None => programs().join("cfpd"),
        };
        let mut command = match runner.under {
            [] => clean(directory, program),
            [under, arguments @ ..] => {
                let mut command = clean(directory, under);
                command.args(arguments).arg(program);
                command
            }
        };
        if let Some(user) = &runner.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command.arg("--root").arg(directory.join("root"));
        // What requests of tests are for.
        command.args(["--listen", address, "--host", "h"]).args(options);
        Self::start(command, &directory.join("cfpd.stderr"))
    }

    fn start(mut command: Command, stderr: &Path) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(append(stderr));
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let said = || fs::read_to_string(stderr).unwrap();
        match line.trim_end().strip_prefix("cfpd: listening on ") {
            Some(url) => Self { url: url.to_owned(), remarks: said().len(), child, _stdout: stdout },
            None => {
                let _ = child.kill();
                let status = child.wait().unwrap();
                panic!("{command:?}: {status}\nstdout: {line}\nstderr: {}", said())
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the suite was built.
fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_cfpd")).parent().unwrap()
}

/// A program of the suite in this directory, where others may run it. What was built under a strict umask is copied.
fn bring(directory: &Path, name: &str) -> PathBuf {
    let (built, near) = (programs().join(name), directory.join(name));
    let is_open = fs::metadata(&built).unwrap().permissions().mode() & 0o5 == 0o5;
    // A copy onto a link would be one of the program onto itself.
    if !near.exists() && (!is_open || fs::hard_link(&built, &near).is_err()) {
        fs::copy(&built, &near).unwrap();
        fs::set_permissions(&near, fs::Permissions::from_mode(0o755)).unwrap();
    }
    near
}

/// A program with nothing inherited but where other programs are: the suite first, then the system's.
fn clean(directory: &Path, program: impl AsRef<OsStr>) -> Command {
    let system = std::env::var_os("PATH").unwrap_or_default();
    let path = [programs().to_owned()].into_iter().chain(std::env::split_paths(&system));
    let path = std::env::join_paths(path).unwrap();
    // `Command` looks a bare name up in the PATH of this process, so the suite's own are named in full.
    let own = programs().join(program.as_ref());
    let mut command = Command::new(if own.is_file() { own.as_os_str() } else { program.as_ref() });
    command
        .current_dir(directory.join("work"))
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory.join("home"))
        .env("TMPDIR", directory.join("tmp"))
        .env("LANG", "C.UTF-8");
    command
}

fn append(path: &Path) -> fs::File {
    fs::OpenOptions::new().create(true).append(true).open(path).unwrap()
}

fn write(path: &Path, content: &[u8]) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
    path.to_owned()
}
