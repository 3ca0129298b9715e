//! kill -9 while clients upload, overwrite, replace in place, copy, move and delete. Each client knows what its
//! directory held after the last acknowledgement, and what it will hold after the request under way: after a restart
//! it must be the one or the other, to the byte, and nothing else may be on the disk.

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use cfp::http::digest::{Hasher, format as digest_field};

use super::place::{files_beneath, text, wait_for_files, wait_until};
use crate::common::Sandbox;
use crate::common::client::{Client, head};

const CLIENTS: usize = 8;
/// Rounds when nobody asks for more by `CFP_ROUNDS`.
const ROUNDS: u64 = 4;

type Files = BTreeMap<String, Vec<u8>>;

/// One client, over all rounds.
struct Writer {
    directory: String,
    /// What is in its directory, as far as it was told.
    acknowledged: Files,
    /// What will be, should the request under way be carried out.
    under_way: Option<Files>,
    state: u64,
}

/// A request, and what it leaves.
struct Step {
    method: &'static str,
    target: String,
    destination: Option<String>,
    body: Option<Vec<u8>>,
    after: Files,
}

impl Writer {
    fn new(number: usize) -> Self {
        let directory = format!("/client{number}");
        Writer { directory, acknowledged: Files::new(), under_way: None, state: number as u64 + 1 }
    }

    fn chance(&mut self, below: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }

    /// Chooses what to do next.
    fn step(&mut self) -> Step {
        let (one, other) = (format!("f{}", self.chance(4)), format!("f{}", self.chance(4)));
        let way = |name: &str| format!("{}/{name}", self.directory);
        let (target, mut destination) = (way(&one), Some(way(&other)));
        let mut after = self.acknowledged.clone();
        let (mut body, mut query) = (None, "");
        let method = match (self.chance(8), after.get(&one).cloned()) {
            (4, Some(content)) => {
                let turned = String::from_utf8(content).unwrap().replace("before", "later");
                after.insert(one.clone(), turned.into_bytes());
                (destination, query) = (Some(target.clone()), "?replace=before&with=later");
                "COPY"
            }
            (5, Some(content)) if one != other => {
                after.insert(other, content);
                "COPY"
            }
            (6, Some(content)) if one != other => {
                after.remove(&one);
                after.insert(other, content);
                "MOVE"
            }
            (7, Some(_)) => {
                after.remove(&one);
                destination = None;
                "DELETE"
            }
            _ => {
                let length = [40, 3000, 90_000, 700_000][self.chance(4) as usize];
                let content = [b"before ", text(self.state, length).as_slice(), b" before\n"].concat();
                after.insert(one, content.clone());
                (body, destination) = (Some(content), None);
                "PUT"
            }
        };
        Step { method, target: target + query, destination, body, after }
    }

    /// Works until the daemon is gone.
    fn work(&mut self, address: &str, told: &Sender<()>) {
        let Ok(mut client) = Client::connect(address) else { return };
        loop {
            let step = self.step();
            self.under_way = Some(step.after.clone());
            let fields: Vec<_> = step.destination.iter().map(|to| ("Destination", to.as_str())).collect();
            let Ok(answer) = client.ask(step.method, &step.target, &fields, step.body.as_deref()) else {
                return;
            };
            assert!(matches!(answer.status, 201 | 204), "{} {}: {answer:?}", step.method, step.target);
            self.acknowledged = step.after;
            self.under_way = None;
            if told.send(()).is_err() {
                return;
            }
        }
    }

    /// Looks what there is now, through the daemon.
    fn look(&self, client: &mut Client) -> Files {
        let list = client.ask("GET", &format!("{}/", self.directory), &[("Accept", "text/plain")], None);
        let names: Vec<_> = list.unwrap().text().lines().map(str::to_owned).collect();
        names.into_iter().map(|name| (name.clone(), self.fetch(client, &name))).collect()
    }

    /// A file, whose digest must be that of what came.
    fn fetch(&self, client: &mut Client, name: &str) -> Vec<u8> {
        let want = [("Want-Repr-Digest", "sha-256=1")];
        let answer = client.ask("GET", &format!("{}/{name}", self.directory), &want, None).unwrap();
        let mut hasher = Hasher::default();
        hasher.update(&answer.body);
        assert_eq!((answer.status, answer.field("repr-digest")), (200, &*digest_field(&hasher.finish())));
        answer.body
    }

