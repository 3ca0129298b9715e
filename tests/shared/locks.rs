//! The lock file: when it is used, who waits for whom, and that it stays as it is.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use super::nodes::{Nodes, beside};
use crate::common::client::Client;
use crate::common::{Sandbox, need};

const FOUND: &str = "cfpd: another cfpd serves this directory too: names are locked between the two";

#[test]
fn a_daemon_alone_needs_no_lock_file_and_a_second_one_is_found_by_both() {
    let first = Sandbox::new();
    let put = |sandbox: &Sandbox, name: &str| {
        let mut client = Client::connect(sandbox.address()).unwrap();
        client.ask("PUT", name, &[], Some(b"new")).unwrap().status
    };
    assert_eq!(put(&first, "/a"), 201);
    let reader = beside(&first.root(), &["--read-only"]);
    assert_eq!(put(&first, "/b"), 201);
    assert_eq!(
        (first.all_stored(), reader.log_since_start()),
        (vec!["a".to_owned(), "b".to_owned()], String::new())
    );
    let second = beside(&first.root(), &[]);
    assert_eq!(put(&second, "/c"), 201);
    for daemon in [&first, &second] {
        daemon.until_said(FOUND);
    }
    assert_eq!(first.all_stored(), [".cfpd-locks", "a", "b", "c"]);
}

#[test]
fn a_second_daemon_writes_nothing_before_the_first_has_seen_it() {
    let first = Sandbox::new();
    first.signal(Signal::SIGSTOP);
    let second = beside(&first.root(), &[]);
    let nodes = Nodes::of([first, second]);
    let answer = nodes.ask(1, "PUT", "/f", Some(b"new"));
    assert_eq!((answer.status, &*answer.text()), (503, "/f: is being changed by others\n"));
    assert_eq!(answer.field("retry-after"), "1");
    nodes.nodes[0].signal(Signal::SIGCONT);
    assert_eq!(nodes.ask(1, "PUT", "/f", Some(b"new")).status, 201);
}

/// A process that has all names locked; killed when dropped.
struct Holder(Child);

