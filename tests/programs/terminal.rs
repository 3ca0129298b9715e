//! The tools at a terminal.

use crate::common::Sandbox;
use crate::common::terminal::Terminal;

#[test]
fn commands_and_names_on_the_server_are_completed_and_lines_remembered() {
    let sandbox = Sandbox::new();
    sandbox.keep("folder/my notes.txt", "lantern");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfp> ").press("sea\tlantern :fol\tmy\t\r");
    person.expect("'lantern' occurs once in folder/my notes.txt.").expect("cfp> ").press("\x1b[A\r");
    person.expect("'lantern' occurs once in folder/my notes.txt.").expect("cfp> ").press("\x04");
    person.expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
}

// Row A4.
#[test]
fn the_last_line_of_a_displayed_file_is_not_wiped_out_by_the_prompt() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\nlast");
    let mut person = Terminal::start(&sandbox, "cfp-shell", &[]);
    person.expect("cfp> ").press("display f\r");
    person.expect("one\r\nlast\r\n").expect("cfp> ").press("display none\r");
    person.expect("none: no such file").expect("cfp> ").press("\x04");
    person.expect("Goodbye.");
    assert_eq!(person.end(), Some(0));
}

#[test]
fn a_file_cannot_write_to_the_terminal_what_it_likes() {
    let sandbox = Sandbox::new();
    sandbox.write("f", b"a\x1b[2Jb\xff\n");
    sandbox.keep("f\x1bx", b"c\x07d\n");
    let mut person = Terminal::start(&sandbox, "cfp-cat", &["f", ":f\x1bx"]);
    person.expect("a^[[2JbM-^?\r\nc^Gd\r\n");
    assert_eq!(person.end(), Some(0));
    let mut person = Terminal::start(&sandbox, "cfp-ls", &[]);
    person.expect("f\\x1bx\r\n");
    assert_eq!(person.end(), Some(0));
}