    /// Compares what there is with what may be, and goes on from there.
    fn settle(&mut self, client: &mut Client) -> Vec<String> {
        let found = self.look(client);
        let may_be = found == self.acknowledged || Some(&found) == self.under_way.as_ref();
        assert!(
            may_be,
            "{}: found {:?}\nacknowledged {:?}\nunder way {:?}",
            self.directory,
            outline(&found),
            outline(&self.acknowledged),
            self.under_way.as_ref().map(outline)
        );
        self.acknowledged = found;
        self.under_way = None;
        let directory = self.directory.trim_start_matches('/');
        match self.acknowledged.is_empty() {
            true => vec![format!("{directory}/")],
            false => self.acknowledged.keys().map(|name| format!("{directory}/{name}")).collect(),
        }
    }
}

/// Contents by their lengths and beginnings.
fn outline(files: &Files) -> Vec<(&str, usize, String)> {
    let start = |content: &[u8]| String::from_utf8_lossy(&content[..content.len().min(24)]).into_owned();
    files.iter().map(|(name, content)| (name.as_str(), content.len(), start(content))).collect()
}

/// What the daemon keeps of uploads that have not ended.
fn temporaries(sandbox: &Sandbox) -> Vec<String> {
    files_beneath(&sandbox.root()).into_iter().filter(|name| name.contains(".cfpd-")).collect()
}

/// Lets all clients work until `steps` were acknowledged, and kills the daemon then, wherever it is.
fn work_and_kill(sandbox: &mut Sandbox, writers: &mut [Writer], steps: u64) {
    let (told, acknowledgements) = channel();
    let address = sandbox.address().to_owned();
    // One upload is always half there.
    let mut half = Client::connect(&address).unwrap();
    half.send(&head("PUT", "/client0/half", &[("Content-Length", "1000000")])).unwrap();
    half.send(&text(0, 500_000)).unwrap();
    wait_until(sandbox, "the half", || !temporaries(sandbox).is_empty());
    thread::scope(|scope| {
        for writer in writers {
            let (address, told) = (&address, told.clone());
            scope.spawn(move || writer.work(address, &told));
        }
        (0..steps).for_each(|_| acknowledgements.recv().unwrap());
        sandbox.kill();
    });
}

fn rounds_of_kills(options: &[&str]) {
    let rounds = std::env::var("CFP_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let mut sandbox = Sandbox::with(options);
    let mut writers: Vec<_> = (0..CLIENTS).map(Writer::new).collect();
    for writer in &writers {
        fs::create_dir(sandbox.root().join(&writer.directory[1..])).unwrap();
    }
    let mut leftovers = 0;
    for round in 0..rounds {
        work_and_kill(&mut sandbox, &mut writers, 20 + round * 37 % 120);
        leftovers += temporaries(&sandbox).len();
        sandbox.restart(options);
        let mut client = Client::connect(sandbox.address()).unwrap();
        let files: Vec<_> = writers.iter_mut().flat_map(|writer| writer.settle(&mut client)).collect();
        wait_for_files(&sandbox, &files.iter().map(String::as_str).collect::<Vec<_>>());
    }
    assert!(leftovers as u64 >= rounds, "a kill met no upload on its way: nothing was shown");
    eprintln!("{rounds} kills, {leftovers} temporaries swept");
}

#[test]
fn after_kill_9_every_file_is_old_or_new_and_whole_and_nothing_else_is_there() {
    rounds_of_kills(&[]);
}

#[test]
fn without_sync_a_kill_still_finds_every_file_old_or_new() {
    rounds_of_kills(&["--no-sync"]);
}

#[test]
fn a_directory_is_copied_and_deleted_whole_or_not_at_all() {
    let mut sandbox = Sandbox::new();
    let names: Vec<_> = (0..40).map(|number| format!("{number:02}")).collect();
    for name in &names {
        sandbox.keep(&format!("tree/{name}"), text(7, 2000));
    }
    for round in 0..ROUNDS {
        let address = sandbox.address().to_owned();
        let (told, acknowledgements) = channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut client = Client::connect(&address).unwrap();
                // Ends with the daemon.
                while client.ask("COPY", "/tree/", &[("Destination", "/copy/")], None).is_ok()
                    && client.ask("DELETE", "/copy/", &[], None).is_ok()
                    && told.send(()).is_ok()
                {}
            });
            (0..round * 3 + 1).for_each(|_| acknowledgements.recv().unwrap());
            sandbox.kill();
        });
        sandbox.restart(&[]);
        let beneath = |top: &str| names.iter().map(|name| format!("{top}/{name}")).collect::<Vec<_>>();
        let without = beneath("tree");
        let with = [beneath("copy"), beneath("tree")].concat();
        wait_until(&sandbox, "a tree or none", || {
            let found = files_beneath(&sandbox.root());
            found == with || found == without
        });
    }
}
