//! A served directory or a log that goes away beneath a running daemon: removed, moved, mounted over, switched, hung. No
//! write is acknowledged that nobody would find, nothing is said to be missing that is only not looked for, health says
//! so, and a HUP takes up what has the name then.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::place::wait_until;
use crate::common::client::{Answer, Client};
use crate::common::{Sandbox, need};

fn ask(sandbox: &Sandbox, method: &str, target: &str) -> Answer {
    let body = (method == "PUT").then_some(b"new".as_slice());
    let fields: &[_] = if matches!(method, "COPY" | "MOVE") { &[("Destination", "/x")] } else { &[] };
    Client::connect(sandbox.address()).unwrap().ask(method, target, fields, body).unwrap()
}

fn health(sandbox: &Sandbox) -> u16 {
    ask(sandbox, "GET", "/.cfpd/health").status
}

/// Everything that asks for the root is told that it is not there, and nothing is written.
fn assert_gone(sandbox: &Sandbox) {
    let requests = [
        ("PUT", "/new"),
        ("PUT", "/f"),
        ("MKCOL", "/d/"),
        ("DELETE", "/f"),
        ("COPY", "/f"),
        ("MOVE", "/f"),
        ("GET", "/"),
        ("GET", "/missing"),
    ];
    for (method, target) in requests {
        let answer = ask(sandbox, method, target);
        assert_eq!(answer.status, 503, "{method} {target}: {}", answer.text());
        assert!(answer.text().contains("the served directory was removed"), "{}", answer.text());
    }
    let answer = ask(sandbox, "GET", "/.cfpd/health");
    assert_eq!((answer.status, &*answer.text()), (503, "/.cfpd/health: is not ok\n"));
    sandbox.until_said("cfpd: /: the served directory was removed, moved or mounted over");
}

#[test]
fn a_root_that_was_removed_and_made_again_is_not_there_until_it_is_opened_again() {
    let mut sandbox = Sandbox::new();
    sandbox.keep("f", "old");
    assert_eq!(health(&sandbox), 200);
    fs::remove_dir_all(sandbox.root()).unwrap();
    assert_gone(&sandbox);
    fs::create_dir(sandbox.root()).unwrap();
    sandbox.keep("f", "again");
    assert_gone(&sandbox);
    sandbox.signal(Signal::SIGHUP);
    sandbox.until_said("reloaded");
    if sandbox.log().contains("no Landlock") {
        assert_eq!(ask(&sandbox, "GET", "/f").text(), "again");
    } else {
        sandbox.until_said("which a confined process cannot open: restart cfpd");
        assert_gone(&sandbox);
    }
    assert_eq!(fs::read_dir(sandbox.root()).unwrap().count(), 1);
    sandbox.restart(&[]);
    assert_eq!((health(&sandbox), &*ask(&sandbox, "GET", "/f").text()), (200, "again"));
}

#[test]
fn a_root_that_was_moved_takes_nothing_and_one_that_comes_back_serves_again() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "old");
    let aside = sandbox.root().with_file_name("aside");
    fs::rename(sandbox.root(), &aside).unwrap();
    assert_gone(&sandbox);
    // What is there is still what it was.
    assert_eq!(ask(&sandbox, "GET", "/f").text(), "old");
    fs::rename(&aside, sandbox.root()).unwrap();
    assert_eq!(health(&sandbox), 200);
    sandbox.until_said("cfpd: the served directory answers again");
    assert_eq!(ask(&sandbox, "PUT", "/new").status, 201);
}

#[test]
fn a_root_that_something_is_mounted_over_takes_nothing() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    if !Command::new("mount").args(["-t", "tmpfs", "none"]).arg(sandbox.root()).status().unwrap().success() {
        return need::left_out("root may not mount here");
    }
    assert_gone(&sandbox);
    assert!(Command::new("umount").arg(sandbox.root()).status().unwrap().success());
    assert_eq!(health(&sandbox), 200);
}

#[test]
fn a_root_that_is_a_link_is_switched_by_a_hup() {
    let mut first = None;
    let sandbox = Sandbox::prepared(&[], |root| {
        let releases = root.with_file_name("releases");
        for (name, content) in [("1", "one"), ("2", "two")] {
            fs::create_dir_all(releases.join(name)).unwrap();
            fs::write(releases.join(name).join("f"), content).unwrap();
        }
        fs::remove_dir(root).unwrap();
        symlink("releases/1", root).unwrap();
        first = Some(releases.join("1"));
    });
    assert_eq!(ask(&sandbox, "GET", "/f").text(), "one");
    let new = sandbox.root().with_file_name("new");
    symlink("releases/2", &new).unwrap();
    fs::rename(&new, sandbox.root()).unwrap();
    assert_gone(&sandbox);
    sandbox.signal(Signal::SIGHUP);
    sandbox.until_said("cfpd: reloaded");
    assert_eq!((health(&sandbox), &*ask(&sandbox, "GET", "/f").text()), (200, "two"));
    assert_eq!(ask(&sandbox, "PUT", "/new").status, 201);
    assert_eq!(fs::read_dir(first.unwrap()).unwrap().count(), 1);
}

