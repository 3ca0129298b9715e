//! The server goes and comes back in the middle of a session.

use std::fs::{self, File};

use super::person::Person;
use crate::common::Sandbox;
use crate::common::terminal::stop;

#[test]
fn a_session_goes_on_with_a_server_that_was_restarted() {
    let mut sandbox = Sandbox::new();
    sandbox.keep("d/f", "text");
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("cd d"), "");
    sandbox.kill();
    sandbox.start_again();
    assert_eq!(person.says("list"), "f");
    // While there is none, that is said in one line.
    sandbox.kill();
    for _ in 0..2 {
        let said = person.says("list");
        assert!(said.starts_with("cfp-shell: http://127.0.0.1:") && said.lines().count() == 1, "{said}");
    }
    assert_eq!(person.says("pwd"), ":/d");
    sandbox.start_again();
    assert_eq!(person.says("list"), "f");
    person.leave();
}

#[test]
fn an_upload_goes_on_when_the_server_comes_back() {
    let mut sandbox = Sandbox::new();
    sandbox.write("f", "text");
    let mut person = Person::start(&sandbox);
    sandbox.kill();
    // It tries again until there is a server.
    person.enter("upload f");
    sandbox.start_again();
    assert_eq!(person.waits(), "f is stored as :f.");
    person.leave();
    assert_eq!(sandbox.stored("f"), b"text");
}

#[test]
fn a_transfer_that_the_server_breaks_off_goes_on_where_it_was() {
    let mut sandbox = Sandbox::new();
    File::create(sandbox.work().join("long")).unwrap().set_len(64 << 20).unwrap();
    sandbox.keep("stored", vec![b'x'; 1 << 20]);
    let mut person = Person::start(&sandbox);
    for (command, said) in [
        ("upload long", "long is stored as :long."),
        ("download stored", ":stored is stored here as stored."),
        ("search x :stored", "'x' occurs 0 times in :stored."),
    ] {
        stop(&sandbox);
        person.enter(command);
        sandbox.kill();
        sandbox.start_again();
        let heard = person.waits();
        // What only reads is not tried again: that is said, and the session goes on.
        assert!(heard == said || (command.starts_with("search") && heard.lines().count() == 1), "{heard}");
    }
    assert_eq!(person.says("list -l long").split_whitespace().next(), Some("67108864"));
    person.leave();
    assert_eq!(fs::metadata(sandbox.work().join("stored")).unwrap().len(), 1 << 20);
}

#[test]
fn without_a_server_there_is_no_session() {
    let mut sandbox = Sandbox::new();
    sandbox.kill();
    let mut person = Person::begin(&sandbox, &[]);
    person.expect("cfp-shell: http://127.0.0.1:");
    assert_eq!(person.ends(), Some(3));
}
