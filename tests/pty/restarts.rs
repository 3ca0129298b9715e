//! The server goes and comes back in the middle of a session.

use super::person::Person;
use crate::common::Sandbox;

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
fn without_a_server_there_is_no_session() {
    let mut sandbox = Sandbox::new();
    sandbox.kill();
    let mut person = Person::begin(&sandbox, &[]);
    person.expect("cfp-shell: http://127.0.0.1:");
    assert_eq!(person.ends(), Some(3));
}