#[test]
fn a_reload_that_fails_is_said_in_the_log_and_on_standard_error() {
    let sandbox = Sandbox::prepared(&["--log", "logs/log"], |root| {
        fs::create_dir(root.with_file_name("work").join("logs")).unwrap();
    });
    let logs = sandbox.work().join("logs");
    let failed = "cfpd: nothing was reloaded, all stays as it was: logs/log: ";
    // A directory that is gone.
    fs::rename(&logs, sandbox.work().join("old")).unwrap();
    sandbox.signal(Signal::SIGHUP);
    sandbox.until_said(failed);
    assert!(fs::read_to_string(sandbox.work().join("old/log")).unwrap().contains(failed));
    // And one that was moved back.
    fs::rename(sandbox.work().join("old"), &logs).unwrap();
    fs::rename(logs.join("log"), logs.join("log.1")).unwrap();
    sandbox.signal(Signal::SIGHUP);
    let reloaded = || fs::read_to_string(logs.join("log")).is_ok_and(|log| log.contains("cfpd: reloaded"));
    wait_until(&sandbox, "the new log", reloaded);
    assert!(!sandbox.log().contains("cfpd: reloaded"), "{}", sandbox.log());
}

/// A process that is continued when dropped, so that what hangs on it ends.
struct Stopped(Pid);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// Unmounts when dropped.
struct Unmounted<'a>(&'a Path);

impl Drop for Unmounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

/// A daemon on a FUSE file system, and the server of that; none where there is no FUSE.
fn on_fuse(options: &[&str]) -> Option<(Sandbox, Child)> {
    if !need::root_and(&["bindfs", "umount"]) {
        return None;
    }
    let mut server = None;
    let sandbox = Sandbox::prepared(options, |root| {
        let below = root.with_file_name("below");
        fs::create_dir(&below).unwrap();
        // In the foreground, so that its number is known; no answer is kept.
        let mut command = Command::new("bindfs");
        command.args(["-f", "-o", "attr_timeout=0,entry_timeout=0"]).arg(&below).arg(root);
        let mut child = command.spawn().unwrap();
        let device = |path: &Path| std::os::unix::fs::MetadataExt::dev(&fs::metadata(path).unwrap());
        while child.try_wait().unwrap().is_none() && device(root) == device(&below) {
            std::thread::yield_now();
        }
        server = Some(child);
    });
    let mut server = server.unwrap();
    if server.try_wait().unwrap().is_some() {
        need::left_out("FUSE cannot be used here");
        return None;
    }
    Some((sandbox, server))
}

#[test]
fn a_daemon_whose_file_system_hangs_ends_within_its_grace() {
    let Some((mut sandbox, mut server)) = on_fuse(&["--grace", "1"]) else { return };
    {
        let root = sandbox.root();
        let _unmounted = Unmounted(&root);
        sandbox.keep("f", "old");
        let number = Pid::from_raw(server.id().try_into().unwrap());
        kill(number, Signal::SIGSTOP).unwrap();
        let stopped = Stopped(number);
        let mut waits = TcpStream::connect(sandbox.address()).unwrap();
        waits.write_all(b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
        assert_eq!(health(&sandbox), 503);
        sandbox.signal(Signal::SIGTERM);
        assert!(sandbox.wait().success());
        drop(stopped);
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn health_and_all_that_need_the_files_say_no_when_the_file_system_does_not_answer() {
    let Some((sandbox, mut server)) = on_fuse(&[]) else { return };
    {
        let root = sandbox.root();
        let _unmounted = Unmounted(&root);
        assert_eq!(health(&sandbox), 200);
        let number = Pid::from_raw(server.id().try_into().unwrap());
        kill(number, Signal::SIGSTOP).unwrap();
        let stopped = Stopped(number);
        assert_eq!(health(&sandbox), 503);
        sandbox.until_said("cfpd: /: the file system has not answered for 5 s");
        // Nobody waits for it any more.
        assert_eq!(health(&sandbox), 503);
        for (method, target) in [("GET", "/f"), ("PUT", "/f"), ("DELETE", "/f"), ("HEAD", "/.cfpd/uploads/0")]
        {
            let answer = ask(&sandbox, method, target);
            assert_eq!((answer.status, answer.field("retry-after")), (503, "1"), "{method}");
        }
        assert_eq!(ask(&sandbox, "OPTIONS", "/").status, 200);
        assert_eq!(ask(&sandbox, "GET", "/.cfpd/metrics").status, 200);
        // A reload waits for it too, and holds up no other signal.
        sandbox.signal(Signal::SIGHUP);
        sandbox.signal(Signal::SIGUSR1);
        sandbox.until_said("cfpd: status: ");
        drop(stopped);
        sandbox.until_said("cfpd: reloaded");
        sandbox.until_said("cfpd: the served directory answers again");
        assert_eq!(health(&sandbox), 200);
    }
    // The daemon still has it open.
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_sent_is_named() {
    let sandbox = Sandbox::new();
    let file = sandbox.keep("big", vec![b'x'; 64 << 20]);
    let mut client = TcpStream::connect(sandbox.address()).unwrap();
    client.write_all(b"GET /big HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    client.read_exact(&mut [0; 1]).unwrap();
    // More than all buffers on the way hold is still to be sent.
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(1).unwrap();
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert!(rest.len() < 64 << 20);
    sandbox.until_said("cfpd: /big: became shorter while it was read");
}
