//! haproxy with contrib/haproxy.cfg in front of several daemons: who gets a request, and what clients see of a daemon that
//! leaves, is killed or comes back.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use super::nodes::beside;
use crate::common::address::Address;
use crate::common::client::{Answer, Client, head};
use crate::common::{HANG, Sandbox, need};

/// The servers of contrib/haproxy.cfg.
pub const SERVERS: [&str; 3] = ["one", "two", "three"];

/// A haproxy that has bound; ended when dropped.
pub struct Balancer {
    child: Child,
    address: Address,
    directory: TempDir,
}

impl Balancer {
    /// In front of three daemons; none where haproxy is not here.
    pub fn before(daemons: [&str; 3]) -> Option<Self> {
        if !need::programs(&["haproxy"]) {
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let (address, socket) = (Address::any(), directory.path().join("admin.sock"));
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/haproxy.cfg");
        let mut here =
            fs::read_to_string(ours).unwrap().replace("bind :80", &format!("bind {}", address.shown));
        for (last, daemon) in ["11", "12", "13"].iter().zip(daemons) {
            here = here.replace(&format!("192.0.2.{last}:8398"), daemon);
        }
        let socket = socket.display();
        let global = format!("global\n    maxconn 1000\n    stats socket {socket} level admin\n");
        fs::write(directory.path().join("conf"), global + &here).unwrap();
        let mut command = Command::new("/usr/sbin/haproxy");
        command.args(["-db", "-f", "conf"]).current_dir(&directory).stderr(Stdio::null());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let balancer = Balancer { child, address, directory };
        let end = Instant::now() + HANG;
        // The socket of the admin gets its name last.
        while UnixStream::connect(balancer.admin()).is_err()
            || TcpStream::connect(balancer.address()).is_err()
        {
            assert!(Instant::now() < end, "haproxy does not listen");
            std::thread::yield_now();
        }
        Some(balancer)
    }

    pub fn address(&self) -> &str {
        &self.address.shown
    }

    fn admin(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, target: &str, fields: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        Client::connect(self.address()).unwrap().ask(method, target, fields, body).unwrap()
    }

    /// A command of an admin, and what is said to it.
    pub fn command(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(self.admin()).unwrap();
        writeln!(socket, "{command}").unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        said
    }

    /// What is known of a server, in this column of `show stat`.
    fn stat(&self, server: &str, column: &str) -> String {
        let table = self.command("show stat");
        let mut lines = table.lines();
        let at = lines.next().unwrap().split(',').position(|name| name == column).unwrap();
        let row = lines.find(|line| line.starts_with(&format!("cfpd,{server},"))).unwrap();
        row.split(',').nth(at).unwrap().to_owned()
    }

    /// How many requests each server was given so far.
    pub fn given(&self) -> [usize; 3] {
        SERVERS.map(|server| self.stat(server, "stot").parse().unwrap())
    }

    /// Waits until a server is in this state: `UP`, `DOWN`, `DRAIN`.
    pub fn until(&self, server: &str, state: &str) {
        let end = Instant::now() + HANG;
        while self.stat(server, "status") != state {
            assert!(Instant::now() < end, "{server} is {}, never {state}", self.stat(server, "status"));
            std::thread::yield_now();
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three daemons on one local directory.
pub fn three() -> [Sandbox; 3] {
    let first = Sandbox::with(&["--no-sync"]);
    let [second, third] = [0, 1].map(|_| beside(&first.root(), &["--no-sync"]));
    [first, second, third]
}

pub fn in_front_of(daemons: &[Sandbox; 3]) -> Option<Balancer> {
    Balancer::before(daemons.each_ref().map(Sandbox::address))
}

#[test]
fn behind_a_balancer_a_daemon_that_is_drained_ends_what_it_has_and_gets_nothing_new() {
    let daemons = three();
    let Some(balancer) = in_front_of(&daemons) else { return };
    let mut upload = Client::connect(balancer.address()).unwrap();
    upload.send(&head("PUT", "/f", &[("Content-Length", "10"), ("Expect", "100-continue")])).unwrap();
    assert_eq!(upload.head().unwrap().status, 100);
    let busy = balancer.given().iter().position(|given| *given == 1).unwrap();
    assert_eq!(balancer.command(&format!("set server cfpd/{} state drain", SERVERS[busy])).trim(), "");
    balancer.until(SERVERS[busy], "DRAIN");
    for _ in 0..10 {
        assert_eq!(balancer.ask("GET", "/f", &[], None).status, 404);
    }
    upload.send(b"0123456789").unwrap();
    assert_eq!(upload.answer("PUT").unwrap().status, 201);
    assert_eq!(balancer.given()[busy], 1);
    balancer.command(&format!("set server cfpd/{} state ready", SERVERS[busy]));
    balancer.until(SERVERS[busy], "UP");
    for _ in 0..10 {
        assert_eq!(balancer.ask("GET", "/f", &[], None).text(), "0123456789");
    }
    assert!(balancer.given().iter().all(|given| *given > 1), "{:?}", balancer.given());
}

#[test]
fn behind_a_balancer_an_upload_goes_on_at_the_daemon_that_has_it() {
    let daemons = three();
    let Some(balancer) = in_front_of(&daemons) else { return };
    let mut before = balancer.given();
    let begin = [("Upload-Complete", "?0"), ("Upload-Length", "10")];
    let begun = balancer.ask("PUT", "/f", &begin, Some(b"0"));
    let place = begun.field("location").split_at(begun.field("location").find("/.cfpd").unwrap()).1;
    let has_it = balancer.given().iter().zip(before).position(|(now, then)| *now > then).unwrap();
    for (offset, byte) in (1..10).map(|offset| (offset.to_string(), [b'0' + offset])) {
        // Others make another daemon the next one by turns.
        assert_eq!(balancer.ask("GET", "/f", &[], None).status, 404);
        before = balancer.given();
        let complete = if offset == "9" { "?1" } else { "?0" };
        let fields = [
            ("Content-Type", "application/partial-upload"),
            ("Upload-Offset", &*offset),
            ("Upload-Complete", complete),
        ];
        let answer = balancer.ask("PATCH", place, &fields, Some(&byte));
        assert!(matches!(answer.status, 201 | 204), "{offset}: {}", answer.text());
        let at = balancer.given().iter().zip(before).position(|(now, then)| *now > then);
        assert_eq!(at, Some(has_it), "{offset}");
    }
    assert_eq!(balancer.ask("GET", "/f", &[], None).text(), "0123456789");
}

#[test]
fn behind_a_balancer_a_daemon_that_has_ended_is_missed_by_nobody_and_is_back_when_it_answers() {
    let mut daemons = three();
    let Some(balancer) = in_front_of(&daemons) else { return };
    assert_eq!(balancer.ask("PUT", "/f", &[], Some(b"text")).status, 201);
    daemons[1].kill();
    for _ in 0..12 {
        assert_eq!(balancer.ask("GET", "/f", &[], None).text(), "text");
    }
    balancer.until("two", "DOWN");
    daemons[1].start_again();
    balancer.until("two", "UP");
}
