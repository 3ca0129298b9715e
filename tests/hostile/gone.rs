//! Clients that leave while the daemon is at work for them: the work ends, and what it held is free again.

use std::fs::File;

use crate::common::Sandbox;
use crate::common::raw::{Raw, request};
use crate::common::watch::{Held, Watch};

/// Work that would last for hours: method, target and fields. A hole is long to read, and takes no room.
const WORK: [(&str, &str, &str); 10] = [
    ("GET", "/hole?search=word", ""),
    ("GET", "/hole?search=word&lines", ""),
    ("GET", "/hole?search=word&decompress", ""),
    ("GET", "/hole?reverse", ""),
    ("GET", "/d/?search=word", ""),
    ("GET", "/d/?search=word&lines", ""),
    ("GET", "/hole", "Want-Repr-Digest: sha-256=1\r\n"),
    ("HEAD", "/hole", "Want-Repr-Digest: sha-256=1\r\n"),
    ("COPY", "/hole?search=word", "Destination: /new\r\n"),
    ("COPY", "/hole?reverse", "Destination: /hole\r\n"),
];
const STORED: [&str; 5] = ["d", "d/1", "d/2", "d/3", "hole"];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with(&["--scan-jobs", "3", "--log", "access.log"]);
    std::fs::create_dir(sandbox.root().join("d")).unwrap();
    for name in STORED.iter().filter(|name| **name != "d") {
        File::create(sandbox.root().join(name)).unwrap().set_len(8 << 40).unwrap();
    }
    sandbox
}

/// Has the daemon begin the work.
fn begun(sandbox: &Sandbox, watch: &mut Watch<'_>, (method, target, fields): (&str, &str, &str)) -> Raw {
    let read = watch.read();
    let mut raw = sandbox.connect();
    raw.send(request(method, target, fields));
    watch.until(target, |watch| watch.read() > read + (64 << 20));
    raw
}

fn until_free(watch: &mut Watch<'_>, before: Held) {
    watch.until_nothing_is_left(before, &STORED);
}

#[test]
fn work_ends_when_its_client_is_reset() {
    let sandbox = sandbox();
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    for work in WORK {
        begun(&sandbox, &mut watch, work).reset();
        until_free(&mut watch, before);
    }
    // Nobody was answered, and nothing of it is the daemon's trouble.
    watch.until_log("access.log", |log| log.matches(" HTTP/1.1\" 499 0 ").count() >= WORK.len());
    let log = std::fs::read_to_string(sandbox.work().join("access.log")).unwrap();
    assert!(!log.contains("cfpd: "), "{log}");
}

#[test]
fn work_for_a_client_that_has_ended_its_side_ends_after_a_while() {
    let sandbox = sandbox();
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let clients = WORK.map(|work| {
        let mut raw = begun(&sandbox, &mut watch, work);
        raw.end();
        raw
    });
    until_free(&mut watch, before);
    for mut raw in clients {
        assert_eq!(raw.rest(), b"");
    }
}

/// More results than may wait: whoever sends them must hear that nobody takes them any more.
#[test]
fn a_search_that_fails_at_its_first_file_ends() {
    let sandbox = Sandbox::with(&["--scan-jobs", "3"]);
    for number in 0..600 {
        sandbox.keep(&format!("d/{number}"), b"\x1f\x8b\x08\x00damaged");
    }
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let mut raw = sandbox.connect();
    let answer = raw.ask(request("GET", "/d/?search=word&decompress", ""));
    assert_eq!(answer.status, 422, "{}", answer.text());
    drop(raw);
    watch.until("the end of the search", |watch| watch.held().threads <= before.threads);
}

#[test]
fn who_has_ended_his_side_is_answered() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "one word");
    for target in ["/f?search=word", "/f?reverse", "/?search=word"] {
        let mut raw = sandbox.connect();
        raw.send(request("GET", target, ""));
        raw.end();
        assert_eq!(raw.answer().status, 200, "{target}");
    }
}
