//! Passwords: a wrong one is said at once and asked for again; none is shown or kept.

use std::fs;

use super::person::Person;
use crate::common::Sandbox;

const RULES: &str = "allow all alice /\n";

#[test]
fn a_wrong_password_is_said_at_once_and_asked_for_again() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.keep("f", "text");
    let mut person = Person::begin(&sandbox, &["-u", "alice"]);
    for wrong in ["wrong", "", "wonder\u{e9}"] {
        person.expect("Password of alice at ").press(format!("{wrong}\r")).expect("cfp-shell: ");
    }
    person.expect("Password of alice at ").press("wonderland\r").expect("cfpd ");
    person.waits();
    assert_eq!(person.says("list"), "f");
    person.leave();
    let kept =
        fs::read_to_string(sandbox.work().with_file_name("home").join(".local/state/cfp/history")).unwrap();
    assert!(kept.contains("list") && !kept.contains("wonder") && !kept.contains("wrong"), "{kept}");
}

/// What is typed next would be a command, and kept.
#[test]
fn no_prompt_comes_where_the_server_checks_no_password_now() {
    let sandbox = Sandbox::guarded(&[], RULES);
    let mut person = Person::begin(&sandbox, &["-u", "alice"]);
    for wrong in 0..6 {
        person
            .expect("Password of alice at ")
            .press(format!("wrong{wrong}\r"))
            .expect("wrong user name or password");
    }
    person.expect("Password of alice at ").press("wonderland\r");
    person.expect("cfp-shell: login: the server checks no password now (503): try again later");
    assert_eq!(person.ends(), Some(3));
}

#[test]
fn an_interrupt_at_a_password_comes_to_the_prompt() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.keep("d/f", "text");
    let mut person = Person::begin(&sandbox, &["-u", "alice"]);
    person.expect("Password of alice at ").press("wond\x03");
    person.waits();
    // The first command that needs it asks for it, and is then done.
    person.press("list d\r").expect("cfp-shell: ").expect("Password of alice at ");
    person.press("wonderland\r").expect("f\r\n");
    person.waits();
    assert_eq!(person.says("list d"), "f");
    person.leave();
}

#[test]
fn a_password_that_is_changed_meanwhile_is_asked_for_again() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.keep("d/f", "text");
    let mut person = Person::begin(&sandbox, &["-u", "alice"]);
    person.expect("Password of alice at ").press("wonderland\r").expect("cfpd ");
    person.waits();
    let users = format!("alice:{}\n", bcrypt::hash("looking-glass", 4).unwrap());
    sandbox.write("users", users);
    sandbox.signal(nix::sys::signal::Signal::SIGHUP);
    // The log says when the daemon has read it.
    while !sandbox.log().contains("cfpd: reloaded") {
        std::thread::yield_now();
    }
    person.press("list d\r").expect("cfp-shell: ").expect("Password of alice at ");
    person.press("looking-glass\r").expect("f\r\n");
    person.waits();
    person.leave();
}

#[test]
fn a_password_of_a_file_that_is_wrong_is_asked_for() {
    let sandbox = Sandbox::guarded(&[], RULES);
    sandbox.keep("d/f", "text");
    let file = sandbox.write("password", "wrong\n");
    let script = format!("CFP_PASSWORD_FILE='{}' exec cfp-shell -u alice", file.display());
    let mut person = Person::run(&sandbox, &["sh", "-c", &script]);
    person.expect("cfp-shell: ").expect("Password of alice at ").press("wonderland\r").expect("cfpd ");
    person.waits();
    assert_eq!(person.says("list d"), "f");
    person.leave();
}
