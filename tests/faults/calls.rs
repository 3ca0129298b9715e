//! How many system calls a small request takes on a connection that is kept.

use std::fs;
use std::time::{Duration, SystemTime};

use super::strace::Strace;
use crate::common::client::Client;
use crate::common::{Sandbox, need};

const REQUESTS: usize = 100;

#[test]
fn a_small_request_takes_four_system_calls() {
    if !need::root_and(&["strace"]) || !need::cacheable() {
        return;
    }
    let sandbox = Sandbox::with(&["--log", "log"]);
    for name in ["f", "f.txt", "d/f"] {
        sandbox.keep(name, "words\n".repeat(170));
    }
    let mut client = Client::connect(sandbox.address()).unwrap();
    let tag = client.ask("GET", "/f", &[], None).unwrap().field("etag").to_owned();
    let known = [("If-None-Match", tag.as_str())];
    let part = [("Range", "bytes=6-11")];
    let deep = sandbox.keep("d/e/g/f", "words\n");
    // What was changed just now is not kept in memory.
    let is_young =
        || fs::metadata(&deep).unwrap().modified().unwrap() + Duration::from_millis(50) > SystemTime::now();
    while is_young() {
        client.ask("GET", "/", &[], None).unwrap();
    }
    type Row<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)], u16, usize);
    let rows: [Row<'_>; 9] = [
        ("GET", "/f", &[], 200, 3),
        ("GET", "/f.txt", &[], 200, 3),
        ("GET", "/d/f", &[], 200, 4),
        ("HEAD", "/f", &[], 200, 3),
        ("GET", "/f", &known, 304, 3),
        ("GET", "/f", &part, 206, 3),
        ("GET", "/d", &[], 301, 3),
        // The directories above are opened beneath the root, and closed.
        ("GET", "/d/e/g/f", &[], 200, 5),
        ("GET", "/none", &[], 404, 4),
    ];
    for (method, target, fields, status, most) in rows {
        let mut ask = || {
            let answer = client.ask(method, target, fields, None).unwrap();
            assert_eq!(answer.status, status, "{method} {target}");
        };
        (0..3).for_each(|_| ask());
        let strace = Strace::attach(&sandbox, &["trace=all"]);
        (0..REQUESTS).for_each(|_| ask());
        let lines = strace.lines();
        let receive = lines.iter().find(|line| line.contains(&format!("{method} {target} HTTP"))).unwrap();
        let thread = receive.split(' ').next().unwrap();
        // The log is written as time goes by. Unoptimized programs check with F_GETFD what they close.
        let others = [" resumed>", "/log>", "futex(", "F_GETFD"];
        let is_call = |line: &&String| {
            line.starts_with(&format!("{thread} ")) && !others.iter().any(|other| line.contains(other))
        };
        let calls = lines.iter().filter(is_call).count();
        let slack = REQUESTS / 5;
        assert!(calls <= most * REQUESTS + slack, "{method} {target}: {calls}: {:#?}", lines.get(..40));
    }
}

#[test]
fn a_list_takes_one_system_call_a_name() {
    if !need::root_and(&["strace"]) {
        return;
    }
    const NAMES: usize = 300;
    let sandbox = Sandbox::new();
    (0..NAMES).for_each(|number| drop(sandbox.keep(&format!("d/{number}"), "x")));
    let mut client = Client::connect(sandbox.address()).unwrap();
    // The second has entity tags too, of files of which nothing but the content was changed.
    for (form, size) in [("*/*", "<td>1<td>"), ("application/json", "\"size\":1,")] {
        let strace = Strace::attach(&sandbox, &["trace=%file,%desc,getdents64"]);
        let answer = client.ask("GET", "/d/", &[("Accept", form)], None).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.body).matches(size).count(), NAMES, "{form}");
        let lines = strace.lines();
        let is_call = |line: &&String| !line.contains(" resumed>") && !line.contains("F_GETFD");
        let calls = lines.iter().filter(is_call).count();
        assert!((NAMES..NAMES + 60).contains(&calls), "{form}: {calls}: {:#?}", lines.get(..40));
    }
}

#[test]
fn a_thread_serves_one_connection_after_the_other() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let strace = Strace::attach(&sandbox, &["trace=clone,clone3"]);
    for _ in 0..40 {
        let mut client = Client::connect(sandbox.address()).unwrap();
        assert_eq!(client.ask("GET", "/.cfpd/health", &[], None).unwrap().status, 200);
    }
    let started = strace.lines().iter().filter(|line| line.contains("clone")).count();
    assert!(started <= 20, "{started} threads for 40 connections");
}
