//! Standard input that pauses: no connection waits for it, and what came is kept.

use std::fs;
use std::io::Write;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{HANG, Sandbox, need};

fn start(sandbox: &Sandbox, argv: &[&str]) -> Child {
    let mut command = sandbox.command("cfp-put");
    command.args(argv).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Gives a tool more of its standard input.
fn feed(child: &mut Child, bytes: &[u8]) {
    child.stdin.as_mut().unwrap().write_all(bytes).unwrap();
}

/// Ends its standard input, and waits for its end: the exit code and what it said.
fn end(mut child: Child) -> (Option<i32>, String) {
    drop(child.stdin.take());
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

/// Waits until so many bytes of an upload are kept.
fn until_kept(sandbox: &Sandbox, size: u64) {
    let until = Instant::now() + HANG;
    let sizes = || fs::read_dir(sandbox.root().join(".cfpd-uploads")).into_iter().flatten().flatten();
    while !sizes().any(|entry| entry.metadata().is_ok_and(|meta| meta.len() == size)) {
        assert!(Instant::now() < until, "no upload of {size} bytes is kept");
        thread::yield_now();
    }
}

/// Waits until so many requests have been answered so.
fn until_answered(sandbox: &Sandbox, request: &str, count: usize) {
    let until = Instant::now() + HANG;
    let answered = || fs::read_to_string(sandbox.work().join("log")).unwrap().matches(request).count();
    while answered() < count {
        assert!(Instant::now() < until, "no answer to {request}");
        thread::yield_now();
    }
}

fn restart(sandbox: &mut Sandbox) {
    sandbox.kill();
    sandbox.start_again();
}

#[test]
fn the_first_byte_opens_the_connection() {
    let mut sandbox = Sandbox::new();
    sandbox.kill();
    let mut child = start(&sandbox, &["-", "--as", "f"]);
    // It has nothing to ask a server for yet.
    assert!(child.try_wait().unwrap().is_none());
    sandbox.start_again();
    feed(&mut child, b"late");
    assert_eq!(end(child), (Some(0), String::new()));
    assert_eq!(sandbox.stored("f"), b"late");
}

#[test]
fn a_pause_may_last_longer_than_any_connection() {
    if !need::attributes() {
        return;
    }
    let mut sandbox = Sandbox::with(&["--log", "log"]);
    let long = "long ".repeat(500_000);
    for (at, first) in ["short", &long].into_iter().enumerate() {
        let mut child = start(&sandbox, &["-", "--as", "f"]);
        feed(&mut child, first.as_bytes());
        until_answered(&sandbox, "\"PUT /f HTTP/1.1\" 201", at + 1);
        restart(&mut sandbox);
        feed(&mut child, b", more");
        until_answered(&sandbox, "HTTP/1.1\" 204", at + 1);
        restart(&mut sandbox);
        assert_eq!(end(child), (Some(0), String::new()));
        assert_eq!(sandbox.stored("f"), [first, ", more"].concat().as_bytes());
        let said = sandbox.run("cfp-get", ["f", "-o", "-"]).success();
        assert_eq!(said.get_output().stdout.len(), first.len() + 6);
    }
}

#[test]
fn a_guard_holds_over_a_pause() {
    if !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut child = start(&sandbox, &["-n", "-", "--as", "f"]);
    feed(&mut child, b"ours");
    until_kept(&sandbox, 4);
    sandbox.keep("f", "theirs");
    assert_eq!(end(child).0, Some(1));
    assert_eq!(sandbox.stored("f"), b"theirs");
}

#[test]
fn where_no_pieces_are_taken_a_pause_ends_it_with_3() {
    let sandbox = Sandbox::with(&["--idle-timeout", "1", "--max-partials", "0"]);
    let mut child = start(&sandbox, &["-", "--as", "f"]);
    feed(&mut child, b"one");
    let until = Instant::now() + HANG;
    while child.try_wait().unwrap().is_none() && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(end(child).0, Some(3));
    assert!(!sandbox.root().join("f").exists());
}
