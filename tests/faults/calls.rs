//! How many system calls a small request takes on a connection that is kept.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, SystemTime};

use crate::common::client::Client;
use crate::common::strace::Strace;
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
        let mut counts = calls_of_requests(&lines, &format!("{method} {target} HTTP"));
        assert!(counts.len() > REQUESTS / 2, "{method} {target}: {counts:?}");
        // A request that waited for a busy machine may have taken more.
        counts.sort();
        let calls = counts[counts.len() / 2];
        assert!(calls <= most, "{method} {target}: {calls}: {:#?}", lines.get(..40));
    }
}

/// Counts the system calls from the receipt of each request to that of the next one by the same thread.
fn calls_of_requests(lines: &[String], request: &str) -> Vec<usize> {
    let mut counts = Vec::new();
    for calls in calls_by_thread(lines).into_values() {
        let receipts = calls.iter().enumerate().filter(|(_, call)| call.contains(request));
        let receipts: Vec<_> = receipts.map(|(at, _)| at).collect();
        counts.extend(receipts.windows(2).map(|pair| pair[1] - pair[0]));
    }
    counts
}

/// Returns the calls of each thread, without those that have nothing to do with the work on a request.
fn calls_by_thread(lines: &[String]) -> BTreeMap<&str, Vec<String>> {
    let mut threads = BTreeMap::<_, Vec<String>>::new();
    for (thread, call) in lines.iter().filter_map(|line| line.split_once(' ')) {
        let calls = threads.entry(thread).or_default();
        match calls.last_mut() {
            // The second line of a call that those of other threads came between.
            Some(last) if call.contains(" resumed>") => last.push_str(call),
            _ => calls.push(call.to_owned()),
        }
    }
    // The log is written as time goes by. Unoptimized programs check with F_GETFD what they close.
    let others = ["/log>", "futex(", "F_GETFD"];
    threads
        .values_mut()
        .for_each(|calls| calls.retain(|call| !others.iter().any(|other| call.contains(other))));
    threads
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
    for (form, size) in [("*/*", " <td>1\n"), ("application/json", "\"size\":1,")] {
        let strace = Strace::attach(&sandbox, &["trace=%file,%desc,%network,getdents64"]);
        // strace shows nothing of the call in which it finds a thread.
        client.ask("GET", "/", &[], None).unwrap();
        let answer = client.ask("GET", "/d/", &[("Accept", form)], None).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.body).matches(size).count(), NAMES, "{form}");
        let lines = strace.lines();
        let of_request = |calls: Vec<String>| {
            let receipt = calls.iter().position(|call| call.contains("GET /d/ HTTP"))?;
            Some(calls.len() - receipt)
        };
        let calls = calls_by_thread(&lines).into_values().find_map(of_request).unwrap();
        assert!((NAMES..NAMES + 60).contains(&calls), "{form}: {calls}: {:#?}", lines.get(..40));
    }
}

#[test]
fn a_thread_serves_one_connection_after_the_other() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let started = || {
        let strace = Strace::attach(&sandbox, &["trace=clone,clone3"]);
        for _ in 0..40 {
            let mut client = Client::connect(sandbox.address()).unwrap();
            assert_eq!(client.ask("GET", "/.cfpd/health", &[], None).unwrap().status, 200);
        }
        strace.lines().iter().filter(|line| line.contains("clone")).count()
    };
    // On a busy machine a thread that has served one may not be ready for the next one, or have waited too long for it.
    let tries: Vec<_> = (0..5).map(|_| started()).collect();
    assert!(tries.iter().any(|started| *started <= 20), "{tries:?} threads for 40 connections each");
}
