//! No descriptor is left: the acceptor rests instead of spinning, what is connected goes on, and with the first client
//! that leaves all is as it was.

use std::fs;
use std::process::Command;

use super::place::wait_until;
use crate::common::client::{Client, head};
use crate::common::{Sandbox, need};

/// How often the thread that accepts has waited of its own will.
fn waits_of_the_acceptor(sandbox: &Sandbox) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", sandbox.pid())).unwrap();
    let read = |path: std::path::PathBuf| fs::read_to_string(path).unwrap_or_default();
    let acceptor = tasks
        .map(|task| task.unwrap().path())
        .find(|task| read(task.join("comm")).trim() == "accept")
        .expect("a thread that accepts");
    let status = read(acceptor.join("status"));
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

fn refusals(sandbox: &Sandbox) -> u64 {
    sandbox.log().matches("cfpd: accept: too many open files\n").count() as u64
}

fn limit(sandbox: &Sandbox, descriptors: usize) {
    let pid = sandbox.pid().to_string();
    let limit = format!("--nofile={descriptors}:4096");
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
}

#[test]
fn without_descriptors_cfpd_rests_answers_what_is_connected_and_recovers() {
    if !need::root_and(&["prlimit"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "content");
    let mut first = Client::connect(sandbox.address()).unwrap();
    assert_eq!(first.ask("GET", "/f", &[], None).unwrap().text(), "content");
    let used = fs::read_dir(format!("/proc/{}/fd", sandbox.pid())).unwrap().count();
    limit(&sandbox, used + 4);
    // More than fit; the last ones wait in the backlog.
    let mut crowd: Vec<_> = (0..12).map(|_| Client::connect(sandbox.address()).unwrap()).collect();
    let last = crowd.last_mut().unwrap();
    last.send(&head("GET", "/f", &[])).unwrap();

    let before = (refusals(&sandbox), waits_of_the_acceptor(&sandbox));
    // `first` is what asks meanwhile: nobody else gets in.
    while refusals(&sandbox) < before.0 + 4 {
        assert_eq!(first.ask("GET", "/.cfpd/health", &[], None).unwrap().text(), "ok\n");
    }
    let after = (refusals(&sandbox), waits_of_the_acceptor(&sandbox));
    assert!(after.1 - before.1 >= after.0 - before.0 - 1, "a try without a rest: {before:?} {after:?}");
    let refused = first.ask("GET", "/f", &[], None).unwrap();
    assert_eq!((refused.status, refused.field("retry-after")), (503, "1"), "{}", refused.text());

    let mut last = crowd.pop().unwrap();
    drop(crowd);
    assert_eq!(last.answer("GET").unwrap().text(), "content");
    assert_eq!(first.ask("GET", "/f", &[], None).unwrap().text(), "content");
    let told = refusals(&sandbox);
    wait_until(&sandbox, "a new client", || Client::connect(sandbox.address()).is_ok());
    assert_eq!(refusals(&sandbox), told);
}
