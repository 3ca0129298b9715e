//! What is missing is asked for by name.

use super::person::Person;
use crate::common::Sandbox;

// Row A5.
#[test]
fn every_operand_that_is_missing_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.write("my notes.txt", "red lantern, blue lantern\n");
    let mut person = Person::start(&sandbox);
    person.says("SEARCH");
    person.expect("Word to search for: ");
    person.says("lantern");
    person.expect("File to read: ");
    assert_eq!(person.says("my notes.txt").lines().last(), Some("'lantern' occurs 2 times in my notes.txt."));
    person.says("replace lantern");
    person.expect("Word to put in its place: ");
    person.says("lamp");
    person.expect("File to read: ");
    person.says("my notes.txt");
    person.expect("Name for the result: ");
    person.says(":lamps.txt");
    person.says("rename");
    person.expect("File on the server: ");
    person.says("lamps.txt");
    person.expect("New name on the server: ");
    assert_eq!(person.says("all lamps").lines().last(), Some(":lamps.txt is now :all lamps."));
    for (command, question) in [
        ("upload", "Local file: "),
        ("download", "File on the server: "),
        ("copy", "File on the server: "),
        ("delete", "File on the server: "),
        ("mkdir", "Directory on the server: "),
        ("reverse", "File to read: "),
        ("display", "Local file, or :name: "),
    ] {
        person.says(command);
        person.expect(question);
        person.says("");
    }
    person.leave();
    assert_eq!(sandbox.stored("all lamps"), b"red lamp, blue lamp\n");
}

#[test]
fn an_empty_answer_or_an_interrupt_takes_the_command_back() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text\n");
    let mut person = Person::start(&sandbox);
    for keys in ["\r", "\x03", "half\x03", "\x04"] {
        person.says("upload");
        person.expect("Local file: ").press(keys);
        let said = person.waits();
        assert_eq!(said.lines().last(), Some("cfp-shell: FILE is missing: upload FILE... [DIR]"), "{said}");
    }
    person.says("replace text");
    person.expect("Word to put in its place: ");
    // A word may be empty if it says so.
    person.says("''");
    person.expect("File to read: ");
    person.says("f");
    person.expect("Name for the result: ");
    person.says(":f");
    person.leave();
    assert_eq!(sandbox.stored("f"), b"\n");
}
