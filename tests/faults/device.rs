//! Disks that fail: strace lies in the system's answers. A write that fails is an error of status 500 and leaves the
//! old file; a read that fails is one too, or cuts the answer; either is in the log.

use std::fs;
use std::io;

use super::place::{files_beneath, text, wait_for_files};
use crate::common::client::{Answer, Client};
use crate::common::strace::Strace;
use crate::common::{Sandbox, need};
use crate::webdav::locker::info;

const STANDING: [&str; 4] = ["big", "dir/a", "dir/b", "f"];

fn furnished() -> Sandbox {
    // What is in memory does not fail.
    let sandbox = Sandbox::with(&["--file-cache", "0"]);
    sandbox.keep("f", "the old file\n");
    sandbox.keep("big", text(1, 20 << 20));
    sandbox.keep("dir/a", "one a\n");
    sandbox.keep("dir/b", "one b\n");
    sandbox
}

/// A request on a connection of its own while calls of that kind fail so.
fn ask_faulty(sandbox: &Sandbox, fault: &str, method: &str, target: &str, to: &str) -> io::Result<Answer> {
    let call = fault.split(':').next().unwrap();
    let _strace = Strace::attach(sandbox, &[&format!("trace={call}"), &format!("inject={fault}")]);
    let fields: Vec<_> = [("Destination", to)].into_iter().filter(|(_, to)| !to.is_empty()).collect();
    let body = (method == "PUT").then_some(b"the new file\n".as_slice());
    Client::connect(sandbox.address()).unwrap().ask(method, target, &fields, body)
}

#[test]
fn a_write_that_fails_is_told_logged_and_leaves_the_old_file_and_nothing_else() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    // `when` counts in one connection: the first write is of the content, a later one of the log.
    let rows = [
        ("openat:error=EIO:when=1", "PUT", "/f", "", 500),
        ("openat:error=EMFILE:when=1", "PUT", "/f", "", 503),
        ("write:error=EIO:when=1", "PUT", "/f", "", 500),
        ("write:error=ENOSPC:when=1", "PUT", "/f", "", 507),
        ("write:error=EDQUOT:when=1", "PUT", "/f", "", 507),
        ("write:error=EFBIG:when=1", "PUT", "/f", "", 413),
        ("write:error=EIO:when=1", "PUT", "/f?reverse", "", 500),
        ("utimensat:error=EIO", "PUT", "/f", "", 500),
        ("fchmod:error=EIO", "PUT", "/f", "", 500),
        ("fsync:error=EIO:when=1", "PUT", "/f", "", 500),
        ("fsync:error=EIO:when=1", "PUT", "/new", "", 500),
        ("renameat,renameat2:error=EIO", "PUT", "/f", "", 500),
        ("fsync:error=EIO:when=1", "COPY", "/dir/a", "/f", 500),
        ("fsync:error=EIO:when=1", "COPY", "/f?replace=old&with=new", "/f", 500),
        ("write:error=EIO:when=1", "COPY", "/f?replace=old&with=new", "/f", 500),
        ("pread64:error=EIO", "COPY", "/f?replace=old&with=new", "/f", 500),
        ("copy_file_range:error=EIO", "COPY", "/dir/a", "/f", 500),
        ("copy_file_range:error=EIO:when=2", "COPY", "/dir/", "/copy/", 500),
        ("syncfs:error=EIO", "COPY", "/dir/", "/copy/", 500),
        ("getdents64:error=EIO:when=1", "COPY", "/dir/", "/copy/", 500),
        ("renameat,renameat2:error=EIO:when=1", "COPY", "/dir/", "/copy/", 500),
        ("renameat,renameat2:error=EIO", "MOVE", "/f", "/g", 500),
        ("renameat,renameat2:error=EIO", "MOVE", "/dir/a", "/f", 500),
        ("unlinkat:error=EIO", "DELETE", "/f", "", 500),
        ("renameat,renameat2:error=EIO", "DELETE", "/dir/", "", 500),
        ("fsync:error=EIO:when=1", "DELETE", "/dir/", "", 500),
        ("mkdirat:error=EIO", "MKCOL", "/made/", "", 500),
        ("mkdirat:error=ENOSPC", "MKCOL", "/made/", "", 507),
    ];
    for (fault, method, target, to, status) in rows {
        let before = sandbox.log().len();
        let answer = ask_faulty(&sandbox, fault, method, target, to).unwrap();
        let row = format!("{fault} {method} {target}: {}", answer.text());
        assert_eq!(answer.status, status, "{row}");
        assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"the old file\n", "{row}");
        wait_for_files(&sandbox, &STANDING);
        let logged = sandbox.log()[before..].to_owned();
        let named = [target.split('?').next().unwrap(), to];
        assert!(
            status < 500 || named.iter().any(|name| logged.contains(&format!("cfpd: {name}"))),
            "{row}{logged}"
        );
    }
}

#[test]
fn a_lock_that_could_not_be_recorded_is_not_in_force_after_a_start_either() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let mut sandbox = furnished();
    // The first fsync is of the record, the second of the directory that it was renamed in.
    for call in 1..=2 {
        let fault = format!("inject=fsync:error=EIO:when={call}");
        let strace = Strace::attach(&sandbox, &["trace=fsync", &fault]);
        let mut client = Client::connect(sandbox.address()).unwrap();
        let answer = client.ask("LOCK", "/f", &[], Some(info("exclusive", "").as_bytes())).unwrap();
        assert_eq!(answer.status, 500, "{call}: {}", answer.text());
        drop(strace);
        assert_eq!(client.ask("PUT", "/f", &[], Some(b"new")).unwrap().status, 204, "{call}");
        sandbox.restart(&[]);
        let mut client = Client::connect(sandbox.address()).unwrap();
        assert_eq!(client.ask("PUT", "/f", &[], Some(b"new")).unwrap().status, 204, "{call}");
    }
}

