//! litmus, the test suite of the WebDAV community, against the daemon.

use std::process::Command;

use crate::common::{Sandbox, need};

/// The groups of litmus 0.13, and how many tests each has.
const GROUPS: [(&str, usize); 5] =
    [("basic", 16), ("copymove", 13), ("props", 30), ("locks", 41), ("http", 4)];

#[test]
fn litmus_finds_nothing_wrong() {
    if !need::programs(&["litmus"]) || !need::attributes() {
        return;
    }
    let sandbox = Sandbox::with(&["--no-sync"]);
    let groups = GROUPS.map(|(group, _)| group).join(" ");
    let run = Command::new("litmus")
        .args(["--keep-going", &format!("{}/", sandbox.url())])
        .env("TESTS", groups)
        .current_dir(sandbox.work())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    for (group, tests) in GROUPS {
        let summary =
            format!("<- summary for `{group}': of {tests} tests run: {tests} passed, 0 failed. 100.0%");
        assert!(said.contains(&summary), "{summary}\n{said}");
    }
}
