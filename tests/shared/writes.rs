//! Conditions between daemons: of many writers one wins, nothing acknowledged is lost, and there is one order.

use std::sync::Barrier;
use std::thread;

use super::nodes::Nodes;
use crate::common::client::Client;
use crate::linear::rounds::judge_rounds_at;

const WRITERS: usize = 8;
const ROUNDS: usize = 100;

/// How many of the writers, half of them at each daemon, were told that they have written.
fn winners(nodes: &Nodes, field: (&str, &str)) -> usize {
    let start = Barrier::new(WRITERS);
    let write = |number: usize| {
        let mut client = nodes.connect(number);
        start.wait();
        let body = number.to_string();
        let status = client.ask("PUT", "/f", &[field], Some(body.as_bytes())).unwrap().status;
        assert!(matches!(status, 201 | 204 | 412), "{status}");
        usize::from(status != 412)
    };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || write(number))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    })
}

#[test]
fn of_the_writers_that_saw_one_version_exactly_one_replaces_it() {
    for nodes in Nodes::all() {
        let mut tag = nodes.ask(0, "PUT", "/f", Some(b"first")).field("etag").to_owned();
        for round in 0..ROUNDS {
            assert_eq!(winners(&nodes, ("If-Match", &tag)), 1, "round {round}");
            let tags = [0, 1].map(|number| nodes.ask(number, "HEAD", "/f", None).field("etag").to_owned());
            assert_eq!(tags[0], tags[1], "round {round}");
            [tag, _] = tags;
        }
    }
}

#[test]
fn of_the_writers_of_a_new_name_exactly_one_creates_it() {
    for nodes in Nodes::all() {
        for round in 0..ROUNDS / 4 {
            assert_eq!(winners(&nodes, ("If-None-Match", "*")), 1, "round {round}");
            assert_eq!(nodes.ask(round, "DELETE", "/f", None).status, 204);
        }
    }
}

/// Adds one to the number in a file: get, change, put if nobody else did.
fn count(client: &mut Client) {
    loop {
        let found = client.ask("GET", "/counter", &[], None).unwrap();
        let next = (found.text().parse::<u32>().unwrap() + 1).to_string();
        let condition = [("If-Match", found.field("etag"))];
        match client.ask("PUT", "/counter", &condition, Some(next.as_bytes())).unwrap().status {
            204 => return,
            status => assert_eq!(status, 412),
        }
    }
}

#[test]
fn every_step_of_a_counter_that_was_acknowledged_is_in_it() {
    for nodes in Nodes::all() {
        assert_eq!(nodes.ask(0, "PUT", "/counter", Some(b"0")).status, 201);
        thread::scope(|scope| {
            for number in 0..4 {
                let mut client = nodes.connect(number);
                scope.spawn(move || (0..15).for_each(|_| count(&mut client)));
            }
        });
        assert_eq!([0, 1].map(|number| nodes.ask(number, "GET", "/counter", None).text()), ["60", "60"]);
    }
}

#[test]
fn what_clients_of_two_daemons_see_of_two_names_has_one_order() {
    for (nodes, rounds) in Nodes::all().zip([100, 10]) {
        judge_rounds_at(&nodes.nodes[0].root(), &nodes.addresses(), rounds);
    }
}
