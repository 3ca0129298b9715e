//! Two requests on one upload: the later one wins, and no byte is mixed up.

use std::fs;
use std::thread;

use super::wire::{Wire, ask, begin_and_cut, bytes, look, patch};
use crate::common::Sandbox;

#[test]
fn who_asks_how_far_it_is_ends_the_request_before() {
    let sandbox = Sandbox::new();
    let mut wire = Wire::to(&sandbox);
    wire.head("PUT /f", "Upload-Complete: ?1\nContent-Length: 4");
    let place = wire.answer(false).field("location").to_owned();
    wire.send(b"te");
    // The connection is open still, as far as its client can tell; what it sent may or may not be here.
    let state = look(&sandbox, &place);
    let offset: usize = state.field("upload-offset").parse().unwrap();
    assert!(offset == 0 || offset == 2, "{state:?}");
    assert!(wire.ends());
    assert_eq!(patch(&sandbox, &place, offset, "?1", "", &b"text"[offset..]).status, 201);
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"text");
}

#[test]
fn who_gives_up_ends_the_request_before() {
    let sandbox = Sandbox::new();
    let mut wire = Wire::to(&sandbox);
    wire.head("PUT /f", "Upload-Complete: ?1\nContent-Length: 4");
    let place = wire.answer(false).field("location").to_owned();
    assert_eq!(ask(&sandbox, &format!("DELETE {place}"), "", b"").status, 204);
    assert!(wire.ends());
    assert!(!sandbox.root().join("f").exists());
}

#[test]
fn many_who_append_at_once_corrupt_nothing() {
    let sandbox = Sandbox::new();
    let all = bytes(400_000);
    for round in 0..10 {
        let name = format!("f{round}");
        let place = begin_and_cut(&sandbox, &name, "", all.len(), &all[..1000]);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    // Any of them may be cut at any point; each takes up where the others were.
                    while let Some(offset) = offset_of(&sandbox, &place) {
                        let mut wire = Wire::to(&sandbox);
                        let fields = format!(
                            "Content-Type: application/partial-upload\nUpload-Complete: ?1
                             Upload-Offset: {offset}\nContent-Length: {}",
                            all.len() - offset
                        );
                        wire.head(&format!("PATCH {place}"), &fields);
                        wire.try_send(&all[offset..]);
                    }
                });
            }
        });
        assert_eq!(fs::read(sandbox.root().join(&name)).unwrap(), all);
    }
}

/// Where to go on, until it has ended. A look may itself be cut by the next one.
fn offset_of(sandbox: &Sandbox, place: &str) -> Option<usize> {
    loop {
        let mut wire = Wire::to(sandbox);
        wire.head(&format!("HEAD {place}"), "");
        match wire.try_answer() {
            Some(state) if state.field("upload-complete") == "?1" => return None,
            Some(state) if state.status == 204 => return state.field("upload-offset").parse().ok(),
            Some(state) => assert_eq!(state.status, 503, "{state:?}"),
            None => {}
        }
    }
}
