//! `cfpd -- COMMAND`: the daemon of one command, and who ends whom.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::common::Sandbox;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `cfpd` on the sandbox's root, with a shell script as its command.
fn serving(sandbox: &Sandbox, script: &str) -> Command {
    let mut command = sandbox.command("cfpd");
    command.arg("--root").arg(sandbox.root()).args(["--", "sh", "-c", script]);
    command
}

/// The same, running, once the script has said that it is ready.
fn started(sandbox: &Sandbox, script: &str) -> Child {
    let mut child = serving(sandbox, script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
}

#[test]
fn the_status_of_the_command_is_that_of_the_daemon() {
    let sandbox = Sandbox::new();
    for (script, code) in [("true", 0), ("exit 7", 7), ("kill -KILL $$", 137), ("kill -TERM $$", 143)] {
        assert_eq!(serving(&sandbox, script).status().unwrap().code(), Some(code), "{script}");
    }
}

#[test]
fn the_command_finds_the_server_and_the_tools() {
    let sandbox = Sandbox::new();
    sandbox.keep("notes.txt", "the lamp\n");
    let script = "test \"${CFP_SERVER#unix:}\" != \"$CFP_SERVER\" && cfp-search lamp :notes.txt";
    let output = serving(&sandbox, script).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"1\n"[..]));
}

#[test]
fn nothing_of_the_private_socket_is_left() {
    let sandbox = Sandbox::new();
    let output = serving(&sandbox, "printf %s \"${CFP_SERVER#unix:}\"").output().unwrap();
    let socket = std::path::PathBuf::from(String::from_utf8(output.stdout).unwrap());
    assert!(socket.is_absolute() && !socket.exists() && !socket.parent().unwrap().exists(), "{socket:?}");
}

#[test]
fn nobody_else_comes_to_the_private_socket() {
    let sandbox = Sandbox::new();
    let script = "socket=${CFP_SERVER#unix:}; stat -c %a \"$(dirname \"$socket\")\" \"$socket\"";
    let output = serving(&sandbox, script).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "700\n600\n");
}

#[test]
fn without_a_path_the_command_is_found_where_the_system_looks() {
    let sandbox = Sandbox::new();
    let output = serving(&sandbox, "printf %s \"$PATH\"").env_remove("PATH").output().unwrap();
    let path = String::from_utf8(output.stdout).unwrap();
    assert!(path.ends_with(":/bin:/usr/bin"), "{path}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_term_is_passed_on_to_the_command() {
    let sandbox = Sandbox::new();
    let mut child = started(&sandbox, "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done");
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

#[test]
fn an_int_leaves_it_to_the_command_when_to_end() {
    let sandbox = Sandbox::new();
    let mut child = started(&sandbox, "echo ready; read line; test \"$line\" = on && exit 6");
    signal(&child, Signal::SIGINT);
    child.stdin.take().unwrap().write_all(b"on\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(6));
}
