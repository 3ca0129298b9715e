//! How long a lock holds, and against whom: its timeout, the end of the daemon, clients and writers at the same time,
//! another daemon on the same files; and the limits.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::common::client::Client;
use crate::common::{HANG, Sandbox};
use crate::shared::nodes::Nodes;
use crate::webdav::locker::{Locker, info, token_of};

#[test]
fn the_lock_of_a_client_that_is_gone_ends_at_its_time() {
    let sandbox = Sandbox::new();
    let lock = |target| Locker::at(sandbox.address()).lock(target, &[("Timeout", "Second-1")]);
    let (token, end) = (lock("/f"), Instant::now() + HANG);
    let mut client = Locker::at(sandbox.address());
    let mut refused = 0;
    while client.put("/f", "new") == 423 {
        refused += 1;
        assert!(Instant::now() < end, "the lock does not end");
    }
    assert!(refused > 0);
    assert_eq!(client.unlock("/f", &token), 409);
    client.lock("/f", &[]);
}

#[test]
fn a_killed_daemon_forgets_no_lock_and_no_unlock() {
    let mut sandbox = Sandbox::new();
    let mut client = Locker::at(sandbox.address());
    let kept = client.lock("/a", &[("Depth", "0")]);
    let removed = client.lock("/b", &[]);
    assert_eq!(client.unlock("/b", &removed), 204);
    sandbox.kill();
    sandbox.start_again();
    let mut client = Locker::at(sandbox.address());
    assert_eq!((client.put("/a", "new"), client.put("/b", "new")), (423, 204));
    assert_eq!(client.put_with("/a", &kept, "new"), 204);
    assert_eq!(client.unlock("/a", &kept), 204);
    assert_eq!(sandbox.run("cfp-ls", ["/"]).success().get_output().stdout, b"a\nb\n");
}

#[test]
fn a_record_of_locks_that_is_damaged_is_no_empty_one() {
    let mut sandbox = Sandbox::new();
    Locker::at(sandbox.address()).lock("/a", &[]);
    sandbox.kill();
    sandbox.keep(".cfpd-dav-locks", "cfpd locks 1\nurn:uuid:");
    let said = "cfpd: .cfpd-dav-locks: the record of locks is not understood: where it is removed while no cfpd runs, all \
                locks are forgotten\n";
    let root = sandbox.root();
    for option in ["--dav-infinity", "--check"] {
        let run = sandbox.run("cfpd", ["-l", "127.0.0.1:0", option, root.to_str().unwrap()]);
        run.code(2).stdout("").stderr(said);
    }
    sandbox.run("cfpd", ["--check", "--read-only", root.to_str().unwrap()]).success().stderr("");
    // Where nobody may write, no lock keeps anybody from it.
    sandbox.restart(&["--read-only"]);
    let found =
        Client::connect(sandbox.address()).unwrap().ask("PROPFIND", "/a", &[("Depth", "0")], None).unwrap();
    assert_eq!((found.status, found.text().contains("opaquelocktoken")), (207, false), "{}", found.text());
}

#[test]
fn of_many_clients_that_lock_at_once_one_wins() {
    const CLIENTS: usize = 8;
    let sandbox = Sandbox::with(&["--no-sync"]);
    let start = Barrier::new(CLIENTS);
    let rounds: Vec<Vec<_>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Locker::at(sandbox.address());
                    let mut round = |round: usize| {
                        start.wait();
                        let target = format!("/{round}");
                        client.try_lock(&target, "exclusive", &[]).status
                    };
                    (0..100).map(&mut round).collect()
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    for round in 0..100 {
        let mut statuses: Vec<_> = rounds.iter().map(|client| client[round]).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [[201].as_slice(), &[423; CLIENTS - 1]].concat(), "round {round}");
    }
}

/// Clients that write all the time: after the answer to a LOCK, nothing changes.
#[test]
fn no_write_comes_after_the_lock_was_acknowledged() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (sandbox, is_over) = (&sandbox, &is_over);
                scope.spawn(move || {
                    let mut client = Locker::at(sandbox.address());
                    let mut refused = 0;
                    for number in 0.. {
                        if is_over.load(Ordering::Relaxed) {
                            break;
                        }
                        let status = match number % 4 {
                            0 => client.put("/d/f", &format!("{writer} {number}")),
                            1 => client.put("/d/g", &format!("{writer} {number}")),
                            2 => client.status("MOVE", "/d/f", &[("Destination", "/h")], None),
                            _ => client.status("MOVE", "/h", &[("Destination", "/d/f")], None),
                        };
                        refused += usize::from(status == 423);
                    }
                    refused
                })
            })
            .collect();
        sandbox.keep("d/f", "x");
        let mut client = Locker::at(sandbox.address());
        for _ in 0..100 {
            let token = client.lock("/d", &[]);
            let read = || ["d/f", "d/g", "h"].map(|name| std::fs::read(sandbox.root().join(name)).ok());
            let before = read();
            for _ in 0..20 {
                assert_eq!(client.put("/d/g", "mine"), 423);
                assert_eq!(read(), before);
            }
            assert_eq!(client.unlock("/d", &token), 204);
        }
        is_over.store(true, Ordering::Relaxed);
        let refused: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        assert!(refused > 0);
    });
}

#[test]
fn another_daemon_on_the_same_files_keeps_to_a_lock() {
    for nodes in Nodes::all() {
        let [mut one, mut other] = nodes.addresses().map(Locker::at);
        // Each has seen the other once both have written.
        assert_eq!((one.put("/f", "x"), other.put("/f", "y")), (201, 204));
        let token = one.lock("/f", &[]);
        assert_eq!((one.put("/f", "x"), other.put("/f", "y")), (423, 423));
        assert_eq!(other.try_lock("/f", "shared", &[]).status, 423);
        assert_eq!(other.put_with("/f", &token, "y"), 204);
        assert_eq!(other.unlock("/f", &token), 204);
        assert_eq!((one.put("/f", "x"), other.put("/f", "y")), (204, 204));
    }
}

#[test]
fn locks_have_limits() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    let mut client = Locker::at(sandbox.address());
    let long = info("exclusive", &"x".repeat(1024));
    assert_eq!(client.status("LOCK", "/f", &[], Some(long.as_bytes())), 413);
    let mut client = Locker::at(sandbox.address());
    // The docs say the numbers.
    for number in 0..1024 {
        let answer = client.try_lock(&format!("/f{}", number / 32), "shared", &[]);
        assert!(matches!(answer.status, 200 | 201), "{number}: {}", answer.text());
        if number == 31 {
            let refused = client.try_lock("/f0", "shared", &[]);
            assert_eq!((refused.status, refused.field("retry-after")), (503, "1"));
            assert!(refused.text().starts_with("the locks: of this name are too many"), "{}", refused.text());
        }
    }
    let refused = client.try_lock("/h", "shared", &[]);
    assert_eq!((refused.status, refused.field("retry-after")), (503, "1"));
    assert!(refused.text().starts_with("the locks: of this user are too many"), "{}", refused.text());
    let first = client.try_lock("/g", "exclusive", &[]);
    assert_eq!((first.status, token_of(&first)), (503, String::new()));
    assert!(!sandbox.root().join("g").exists());
}
