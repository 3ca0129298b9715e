//! kill -9 in the middle of a MOVE or COPY onto something that stands: what the next start makes of it. The daemon is
//! killed instead of one rename, by strace, so it needs root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use super::mounts::through_fuse;
use super::place::{files_beneath, wait_for_files};
use crate::common::client::Client;
use crate::common::strace::Strace;
use crate::common::{Sandbox, need};

/// A cfpd with the directories `new` and `old` and a file, each with another content.
fn planted() -> Option<Sandbox> {
    need::root_and(&["strace"]).then(|| plant(Sandbox::new()))
}

fn plant(sandbox: Sandbox) -> Sandbox {
    for (name, content) in [("new/b", "new"), ("old/a", "old"), ("old/deep/a", "old"), ("file", "old")] {
        sandbox.keep(name, content);
    }
    sandbox
}

/// Has the daemon killed in place of a system call, the first of its kind or a later one, in a request.
fn kill_at(sandbox: &mut Sandbox, call: &str, number: usize, [method, target, to]: [&str; 3]) {
    let fault = format!("inject={call}:error=EIO:signal=KILL:when={number}");
    let strace = Strace::attach(sandbox, &[&format!("trace={call},renameat2"), &fault]);
    let mut client = Client::connect(sandbox.address()).unwrap();
    let answer = client.ask(method, target, &[("Destination", to)], None);
    assert!(answer.is_err(), "{method} {target}: it was not killed: {answer:?}");
    sandbox.kill();
    drop(strace);
}

/// The names of what only the daemon sees, with the digits left out.
fn hidden(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.root()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter(|name| name.starts_with(".cfpd-") && name != ".cfpd-uploads")
        .map(|name| name[..name.len() - 16].to_owned())
        .collect();
    names.sort();
    names
}

fn record(sandbox: &Sandbox) -> std::path::PathBuf {
    let mut entries = fs::read_dir(sandbox.root()).unwrap().map(|entry| entry.unwrap().path());
    entries.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".cfpd-move-")).unwrap()
}

/// The names after the entries were exchanged, before what was replaced is removed.
const HALF: [&str; 2] = ["file", "old/b"];
const ASIDE: [&str; 2] = [".cfpd-move-", ".cfpd-moved-"];
const MOVE: [&str; 3] = ["MOVE", "/new/", "/old/"];

fn visible(sandbox: &Sandbox) -> Vec<String> {
    files_beneath(&sandbox.root()).into_iter().filter(|name| !name.starts_with(".cfpd-")).collect()
}

/// Has the daemon killed after the exchange, instead of the rename that hides what was replaced.
fn kill_after_exchange(sandbox: &mut Sandbox, request: [&str; 3]) {
    kill_at(sandbox, "renameat", 2, request);
    assert_eq!(hidden(sandbox), ASIDE);
}

#[test]
fn a_start_finishes_a_move_onto_what_stands_that_a_kill_left_half_done() {
    let Some(mut sandbox) = planted() else { return };
    kill_after_exchange(&mut sandbox, MOVE);
    assert_eq!(visible(&sandbox), HALF, "the names were exchanged");
    assert_eq!(fs::metadata(record(&sandbox)).unwrap().mode() & 0o777, 0o600);
    sandbox.restart(&[]);
    // Before the first client is served.
    let mut client = Client::connect(sandbox.address()).unwrap();
    assert_eq!(client.ask("GET", "/new/a", &[], None).unwrap().status, 404);
    assert_eq!(client.ask("GET", "/old/b", &[], None).unwrap().text(), "new");
    wait_for_files(&sandbox, &["file", "old/b"]);
    assert!(sandbox.log().contains("1 moves that a daemon left half done were finished"));

    kill_after_exchange(&mut sandbox, ["MOVE", "/old/", "/file"]);
    assert_eq!(visible(&sandbox), ["file/b"]);
    sandbox.restart(&[]);
    wait_for_files(&sandbox, &["file/b"]);
}

#[test]
fn a_start_renames_back_what_a_kill_left_moved_aside_and_not_exchanged() {
    let Some(mut sandbox) = planted() else { return };
    kill_at(&mut sandbox, "renameat2", 1, MOVE);
    assert_eq!(visible(&sandbox), ["file", "old/a", "old/deep/a"]);
    assert_eq!(hidden(&sandbox), ASIDE);
    // The name was taken meanwhile: both are kept.
    sandbox.keep("new", "theirs");
    sandbox.restart(&[]);
    assert_eq!(hidden(&sandbox), ASIDE);
    let said = "/new: was replaced while it was moved: the old one is kept as .cfpd-moved-";
    assert!(sandbox.log().contains(said), "{}", sandbox.log_since_start());
    fs::remove_file(sandbox.root().join("new")).unwrap();
    sandbox.restart(&[]);
    wait_for_files(&sandbox, &["file", "new/b", "old/a", "old/deep/a"]);
}

#[test]
fn what_was_replaced_never_has_the_name_of_what_replaced_it() {
    let Some(sandbox) = planted() else { return };
    let strace = Strace::attach(&sandbox, &["trace=renameat,renameat2"]);
    let mut client = Client::connect(sandbox.address()).unwrap();
    assert_eq!(client.ask("MOVE", "/new/", &[("Destination", "/old/")], None).unwrap().status, 204);
    let lines = strace.lines();
    let exchange = lines.iter().find(|line| line.contains("RENAME_EXCHANGE")).unwrap();
    assert!(exchange.contains(".cfpd-moved-") && exchange.contains("\"old\""), "{exchange}");
    assert!(!exchange.contains("\"new\""), "{exchange}");
}

