//! What a search asks of a file system where each answer takes long: no stat of an entry that the directory already
//! describes, as many reads at the same time as `--scan-jobs` says, and large ones.

use std::collections::HashMap;
use std::fs;

use super::mounts::through_fuse;
use super::place::wait_until;
use crate::common::client::Client;
use crate::common::strace::Strace;
use crate::common::{Sandbox, need};

const FILES: usize = 100;

/// A daemon on some small files in some directories, each with one `needle`.
fn with_files(options: &[&str]) -> Sandbox {
    let sandbox = Sandbox::with(options);
    for number in 0..FILES {
        sandbox.keep(&format!("d{}/f{number}", number % 5), "a needle\n");
    }
    sandbox
}

fn total(sandbox: &Sandbox) -> String {
    let answer = Client::connect(sandbox.address()).unwrap().ask("GET", "/?search=needle", &[], None);
    answer.unwrap().text().lines().last().unwrap().to_owned()
}

#[test]
fn a_search_of_a_tree_asks_nothing_of_an_entry_but_its_bytes() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = with_files(&["--scan-jobs", "4"]);
    let strace = Strace::attach(&sandbox, &["trace=%file,%desc"]);
    assert_eq!(total(&sandbox), format!("{FILES} total"));
    let lines = strace.lines();
    let mut calls: HashMap<&str, usize> = HashMap::new();
    for line in &lines {
        let call = line.split_once(' ').unwrap().1.trim_start();
        let (name, arguments) = call.split_once('(').unwrap_or_default();
        let is_of_file = (0..FILES).any(|number| {
            [format!("/f{number}>"), format!("/f{number}\"")].iter().any(|end| arguments.contains(end))
        });
        if is_of_file && !arguments.contains("F_GETFD") {
            *calls.entry(name).or_default() += 1;
        }
        let is_stat = name.contains("stat") && !arguments.contains(", \"\", ");
        assert!(!is_stat || !is_of_file, "an entry is looked at by its name: {line}");
    }
    for (call, count) in &calls {
        assert!(*count <= FILES, "{count} {call} for {FILES} files: {calls:?}");
    }
    assert_eq!(calls.get("pread64"), Some(&FILES), "{calls:?}");
}

#[test]
fn as_many_helpers_as_were_asked_for_are_in_a_read_at_the_same_time() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let jobs = 16;
    let sandbox = with_files(&["--scan-jobs", &jobs.to_string()]);
    // No read ends before all have begun.
    let strace = Strace::attach(&sandbox, &["trace=pread64", "inject=pread64:delay_enter=3600s"]);
    let reading = || {
        let trace = fs::read_to_string(sandbox.work().join("trace")).unwrap();
        trace.matches("pread64(").count()
    };
    std::thread::scope(|scope| {
        let search = scope.spawn(|| total(&sandbox));
        wait_until(&sandbox, "all reads", || reading() >= jobs);
        assert_eq!(reading(), jobs);
        drop(strace);
        assert_eq!(search.join().unwrap(), format!("{FILES} total"));
    });
}

#[test]
fn a_large_file_behind_fuse_is_read_by_the_mebibyte_and_a_local_one_is_not() {
    let Some((behind, _mounted)) = through_fuse() else { return };
    let local = Sandbox::new();
    for (sandbox, read) in [(&behind, 1 << 20), (&local, 128 << 10)] {
        sandbox.keep("large", "needle \n".repeat(4 << 17));
        for filter in ["search=needle", "search=other&lines", "replace=needle&with=pin"] {
            let strace = Strace::attach(sandbox, &["trace=pread64"]);
            let answer = Client::connect(sandbox.address()).unwrap();
            let answer = { answer }.ask("GET", &format!("/large?{filter}"), &[], None).unwrap();
            assert_eq!(answer.status, 200);
            let lines = strace.lines();
            let wanted = format!(", {read}, ");
            let is_wanted = lines.iter().any(|line| line.contains(&wanted));
            let is_more = lines.iter().any(|line| line.contains(&format!(", {}, ", read * 2)));
            assert!(is_wanted && !is_more, "{filter}: {lines:#?}");
        }
    }
}
