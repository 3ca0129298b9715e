//! Disks that are full or read-only, as small file systems in memory mounted beneath the root. They need root.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::place::{files_beneath, text, wait_for_files};
use crate::common::client::{Answer, Client, chunked, head};
use crate::common::{Sandbox, need};
use crate::webdav::locker::info;

/// A small file system, gone when dropped.
pub struct Small {
    path: PathBuf,
}

impl Small {
    /// `None`, and said, where root may not mount, as in most containers.
    pub fn mount(sandbox: &Sandbox, options: &str) -> Option<Self> {
        let path = sandbox.root().join("small");
        std::fs::create_dir(&path).unwrap();
        Self::mount_on(path, options)
    }

    pub fn mount_on(path: PathBuf, options: &str) -> Option<Self> {
        if !run("mount", &["-t", "tmpfs", "-o", options, "none"], &path) {
            need::left_out("root may not mount a disk here");
            return None;
        }
        Some(Small { path })
    }

    /// How many bytes are free on it.
    pub fn free(&self) -> u64 {
        let disk = nix::sys::statvfs::statvfs(&self.path).unwrap();
        disk.blocks_available() * disk.fragment_size()
    }

    fn remount(&self, options: &str) {
        assert!(run("mount", &["-o", options], &self.path));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // The daemon may still be at it.
        run("umount", &["-l"], &self.path);
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

fn ask(sandbox: &Sandbox, method: &str, target: &str, to: &str, body: Option<&[u8]>) -> Answer {
    let fields: Vec<_> = [("Destination", to)].into_iter().filter(|(_, to)| !to.is_empty()).collect();
    Client::connect(sandbox.address()).unwrap().ask(method, target, &fields, body).unwrap()
}

/// A PUT that does not say how long it is.
fn put_chunked(sandbox: &Sandbox, target: &str, body: &[u8]) -> io::Result<Answer> {
    let mut client = Client::connect(sandbox.address())?;
    client.send(&head("PUT", target, &[("Transfer-Encoding", "chunked")]))?;
    // What is refused on the way is not read to its end.
    let _ = client.send(&chunked(body));
    client.answer("PUT")
}

#[test]
fn a_full_disk_is_507_keeps_the_old_file_and_leaves_nothing() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(small) = Small::mount(&sandbox, "size=2m") else { return };
    let (old, big) = (text(1, 300_000), text(2, 3 << 20));
    sandbox.keep("big", &big);
    sandbox.keep("dir/big", &big);
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(&old)).status, 201);
    for target in ["/small/f", "/small/new"] {
        let rows = [
            ("with length", ask(&sandbox, "PUT", target, "", Some(&big))),
            ("chunked", put_chunked(&sandbox, target, &big).unwrap()),
            ("through a filter", ask(&sandbox, "PUT", &format!("{target}?reverse"), "", Some(&big))),
            ("copied", ask(&sandbox, "COPY", "/big", target, None)),
            ("copied through a filter", ask(&sandbox, "COPY", "/big?replace=a&with=b", target, None)),
            ("a tree", ask(&sandbox, "COPY", "/dir/", "/small/tree/", None)),
        ];
        for (how, answer) in rows {
            assert_eq!(answer.status, 507, "{target} {how}: {}", answer.text());
        }
        assert_eq!(ask(&sandbox, "GET", "/small/f", "", None).body, old, "{target}");
        wait_for_files(&sandbox, &["big", "dir/big", "small/f"]);
    }
    assert!(sandbox.log().contains("/small/new: no "), "{}", sandbox.log());
    let fits = text(3, 1 << 20);
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(&fits)).status, 204);
    assert_eq!(ask(&sandbox, "GET", "/small/f", "", None).body, fits);
    drop(small);
}

#[test]
fn a_body_that_cannot_fit_is_refused_before_it_is_sent() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(_small) = Small::mount(&sandbox, "size=2m") else { return };
    let mut client = Client::connect(sandbox.address()).unwrap();
    let fields = [("Content-Length", "3000000"), ("Expect", "100-continue")];
    client.send(&head("PUT", "/small/f", &fields)).unwrap();
    assert_eq!(client.answer("PUT").unwrap().status, 507);
}

#[test]
fn a_disk_without_inodes_is_507() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(_small) = Small::mount(&sandbox, "size=2m,nr_inodes=2") else { return };
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(b"")).status, 201);
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(b"x")).status, 507);
    assert_eq!(ask(&sandbox, "MKCOL", "/small/d/", "", None).status, 507);
    assert_eq!(ask(&sandbox, "DELETE", "/small/f", "", None).status, 204);
    assert_eq!(ask(&sandbox, "MKCOL", "/small/d/", "", None).status, 201);
}

