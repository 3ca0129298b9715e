//! Rounds: each begins with two free names, lets all clients at them at once, and is judged by itself, so that a
//! history stays small enough to be searched. `CFP_ROUNDS` asks for more of them.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use super::history::{Moments, Recorder};
use super::register::{Event, has_an_order};
use crate::common::Sandbox;
use crate::common::client::Client;

const CLIENTS: usize = 6;
/// Requests of a client in a round; 64 are all that can be judged.
const STEPS: usize = 9;

fn round(root: &Path, addresses: &[&str], round: usize) -> Vec<Event> {
    let (moments, start) = (Moments::default(), Barrier::new(CLIENTS));
    let directory = format!("/{round}");
    fs::create_dir(root.join(&directory[1..])).unwrap();
    let recorder = |client: usize| Recorder {
        client: Client::connect(addresses[client % addresses.len()]).unwrap(),
        moments: &moments,
        names: ["a", "b"].map(|name| format!("{directory}/{name}")),
        number: client as i64 * 1000,
        chance: (round * CLIENTS + client) as u64,
        seen: ["\"none\"".to_owned(), "\"none\"".to_owned()],
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (mut recorder, start) = (recorder(client), &start);
                scope.spawn(move || {
                    start.wait();
                    recorder.record(STEPS)
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

fn judge_rounds(options: &[&str], rounds: usize) {
    let sandbox = Sandbox::with(options);
    judge_rounds_at(&sandbox.root(), &[sandbox.address()], rounds);
}

/// The same for clients of several daemons that serve this directory.
pub fn judge_rounds_at(root: &Path, addresses: &[&str], rounds: usize) {
    let rounds = std::env::var("CFP_ROUNDS").map_or(rounds, |rounds| rounds.parse().unwrap());
    for number in 0..rounds {
        let mut history = round(root, addresses, number);
        history.sort_by_key(|event| event.asked);
        let lines: Vec<_> = history.iter().map(|event| format!("{event:?}")).collect();
        assert!(has_an_order(&history), "round {number} has no order:\n{}", lines.join("\n"));
    }
}

#[test]
fn what_many_clients_see_of_two_names_has_one_order() {
    judge_rounds(&["--no-sync"], 150);
}

#[test]
fn what_is_synced_before_it_is_acknowledged_has_one_order_too() {
    judge_rounds(&[], 10);
}
