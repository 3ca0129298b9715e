//! What the system says of the running daemon: its threads and descriptors, and what lies in its directory. Facts
//! that become true in time are waited for here, with a request to the daemon between two looks: it must be
//! answering all the while.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::client::Client;
use super::{HANG, Sandbox};

/// What a daemon holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub threads: usize,
    pub descriptors: usize,
}

/// A look at the daemon through a connection of its own, which is among what is held from the beginning.
pub struct Watch<'a> {
    sandbox: &'a Sandbox,
    pulse: Client,
}

impl<'a> Watch<'a> {
    pub fn new(sandbox: &'a Sandbox) -> Self {
        let mut watch = Watch { sandbox, pulse: Client::connect(sandbox.address()).unwrap() };
        watch.beat();
        watch
    }

    /// How many threads and descriptors the daemon has now.
    pub fn held(&self) -> Held {
        let count =
            |what: &str| fs::read_dir(format!("/proc/{}/{what}", self.sandbox.pid())).unwrap().count();
        Held { threads: count("task"), descriptors: count("fd") }
    }

    /// The memory the daemon has now, in KiB.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.sandbox.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// How many bytes the daemon has read in its life, from files too.
    pub fn read(&self) -> u64 {
        let io = fs::read_to_string(format!("/proc/{}/io", self.sandbox.pid())).unwrap();
        io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
    }

    /// How many bytes the daemon has received in its life.
    pub fn received(&self) -> u64 {
        let metrics =
            Client::connect(self.sandbox.address()).unwrap().ask("GET", "/.cfpd/metrics", &[], None).unwrap();
        let text = metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix("cfpd_received_bytes_total ")).unwrap();
        line.parse().unwrap()
    }

    /// Waits for a fact.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + HANG;
        while !is_so(self) {
            assert!(Instant::now() < end, "{what} never came; held: {:?}", self.held());
            self.beat();
        }
    }

    /// Waits until the log, a file in the working directory of the daemon, says something.
    pub fn until_log(&mut self, name: &str, mut is_so: impl FnMut(&str) -> bool) {
        let path = self.sandbox.work().join(name);
        self.until(name, |_| is_so(&fs::read_to_string(&path).unwrap()));
    }

    /// Waits until the daemon holds no more than before, neither in its process nor in its directory.
    pub fn until_nothing_is_left(&mut self, before: Held, stored: &[&str]) {
        self.until("the end of what a client left", |watch| {
            let held = watch.held();
            held.threads <= before.threads
                && held.descriptors <= before.descriptors
                && watch.sandbox.all_stored() == stored
        });
    }

    /// Asks for its health; on a new connection where the old one has been idle for too long.
    fn beat(&mut self) {
        let ask = |pulse: &mut Client| pulse.ask("GET", "/.cfpd/health", &[], None);
        let answer = ask(&mut self.pulse).or_else(|_| {
            self.pulse = Client::connect(self.sandbox.address())?;
            ask(&mut self.pulse)
        });
        assert_eq!(answer.unwrap().text(), "ok\n");
    }
}

/// All that lies beneath a directory, temporary files too, sorted, with slashes.
pub fn names_beneath(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            names.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                waiting.push(path);
            }
        }
    }
    names.sort();
    names
}
