//! cfpd as a person starts it: a directory on the command line, at a terminal of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::terminal::Terminal;
use crate::common::{HANG, Sandbox, need};

/// A cfpd whose terminal turns Ctrl-C into a signal.
fn at_terminal(sandbox: &Sandbox, args: &[&str]) -> Terminal {
    Terminal::start(sandbox, "setsid", &[&["-c", "cfpd"], args].concat())
}

/// Its URL, from the line that it prints.
fn url(terminal: &mut Terminal) -> String {
    terminal.expect("cfpd: listening on ").before("\r\n")
}

#[test]
fn at_a_terminal_it_says_what_it_serves_how_to_stop_and_each_request() {
    let sandbox = Sandbox::new();
    sandbox.write("pub/notes.txt", "the lamp\n");
    let mut terminal = at_terminal(&sandbox, &["pub", "-l", "127.0.0.1:0"]);
    let served = sandbox.work().canonicalize().unwrap().join("pub");
    let before = terminal.before(&format!("cfpd: serving {}; Ctrl-C stops it\r\n", served.display()));
    assert!(!before.contains("listening"), "{before}");
    let url = url(&mut terminal);
    sandbox.run("cfp-search", ["-s", &url, "lamp", ":notes.txt"]).success().stdout("1\n");
    terminal.expect("\"GET /notes.txt?search=lamp HTTP/1.1\" 200 ");
    sandbox.run("cfp-get", ["-s", &url, "a\x1b]0;b"]).code(2);
    terminal.expect("\"GET /a%1B%5D0%3Bb HTTP/1.1\" 404 ").press("\x03");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn it_ends_with_its_terminal_and_a_hup_before_only_reloads() {
    let sandbox = Sandbox::new();
    let pty = openpty(None, None).unwrap();
    fcntl(&pty.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    let side = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut command = sandbox.command("setsid");
    command.args(["-c", "cfpd", ".", "-l", "127.0.0.1:0"]).stdin(side()).stdout(side()).stderr(side());
    let mut child = command.spawn().unwrap();
    drop((command, pty.slave));
    let mut lines = BufReader::new(File::from(pty.master)).lines().map(|line| line.unwrap());
    let mut expect = |text| assert!(lines.any(|line| line.contains(text)));
    expect("listening on");
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    expect("reloaded");
    drop(lines);
    let end = Instant::now() + HANG;
    while child.try_wait().unwrap().is_none() && Instant::now() < end {
        thread::yield_now();
    }
    let _ = child.kill();
    assert_eq!(child.wait().unwrap().code(), Some(0), "it ends by itself");
}

#[test]
fn with_a_log_of_its_own_a_terminal_is_told_what_is_served_and_no_requests() {
    let sandbox = Sandbox::new();
    let mut terminal = at_terminal(&sandbox, &[".", "-l", "127.0.0.1:0", "--log", "log"]);
    terminal.expect("; Ctrl-C stops it\r\n");
    let url = url(&mut terminal);
    sandbox.run("cfp-ls", ["-s", &url]).success();
    sandbox.sh("grep -q 'GET /' log");
    terminal.press("\x03");
    let after = terminal.rest();
    assert!(!after.contains("GET"), "{after}");
}

#[test]
fn a_command_has_its_terminal_to_itself() {
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", "");
    let shown = Terminal::start(&sandbox, "cfpd", &[".", "--", "cfp-ls"]).rest();
    assert_eq!(shown, "notes.txt\r\n");
}

// For root the default is /var/lib/cfpd, which the tests of this machine leave alone.
#[test]
fn a_directory_that_nobody_named_is_said_and_one_that_was_is_not() {
    let sandbox = Sandbox::new();
    let directory = sandbox.bring(&["cfpd"]);
    let drop_root = match nix::unistd::geteuid().is_root() {
        true if !need::programs(&["setpriv"]) => return,
        true => {
            "chmod 755 ..; chmod 777 ../home; user='exec setpriv --reuid=65534 --regid=65534 --clear-groups'"
        }
        false => "user=exec",
    };
    let said = |operand: &str| {
        let script = format!(
            "{drop_root}; rm -f out; HOME=$(cd ../home; pwd); $user ../cfpd -l 127.0.0.1:0 {operand} >out 2>err & pid=$!
            until grep -q listening out; do kill -0 $pid; done; kill $pid; wait $pid; cat err"
        );
        let said = sandbox.sh(&script).success();
        String::from_utf8_lossy(&said.get_output().stdout).into_owned()
    };
    let default = directory.canonicalize().unwrap().join("home/.local/share/cfpd");
    let line = format!("cfpd: serving {}\n", default.display());
    assert!(said("").contains(&line), "{line}");
    assert!(!said(".").contains("serving"));
}

#[test]
fn a_directory_is_named_once_and_must_be_there() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    for (args, said) in [
        (&["-r", ".", "."][..], "DIR and --root exclude each other"),
        (&[".", "file"], "file: one DIR is served"),
        (&["nowhere"], "nowhere: no such file"),
        (&["file"], "file: not a directory"),
        (&[""], "a DIR is empty"),
        (&[".", "-l", ":0"], "other machines can reach it: needs --users FILE"),
    ] {
        let said = predicates::str::contains(said);
        sandbox.run("cfpd", args).code(2).stdout("").stderr(said);
    }
    sandbox.run("cfpd", [".", "--", "cfp-ls"]).success().stdout("file\n");
}
