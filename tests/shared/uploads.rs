//! An upload begun at one daemon goes on at any, and what became of it is known at all.

use std::fs;
use std::time::Instant;

use super::nodes::Nodes;
use crate::common::HANG;
use crate::common::client::{Answer, head};

const PATCH: (&str, &str) = ("Content-Type", "application/partial-upload");

/// `STATUS OFFSET COMPLETE`.
fn state(answer: &Answer) -> String {
    format!("{} {} {}", answer.status, answer.field("upload-offset"), answer.field("upload-complete"))
}

/// Begins an upload of ten bytes at the first daemon with four of them, and returns its path.
fn begin(nodes: &Nodes) -> String {
    let fields = [("Upload-Complete", "?0"), ("Upload-Length", "10")];
    let begun = nodes.connect(0).ask("PUT", "/f", &fields, Some(b"0123")).unwrap();
    assert_eq!(begun.status, 201);
    begun.field("location").split_at(begun.field("location").find("/.cfpd").unwrap()).1.to_owned()
}

#[test]
fn an_upload_begun_at_one_daemon_is_completed_at_the_other_and_both_know_it() {
    for nodes in Nodes::all() {
        let place = begin(&nodes);
        assert_eq!(state(&nodes.ask(1, "HEAD", &place, None)), "204 4 ?0");
        let more = [PATCH, ("Upload-Offset", "4"), ("Upload-Complete", "?0")];
        assert_eq!(nodes.connect(1).ask("PATCH", &place, &more, Some(b"45")).unwrap().status, 204);
        assert_eq!(state(&nodes.ask(0, "HEAD", &place, None)), "204 6 ?0");
        let rest = [PATCH, ("Upload-Offset", "6"), ("Upload-Complete", "?1")];
        let ended = nodes.connect(1).ask("PATCH", &place, &rest, Some(b"6789")).unwrap();
        assert_eq!(ended.status, 201, "{}", ended.text());
        for number in [0, 1] {
            let answer = nodes.ask(number, "HEAD", &place, None);
            assert_eq!((&*state(&answer), answer.field("etag")), ("204 10 ?1", ended.field("etag")));
            assert_eq!(nodes.ask(number, "GET", "/f", None).text(), "0123456789");
            let again = nodes.connect(number).ask("PATCH", &place, &rest, Some(b"6789")).unwrap();
            assert_eq!((again.status, &*again.text()), (400, "upload: is complete already\n"));
            assert_eq!(nodes.ask(number, "DELETE", &place, None).status, 404);
        }
    }
}

#[test]
fn while_one_daemon_receives_an_upload_it_is_503_at_the_other() {
    for nodes in Nodes::all() {
        let place = begin(&nodes);
        let mut sends = nodes.connect(0);
        let fields = [PATCH, ("Upload-Offset", "4"), ("Upload-Complete", "?1"), ("Content-Length", "6")];
        sends.send(&head("PATCH", &place, &fields)).unwrap();
        sends.send(b"45").unwrap();
        let until = |expected: &str| {
            let end = Instant::now() + HANG;
            while state(&nodes.ask(1, "HEAD", &place, None)) != expected {
                let now = state(&nodes.ask(1, "HEAD", &place, None));
                assert!(Instant::now() < end, "never {expected}, now {now}");
            }
        };
        until("503  ");
        let id = place.rsplit('/').next().unwrap();
        let kept = nodes.nodes[0].root().join(".cfpd-uploads").join(id);
        let end = Instant::now() + HANG;
        while fs::metadata(&kept).unwrap().len() < 6 {
            assert!(Instant::now() < end, "the rest never came");
            std::thread::yield_now();
        }
        drop(sends);
        until("204 6 ?0");
    }
}

#[test]
fn a_daemon_that_did_not_get_a_request_does_not_say_that_it_was_not_carried_out() {
    let nodes = Nodes::local();
    let put = |number: usize, fields: &[(&str, &str)]| {
        let fields = [&[("Idempotency-Key", "\"key\"")], fields].concat();
        nodes.connect(number).ask("PUT", "/f", &fields, Some(b"new")).unwrap()
    };
    assert_eq!(put(0, &[]).status, 201);
    let again = put(1, &[("Cfp-Retry", "?1")]);
    assert_eq!(again.status, 409);
    assert!(again.field("cfp-outcomes").ends_with(";since=0"), "{}", again.field("cfp-outcomes"));
    assert_eq!(put(0, &[("Cfp-Retry", "?1")]).status, 201);
}