#[test]
fn keep_free_leaves_that_much_room() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::with(&["--keep-free", "1M"]);
    let Some(_small) = Small::mount(&sandbox, "size=3m") else { return };
    let too_much = text(1, 2_200_000);
    sandbox.keep("dir/big", &too_much);
    let rows = [
        ask(&sandbox, "PUT", "/small/f", "", Some(&too_much)),
        put_chunked(&sandbox, "/small/f", &too_much).unwrap(),
        ask(&sandbox, "PUT", "/small/f?reverse", "", Some(&too_much)),
        ask(&sandbox, "COPY", "/dir/big", "/small/f", None),
        ask(&sandbox, "COPY", "/dir/big?reverse", "/small/f", None),
        ask(&sandbox, "COPY", "/dir/", "/small/tree/", None),
    ];
    for (row, answer) in rows.iter().enumerate() {
        assert_eq!(answer.status, 507, "{row}: {}", answer.text());
    }
    wait_for_files(&sandbox, &["dir/big", "small/"]);
    // What fits above the reserve is taken, whether its length is said or not.
    let fits = text(2, 900_000);
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(&fits)).status, 201);
    assert_eq!(put_chunked(&sandbox, "/small/g", &fits).unwrap().status, 201);
    assert_eq!(ask(&sandbox, "COPY", "/small/f", "/small/h", None).status, 507);
}

#[test]
fn keep_free_leaves_no_room_to_work_in() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let mut small = None;
    let sandbox = Sandbox::prepared(&["--keep-free", "1M"], |root| {
        small = Small::mount_on(root.to_owned(), "size=3m");
    });
    // It goes before the directory that it is mounted on.
    let Some(_small) = small else { return };
    let body = text(1, 300_000);
    let reverse = || ask(&sandbox, "POST", "/?reverse", "", Some(&body));
    assert_eq!(reverse().status, 200);
    sandbox.keep("full", text(2, 2_200_000));
    let answer = reverse();
    assert_eq!((answer.status, &*answer.text()), (507, "spool: no room to work in\n"));
    // What takes no room is done all the same.
    assert_eq!(ask(&sandbox, "POST", "/?search=word", "", Some(&body)).status, 200);
    std::fs::remove_file(sandbox.root().join("full")).unwrap();
    assert_eq!(reverse().status, 200);
}

#[test]
fn a_disk_that_becomes_read_only_refuses_writes_and_goes_on_reading() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(small) = Small::mount(&sandbox, "size=2m") else { return };
    let content = b"one word, another word\n".as_slice();
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(content)).status, 201);
    assert_eq!(ask(&sandbox, "MKCOL", "/small/d/", "", None).status, 201);
    small.remount("remount,ro");
    let refused: [(&str, &str, &str, Option<&[u8]>); 9] = [
        ("PUT", "/small/f", "", Some(b"new")),
        ("PUT", "/small/new", "", Some(b"new")),
        ("COPY", "/small/f", "/small/g", None),
        ("COPY", "/small/f?reverse", "/small/f", None),
        ("COPY", "/small/d/", "/small/e/", None),
        ("MOVE", "/small/f", "/small/g", None),
        ("DELETE", "/small/f", "", None),
        ("DELETE", "/small/d/", "", None),
        ("MKCOL", "/small/e/", "", None),
    ];
    for (method, target, to, body) in refused {
        let answer = ask(&sandbox, method, target, to, body);
        assert_eq!(answer.status, 403, "{method} {target}: {}", answer.text());
        assert!(answer.text().contains("read-only file system"), "{}", answer.text());
    }
    let read = [
        ("/small/f", "one word, another word\n"),
        ("/small/f?search=word", "2\n"),
        ("/small/f?reverse", "word another word, one\n"),
        ("/small/?search=word", "2 f\n2 total\n"),
    ];
    for (target, expected) in read {
        let answer = ask(&sandbox, "GET", target, "", None);
        assert_eq!((answer.status, &*answer.text()), (200, expected), "{target}");
    }
    small.remount("remount,rw");
    assert_eq!(ask(&sandbox, "PUT", "/small/f", "", Some(b"new")).status, 204);
    assert_eq!(files_beneath(&sandbox.root()), ["small/d/", "small/f"]);
}

#[test]
fn a_lock_on_a_disk_that_is_read_only_is_refused_by_the_name_that_was_asked_for() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let mut small = None;
    let sandbox = Sandbox::prepared(&[], |root| {
        small = Small::mount_on(root.to_owned(), "size=2m");
    });
    let Some(small) = small else { return };
    sandbox.keep("f", "");
    small.remount("remount,ro");
    let answer = ask(&sandbox, "LOCK", "/f", "", Some(info("exclusive", "").as_bytes()));
    assert_eq!((answer.status, answer.text().as_str()), (403, "/f: read-only file system\n"));
}