#[test]
fn a_start_that_may_only_read_leaves_a_move_half_done() {
    let Some(mut sandbox) = planted() else { return };
    kill_after_exchange(&mut sandbox, MOVE);
    let before = files_beneath(&sandbox.root());
    sandbox.restart(&["--read-only"]);
    let mut client = Client::connect(sandbox.address()).unwrap();
    assert_eq!(client.ask("GET", "/old/b", &[], None).unwrap().text(), "new");
    assert_eq!(files_beneath(&sandbox.root()), before);
    sandbox.restart(&[]);
    wait_for_files(&sandbox, &["file", "old/b"]);
}

#[test]
fn a_record_removes_nothing_but_the_inode_it_tells_and_one_of_another_user_is_none() {
    let Some(mut sandbox) = planted() else { return };
    kill_after_exchange(&mut sandbox, MOVE);
    chown(record(&sandbox), Some(65534), None).unwrap();
    let before = files_beneath(&sandbox.root());
    sandbox.restart(&[]);
    assert_eq!(files_beneath(&sandbox.root()), before);
    sandbox.kill();

    // Two names of one file: somebody linked it there.
    chown(record(&sandbox), Some(0), None).unwrap();
    fs::hard_link(record(&sandbox), sandbox.root().join("linked")).unwrap();
    let before = files_beneath(&sandbox.root());
    sandbox.restart(&[]);
    assert_eq!(files_beneath(&sandbox.root()), before);
    sandbox.kill();
    fs::remove_file(sandbox.root().join("linked")).unwrap();

    // Another directory has the name by now.
    let aside = record(&sandbox).to_str().unwrap().replace(".cfpd-move-", ".cfpd-moved-");
    fs::rename(&aside, sandbox.root().join("kept")).unwrap();
    fs::create_dir(&aside).unwrap();
    fs::write(sandbox.root().join(".cfpd-moved-fedcba9876543210"), "kept").unwrap();
    fs::write(sandbox.root().join(".cfpd-move-0123456789abcdef"), "cfpd move 1\0exchange\0new\0").unwrap();
    sandbox.restart(&[]);
    fs::rename(sandbox.root().join(".cfpd-moved-fedcba9876543210"), sandbox.root().join("precious")).unwrap();
    wait_for_files(&sandbox, &["file", "kept/a", "kept/deep/a", "new/", "old/b", "precious"]);
}

#[test]
fn what_a_kill_leaves_of_a_copy_onto_a_directory_that_stands_is_swept() {
    let Some(mut sandbox) = planted() else { return };
    kill_at(&mut sandbox, "unlinkat", 1, ["COPY", "/new/", "/old/"]);
    assert_eq!(visible(&sandbox), ["file", "new/b", "old/b"]);
    assert_eq!(hidden(&sandbox), [".cfpd-"], "the old one");
    sandbox.restart(&[]);
    wait_for_files(&sandbox, &["file", "new/b", "old/b"]);
}

#[test]
fn where_names_cannot_be_exchanged_a_start_puts_back_or_finishes_what_a_kill_left() {
    // The system calls of each are the move aside, the move in, and the removal of the name aside; those of MOVE come after
    // a move aside of the source, which cannot be exchanged, and back.
    let (undone, moved) = (["file", "new/b", "old/a", "old/deep/a"], ["file", "old/b"]);
    let copied = ["file", "new/b", "old/b"];
    let rows: [(&str, usize, &[&str]); 4] =
        [("MOVE", 4, &undone), ("MOVE", 5, &moved), ("COPY", 2, &undone), ("COPY", 3, &copied)];
    for (method, number, after) in rows {
        let Some((sandbox, _mounted)) = through_fuse() else { return };
        let mut sandbox = plant(sandbox);
        kill_at(&mut sandbox, "renameat", number, [method, "/new/", "/old/"]);
        assert_eq!(sandbox.root().join("old").exists(), after.len() < 4, "{method}");
        let temporary = (method == "COPY" && number == 2).then_some(".cfpd-");
        assert_eq!(hidden(&sandbox), temporary.into_iter().chain(ASIDE).collect::<Vec<_>>());
        sandbox.restart(&[]);
        let mut client = Client::connect(sandbox.address()).unwrap();
        let answer = client.ask("GET", &format!("/{}", after[after.len() - 1]), &[], None).unwrap();
        assert_eq!(answer.status, 200, "{method} {number}");
        wait_for_files(&sandbox, after);
    }
}

#[test]
fn where_another_program_took_the_name_meanwhile_nothing_is_lost() {
    let Some((sandbox, _mounted)) = through_fuse() else { return };
    let mut sandbox = plant(sandbox);
    kill_at(&mut sandbox, "renameat", 4, MOVE);
    sandbox.keep("old/theirs", "theirs");
    for _ in 0..2 {
        sandbox.restart(&[]);
        let mut client = Client::connect(sandbox.address()).unwrap();
        assert_eq!(client.ask("GET", "/old/theirs", &[], None).unwrap().text(), "theirs");
        assert_eq!(visible(&sandbox), ["file", "new/b", "old/theirs"]);
        assert_eq!(hidden(&sandbox), ASIDE);
        let said = "/old: was replaced while it was moved: the old one is kept as .cfpd-moved-";
        assert!(sandbox.log().contains(said), "{}", sandbox.log_since_start());
    }
    // Who makes room for it has it back.
    fs::rename(sandbox.root().join("old"), sandbox.root().join("theirs")).unwrap();
    sandbox.restart(&[]);
    wait_for_files(&sandbox, &["file", "new/b", "old/a", "old/deep/a", "theirs/theirs"]);
}
