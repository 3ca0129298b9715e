//! Nothing lost: filters in place and conditional uploads race on one file, each tried again when it is refused. In
//! the end every one of them is in the file.

use std::thread;

use crate::common::Sandbox;
use crate::common::client::{Answer, Client};

const WRITERS: usize = 4;
const EACH: usize = 12;

/// Asks until the answer is not that the file has changed.
fn insist(mut ask: impl FnMut() -> Answer) {
    loop {
        match ask().status {
            412 => {}
            204 => return,
            status => panic!("{status}"),
        }
    }
}

/// Turns `open-W-N` into `done-W-N`, in place.
fn turn(client: &mut Client, writer: usize, number: usize) {
    let target = format!("/f?replace=open-{writer}-{number}&with=done-{writer}-{number}");
    insist(|| client.ask("COPY", &target, &[("Destination", "/f")], None).unwrap());
}

/// Adds a line, as a script does: get, change, put if nobody else did.
fn add(client: &mut Client, writer: usize, number: usize) {
    insist(|| {
        let found = client.ask("GET", "/f", &[], None).unwrap();
        let tag = found.field("etag").to_owned();
        let longer = [&found.body[..], format!("added-{writer}-{number}\n").as_bytes()].concat();
        client.ask("PUT", "/f", &[("If-Match", &tag)], Some(&longer)).unwrap()
    });
}

#[test]
fn filters_in_place_and_conditional_uploads_lose_nothing_of_each_other() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    let all = |what: &'static str| {
        (0..WRITERS * EACH).map(move |one| format!("{what}-{}-{}\n", one / EACH, one % EACH))
    };
    sandbox.keep("f", all("open").collect::<String>());
    thread::scope(|scope| {
        for act in [turn, add] {
            for writer in 0..WRITERS {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    let mut client = Client::connect(sandbox.address()).unwrap();
                    (0..EACH).for_each(|number| act(&mut client, writer, number));
                });
            }
        }
    });
    let content = std::fs::read_to_string(sandbox.root().join("f")).unwrap();
    let mut lines: Vec<_> = content.lines().collect();
    lines.sort_unstable();
    let expected: String = all("added").chain(all("done")).collect();
    let mut expected: Vec<_> = expected.lines().collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[test]
fn a_filter_in_place_does_not_undo_a_change_unless_any_version_will_do() {
    let sandbox = Sandbox::with(&["--no-sync"]);
    let old = b"word and more of it\n".repeat(3_000_000);
    for (fields, status, left) in [
        (&[("Destination", "/f")][..], 412, &b"new"[..]),
        (&[("Destination", "/f"), ("If-Match", "*")], 204, b"WORD and more"),
    ] {
        sandbox.keep("f", &old);
        thread::scope(|scope| {
            let filter = scope.spawn(|| {
                let mut client = Client::connect(sandbox.address()).unwrap();
                client.ask("COPY", "/f?replace=word&with=WORD", fields, None).unwrap().status
            });
            // Its result is on the way, beside the file.
            while sandbox.all_stored().len() < 2 {
                assert!(!filter.is_finished(), "the filter ended before anything came of it");
            }
            let mut client = Client::connect(sandbox.address()).unwrap();
            assert_eq!(client.ask("PUT", "/f", &[], Some(b"new")).unwrap().status, 204);
            assert_eq!(filter.join().unwrap(), status);
        });
        let content = sandbox.stored("f");
        assert!(content.starts_with(left), "{}", content[..20.min(content.len())].escape_ascii());
    }
}
