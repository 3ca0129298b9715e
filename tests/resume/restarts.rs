//! What survives the daemon: KILL at any point, and another daemon on the same directory goes on.

use std::fs;

use super::wire::{Wire, begin_and_cut, bytes, kept, look, patch};
use crate::common::Sandbox;

#[test]
fn an_upload_survives_the_daemon() {
    let mut sandbox = Sandbox::new();
    let all = bytes(3_000_000);
    let place = begin_and_cut(&sandbox, "f", "If-None-Match: *", all.len(), &all[..500_000]);
    let mut at = 500_000;
    while at < all.len() {
        sandbox.kill();
        sandbox.start_again();
        let state = look(&sandbox, &place);
        assert_eq!((state.state(), state.field("upload-length")), (format!("204 {at} ?0"), "3000000"));
        let next = (at + 1_000_000).min(all.len());
        assert_eq!(patch(&sandbox, &place, at, "?0", "", &all[at..next]).status, 204);
        at = next;
    }
    sandbox.kill();
    sandbox.start_again();
    assert_eq!(patch(&sandbox, &place, at, "?1", "", b"").state(), "201 3000000 ?1");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), all);
    assert_eq!(kept(&sandbox), [""; 0]);
}

#[test]
fn what_was_asked_when_it_began_holds_in_another_daemon() {
    let mut sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "If-None-Match: *", 4, b"te");
    sandbox.kill();
    sandbox.keep("f", "theirs");
    sandbox.start_again();
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xt").state(), "412 - ?1");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"theirs");
}

#[test]
fn a_daemon_killed_while_it_reads_tells_no_more_than_it_has() {
    let mut sandbox = Sandbox::new();
    let all = bytes(1_000_000);
    for sent in [0, 1, 100_000, 999_999] {
        let mut wire = Wire::to(&sandbox);
        wire.head("PUT /f", "Upload-Complete: ?1\nContent-Length: 1000000");
        let place = wire.answer(false).field("location").to_owned();
        wire.send(&all[..sent]);
        sandbox.kill();
        sandbox.start_again();
        let offset: usize = look(&sandbox, &place).field("upload-offset").parse().unwrap();
        assert!(offset <= sent);
        assert!(matches!(patch(&sandbox, &place, offset, "?1", "", &all[offset..]).status, 201 | 204));
        assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), all);
    }
}
