//! What the daemon gives up once it is bound: privileges it could gain, and root where another user is named. What
//! Landlock then forbids is tested beside it; that the daemon does its work all the same, every other test shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use common::{Sandbox, need};
use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use predicates::str::{contains, starts_with};

/// What the system says of each thread of the daemon under this name.
fn of_each_thread(sandbox: &Sandbox, name: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{}/task", sandbox.pid())).unwrap();
    let statuses = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap());
    let value = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    statuses.map(value).collect()
}

#[test]
fn no_thread_can_gain_privileges() {
    let sandbox = Sandbox::new();
    let _connection = sandbox.connect();
    if sandbox.log().contains("no Landlock") {
        return need::left_out("no Landlock in this kernel");
    }
    assert!(of_each_thread(&sandbox, "NoNewPrivs:").iter().all(|value| value == "1"));
}

#[test]
fn a_command_is_free() {
    let sandbox = Sandbox::new();
    let script = "echo text > free && cat free && grep NoNewPrivs /proc/self/status";
    let said = sandbox.run("cfpd", ["-r", ".", "--", "sh", "-c", script]).success();
    said.stdout("text\nNoNewPrivs:\t0\n");
}

#[test]
fn as_another_user_the_daemon_is_that_user_alone() {
    if !need::root() {
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let sandbox = Sandbox::prepared(&["--run-as", "nobody", "--pid-file", "../pid"], |root| {
        chown(root, Some(nobody.uid.as_raw()), None).unwrap();
        for above in [root, root.parent().unwrap()] {
            fs::set_permissions(above, fs::Permissions::from_mode(0o755)).unwrap();
        }
    });
    let _connection = sandbox.connect();
    let ids = of_each_thread(&sandbox, "Uid:");
    assert!(ids.iter().all(|id| id.split(" ").all(|one| one == nobody.uid.to_string())), "{ids:?}");
    let groups = of_each_thread(&sandbox, "Groups:");
    assert!(groups.iter().all(|list| *list == nobody.gid.to_string()), "{groups:?}");
    sandbox.write("f", "text");
    sandbox.run("cfp-put", ["f"]).success();
    assert_eq!(fs::metadata(sandbox.root().join("f")).unwrap().uid(), nobody.uid.as_raw());
    // What root can read, it cannot.
    let secret = sandbox.keep("secret", "secret");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.run("cfp-cat", [":secret"]).code(2).stdout("").stderr(contains("/secret: "));
    sandbox.run("cfp-search", ["-r", "--per-file", "text", ":/"]).stdout(":f:1\n").success();
    sandbox.run("cfp-search", ["-r", "--lines", "text", ":/"]).stdout(":f:text\n").success();
    sandbox.signal(Signal::SIGTERM);
}

#[test]
fn who_cannot_become_that_user_does_not_start() {
    let sandbox = Sandbox::new();
    let unknown = ["-r", ".", "-l", "127.0.0.1:0", "--run-as", "no-such-user"];
    sandbox.run("cfpd", unknown).code(2).stdout("").stderr(starts_with("cfpd: no-such-user: is no user"));
    if !geteuid().is_root() {
        let root = ["-r", ".", "-l", "127.0.0.1:0", "--run-as", "root"];
        sandbox.run("cfpd", root).stdout("").stderr(starts_with("cfpd: --run-as root: "));
    }
}
