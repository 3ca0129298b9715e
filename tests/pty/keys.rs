//! Keys: pasted, typed ahead, on a terminal that changes its size.

use nix::sys::signal::Signal;

use super::person::Person;
use crate::common::Sandbox;
use crate::common::terminal::stop;

/// Eight commands, each with an effect of its own.
fn eight() -> (String, Vec<String>) {
    let names: Vec<_> = (1..=8).map(|number| format!("pasted{number}")).collect();
    (names.iter().map(|name| format!("mkdir {name}\r")).collect(), names)
}

#[test]
fn a_paste_of_eight_commands_runs_eight() {
    let sandbox = Sandbox::new();
    let (lines, names) = eight();
    let mut person = Person::start(&sandbox);
    person.press(&lines);
    for name in &names {
        person.expect(&format!(":{name}/ is made."));
    }
    person.waits();
    person.leave();
    assert_eq!(sandbox.all_stored(), names);
}

#[test]
fn a_bracketed_paste_is_split_at_its_line_ends() {
    for (end, keys) in [("", ""), ("\r", ""), ("", "\r")] {
        let sandbox = Sandbox::new();
        let (lines, names) = eight();
        let lines = format!("{}{end}", lines.trim_end_matches('\r'));
        let mut person = Person::start(&sandbox);
        person.press(format!("\x1b[200~{lines}\x1b[201~{keys}"));
        for name in &names[..7] {
            person.expect(&format!(":{name}/ is made."));
        }
        if end.is_empty() && keys.is_empty() {
            // The last line is not ended: it can be edited.
            person.press("and more\x08\x08\x08\x08\x08\x08\x08\x08\r");
        }
        person.expect(":pasted8/ is made.");
        person.waits();
        person.leave();
        assert_eq!(sandbox.all_stored(), names);
    }
}

#[test]
fn a_tab_in_a_paste_completes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.keep("notes", "text");
    let mut person = Person::start(&sandbox);
    person.press("\x1b[200~mkdir\tnot\r\x1b[201~").expect(":not/ is made.");
    person.waits();
    person.leave();
}

#[test]
fn what_is_typed_behind_a_slow_command_runs_after_it() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "lamp");
    let mut person = Person::start(&sandbox);
    stop(&sandbox);
    person.enter("search lamp :f");
    person.press("mkdir one\rmkdir two\rlog").expect("mkdir two");
    sandbox.signal(Signal::SIGCONT);
    person.expect("'lamp' occurs 1 time in :f.").expect(":one/ is made.").expect(":two/ is made.");
    person.expect("log").press("out\r").expect("Goodbye.");
    assert_eq!(person.ends(), Some(0));
    assert_eq!(sandbox.all_stored(), ["f", "one", "two"]);
}

#[test]
fn an_end_that_is_typed_ahead_ends_the_session() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "lamp");
    let mut person = Person::start(&sandbox);
    stop(&sandbox);
    person.enter("search lamp :f");
    person.press("mkdir one\r\x04").expect("mkdir one");
    sandbox.signal(Signal::SIGCONT);
    person.expect("'lamp' occurs 1 time in :f.").expect(":one/ is made.").expect("Goodbye.");
    assert_eq!(person.ends(), Some(0));
}

#[test]
fn an_interrupt_empties_the_line_and_loses_nothing_behind_it() {
    let sandbox = Sandbox::new();
    let mut person = Person::start(&sandbox);
    person.press("delete -r everything\x03mkdir one\r").expect(":one/ is made.");
    person.waits();
    person.press("\x03\x03\x03");
    for _ in 0..3 {
        person.waits();
    }
    assert_eq!(person.says("list"), "one/");
    person.press("\x04").expect("Goodbye.");
    assert_eq!(person.ends(), Some(0));
}

#[test]
fn a_terminal_may_change_its_size_at_any_time() {
    let sandbox = Sandbox::new();
    let name = "n".repeat(70);
    sandbox.keep("f", "lamp");
    let mut person = Person::start(&sandbox);
    person.resize(40, 10);
    // The line is longer than the terminal is wide, and changes its shape while it is typed.
    person.press(format!("mkdir {}", &name[..60])).expect("nnnnnnnn");
    person.resize(120, 30);
    person.press(&name[60..]).press("\r").expect(&format!(":{name}/ is made."));
    person.waits();
    // While a command runs, too.
    stop(&sandbox);
    person.enter("search lamp :f");
    person.resize(20, 5);
    person.resize(80, 24);
    sandbox.signal(Signal::SIGCONT);
    person.expect("'lamp' occurs 1 time in :f.");
    person.waits();
    assert_eq!(person.says("list"), format!("f\n{name}/"));
    person.leave();
}