#[test]
fn a_quota_that_is_full_is_said_of_the_copy_and_not_of_what_is_copied() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    for (from, to) in [("/dir/", "/copy/"), ("/dir/a", "/copy")] {
        let answer = ask_faulty(&sandbox, "copy_file_range:error=EDQUOT", "COPY", from, to).unwrap();
        assert_eq!(answer.status, 507);
        assert!(answer.text().starts_with(&format!("{to}: ")), "{}", answer.text());
    }
}

#[test]
fn what_cannot_be_kept_with_a_file_does_not_hinder_it() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    let answer = ask_faulty(&sandbox, "fsetxattr:error=EIO", "PUT", "/f", "").unwrap();
    assert_eq!(answer.status, 204);
    let mut client = Client::connect(sandbox.address()).unwrap();
    let plain = client.ask("GET", "/f", &[], None).unwrap();
    assert_eq!((plain.text().as_str(), plain.field("repr-digest")), ("the new file\n", ""));
    let wanted = client.ask("GET", "/f", &[("Want-Repr-Digest", "sha-256=1")], None).unwrap();
    assert!(wanted.field("repr-digest").starts_with("sha-256=:"));
}

#[test]
fn a_file_system_without_sendfile_is_read_by_hand() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    for fault in ["sendfile:error=EINVAL", "sendfile:error=EIO:when=2+"] {
        let answer = ask_faulty(&sandbox, fault, "GET", "/big", "").unwrap();
        assert_eq!(answer.body, text(1, 20 << 20), "{fault}");
    }
}

/// As NFS is.
#[test]
fn a_file_system_that_cannot_refuse_a_taken_name_will_do() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    for (method, target, to, status) in [
        ("PUT", "/new", "", 201),
        ("COPY", "/dir/", "/copy/", 201),
        ("MOVE", "/new", "/newer", 201),
        ("MOVE", "/copy/", "/moved/", 201),
        ("DELETE", "/moved/", "", 204),
    ] {
        let answer = ask_faulty(&sandbox, "renameat2:error=EINVAL:when=1", method, target, to).unwrap();
        assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
    }
    wait_for_files(&sandbox, &["big", "dir/a", "dir/b", "f", "newer"]);
    assert_eq!(fs::read(sandbox.root().join("newer")).unwrap(), b"the new file\n");
}

/// After the rename there is no way back that would not be a second lie: what failed is told, and the next sync of
/// the directory may well succeed.
#[test]
fn a_directory_that_cannot_be_synced_is_told_and_the_file_is_old_or_new() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    let answer = ask_faulty(&sandbox, "fsync:error=EIO:when=2", "PUT", "/f", "").unwrap();
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"the new file\n");
    assert_eq!(files_beneath(&sandbox.root()), STANDING);
    assert!(sandbox.log().contains("cfpd: /f: input/output error\n"), "{}", sandbox.log());
}

#[test]
fn a_read_that_fails_is_told_or_cuts_the_answer_and_never_looks_whole() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let sandbox = furnished();
    // The status where there is one; the answer is cut where there is none.
    let rows = [
        ("openat2:error=EIO", "/f", Some(500)),
        ("openat2:error=ENFILE", "/f", Some(503)),
        ("sendfile,pread64:error=EIO", "/f", None),
        ("sendfile,pread64:error=EIO:when=2+", "/big", None),
        ("pread64:error=EIO", "/f?search=old", Some(500)),
        // The first look is at the type.
        ("pread64:error=EIO:when=2", "/f?replace=old&with=new", Some(500)),
        ("pread64:error=EIO:when=2", "/f?reverse", Some(500)),
        ("pread64:error=EIO:when=20+", "/big?replace=old&with=new", None),
        ("pread64:error=EIO:when=20+", "/big?reverse", None),
        ("getdents64:error=EIO", "/dir/", Some(500)),
        // Lines that nobody has seen yet take nothing away from the status.
        ("getdents64:error=EIO:when=2", "/dir/", Some(500)),
        ("getdents64:error=EIO", "/dir/?search=one", Some(500)),
        ("pread64:error=EIO", "/dir/?search=one", Some(500)),
    ];
    for (fault, target, status) in rows {
        let before = sandbox.log().len();
        let answer = ask_faulty(&sandbox, fault, "GET", target, "");
        let row = format!("{fault} {target}: {:?}", answer.as_ref().map(Answer::text));
        assert_eq!(
            answer.ok().map(|answer| answer.status),
            status,
            "{}",
            row.chars().take(300).collect::<String>()
        );
        let logged = sandbox.log()[before..].to_owned();
        let name = target.split('?').next().unwrap();
        assert!(logged.starts_with(&format!("cfpd: {name}")), "{target}: {logged}");
        // It heals.
        let mut client = Client::connect(sandbox.address()).unwrap();
        assert_eq!(client.ask("GET", target, &[], None).unwrap().status, 200, "{target}");
    }
}