impl Holder {
    fn of(root: &Path) -> Self {
        let script = "import fcntl, sys, time\n\
                      file = open(sys.argv[1], 'r+b')\n\
                      fcntl.lockf(file, fcntl.LOCK_EX, 1 << 62)\n\
                      print('locked', flush=True)\n\
                      time.sleep(1000)\n";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(root.join(".cfpd-locks")).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Holder(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_name_that_is_kept_locked_is_503_and_free_when_its_holder_is_killed() {
    if !need::programs(&["python3"]) {
        return;
    }
    let changes = [
        ("PUT", "/f", ""),
        ("DELETE", "/f", ""),
        ("DELETE", "/d/", ""),
        ("MOVE", "/f", "/to"),
        ("COPY", "/f", "/to"),
        ("COPY", "/d/", "/to/"),
        ("COPY", "/f?reverse", "/to"),
    ];
    for nodes in Nodes::all() {
        nodes.nodes[0].keep("f", "old");
        nodes.nodes[0].keep("d/in", "old");
        assert_eq!(nodes.ask(1, "PUT", "/new", Some(b"new")).status, 201);
        let before = nodes.nodes[0].all_stored();
        let holder = Holder::of(&nodes.nodes[0].root());
        let ask = |(method, target, to)| {
            let body = (method == "PUT").then_some(&b"new"[..]);
            nodes.connect(1).ask(method, target, &[("Destination", to)], body).unwrap()
        };
        std::thread::scope(|scope| {
            for change in changes {
                let ask = &ask;
                scope.spawn(move || {
                    let answer = ask(change);
                    assert_eq!(answer.status, 503, "{change:?}: {}", answer.text());
                });
            }
        });
        assert_eq!(nodes.nodes[0].all_stored(), before);
        drop(holder);
        assert_eq!(nodes.ask(1, "PUT", "/f", Some(b"new")).status, 204);
    }
}

#[test]
fn a_daemon_whose_lock_file_was_removed_changes_nothing_until_it_is_started_again() {
    for mut nodes in Nodes::all() {
        for number in [0, 1] {
            assert!(nodes.ask(number, "PUT", "/f", Some(b"old")).status < 300);
        }
        fs::remove_file(nodes.nodes[0].root().join(".cfpd-locks")).unwrap();
        for number in [0, 1] {
            assert_eq!(nodes.ask(number, "GET", "/.cfpd/health", None).status, 503);
            nodes.nodes[number]
                .until_said("cfpd: /: the file .cfpd-locks was removed, by which daemons lock names");
            for (method, body) in [("PUT", Some(&b"new"[..])), ("DELETE", None)] {
                let answer = nodes.ask(number, method, "/f", body);
                assert_eq!(answer.status, 503, "{method}: {}", answer.text());
                assert!(
                    answer.text().starts_with("/f: the file .cfpd-locks was removed"),
                    "{}",
                    answer.text()
                );
            }
            assert_eq!(nodes.ask(number, "GET", "/f", None).text(), "old");
        }
        nodes.nodes.iter_mut().for_each(Sandbox::kill);
        nodes.nodes.iter_mut().for_each(Sandbox::start_again);
        for number in [0, 1] {
            assert_eq!(nodes.ask(number, "PUT", "/f", Some(b"new")).status, 204);
            assert_eq!(nodes.ask(number, "GET", "/.cfpd/health", None).status, 200);
        }
    }
}

#[test]
fn a_daemon_that_only_reads_shares_a_directory_whose_lock_file_another_one_has_made() {
    let writer = Sandbox::with(&["--shared"]);
    writer.write("empty/f", "");
    let refused = writer.run("cfpd", ["--shared", "--read-only", "--listen", "127.0.0.1:0", "empty"]).code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("empty: has no .cfpd-locks yet: first start a daemon that writes"), "{said}");
    // A start of one that writes would make it.
    writer.run("cfpd", ["--shared", "--check", "empty"]).success();
    assert!(!writer.work().join("empty/.cfpd-locks").exists());
    let nodes = Nodes::of([beside(&writer.root(), &["--shared", "--read-only"]), writer]);
    assert_eq!(nodes.ask(1, "PUT", "/f", Some(b"old")).status, 201);
    assert_eq!(nodes.ask(0, "PUT", "/f", Some(b"new")).status, 403);
    for number in [0, 1] {
        assert_eq!(nodes.ask(number, "GET", "/f", None).text(), "old");
        assert_eq!(nodes.ask(number, "GET", "/.cfpd/health", None).status, 200);
    }
    assert_eq!(nodes.ask(1, "DELETE", "/f", None).status, 204);
    assert_eq!(nodes.ask(0, "GET", "/f", None).status, 404);
}

#[test]
fn nothing_that_a_daemon_does_opens_the_lock_file_again() {
    let sandbox = Sandbox::with(&["--shared"]);
    let mut client = Client::connect(sandbox.address()).unwrap();
    for target in ["/f", "/.cfpd-locks"] {
        client.ask("PUT", target, &[], Some(b"word")).unwrap();
    }
    for target in ["/", "/?recursive", "/?search=word", "/?archive=zip"] {
        let answer = client.ask("GET", target, &[("Accept", "application/json")], None).unwrap();
        assert!(!answer.text().contains(".cfpd-locks"), "{target}");
    }
    sandbox.signal(Signal::SIGHUP);
    sandbox.until_said("reloaded");
    let lock_file = fs::canonicalize(sandbox.root().join(".cfpd-locks")).unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", sandbox.pid())).unwrap();
    let is_it = |fd: &fs::DirEntry| fs::read_link(fd.path()).is_ok_and(|led| led == lock_file);
    assert_eq!(open.filter(|fd| is_it(fd.as_ref().unwrap())).count(), 1);
}

#[test]
fn a_directory_that_cannot_be_locked_is_refused_and_what_else_is_missing_is_said() {
    let sandbox = Sandbox::new();
    let said = sandbox.run("cfpd", ["--shared", "--listen", "127.0.0.1:0", "/proc"]).code(2);
    let line = "cfpd: --shared: /proc: no file can be locked there between daemons: ";
    let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(stderr.starts_with(line) && stderr.lines().count() == 1, "{stderr}");
    sandbox.run("cfpd", ["--shared", "--no-sync", "."]).code(2);
    if !need::root_and(&["bindfs", "umount"]) {
        return;
    }
    let shared = Sandbox::prepared(&["--shared"], |root| {
        let below = root.with_file_name("below");
        fs::create_dir(&below).unwrap();
        let bound = Command::new("bindfs").arg("--xattr-none").arg(&below).arg(root).status().unwrap();
        assert!(bound.success());
    });
    for missing in
        ["files in the served directory have no extended attributes", "two names cannot be exchanged"]
    {
        shared.until_said(&format!("cfpd: --shared: {missing}"));
    }
    assert_eq!(shared.all_stored(), [".cfpd-locks"]);
    assert!(Command::new("umount").arg("-l").arg(shared.root()).status().unwrap().success());
}
