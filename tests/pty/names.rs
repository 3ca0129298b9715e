//! Names of every kind, typed and completed.

use super::person::Person;
use crate::common::Sandbox;

#[test]
fn a_name_with_control_characters_is_shown_completed_and_typed_in_its_escaped_form() {
    let sandbox = Sandbox::new();
    sandbox.keep("e1\x1b]0;title\x07", "text\n");
    sandbox.keep("new\nline", "text\n");
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("list"), "e1\\x1b]0;title\\x07\nnew\\x0aline");
    let said = person.says("copy e\t plain");
    assert_eq!(said, ":e1\\x1b]0;title\\x07 is copied to :plain.");
    assert_eq!(person.says("delete e\t"), ":e1\\x1b]0;title\\x07 is deleted.");
    // As it is listed it can be typed, in an answer too.
    assert_eq!(person.says("search text :new\\x0aline"), "'text' occurs 1 time in :new\\x0aline.");
    person.says("delete");
    person.expect("File on the server: ");
    assert_eq!(person.says("n\t").lines().last(), Some(":new\\x0aline is deleted."));
    person.leave();
    assert_eq!(sandbox.all_stored(), ["plain"]);
}

#[test]
fn what_is_quoted_is_a_name_and_no_glob() {
    let sandbox = Sandbox::new();
    for name in ["a*", "ab", "two words", "it's", "#1", "back\\slash", "x[1]"] {
        sandbox.keep(name, "text\n");
    }
    let mut person = Person::start(&sandbox);
    for (line, name) in [
        ("delete 'a*'", "a*"),
        ("delete two\\ words", "two words"),
        ("delete \"it's\"", "it's"),
        ("delete '#1'", "#1"),
        ("delete back\t", "back\\slash"),
        ("delete x\t", "x[1]"),
    ] {
        assert_eq!(person.says(line), format!(":{name} is deleted."));
    }
    person.leave();
    assert_eq!(sandbox.all_stored(), ["ab"]);
}

#[test]
fn names_are_completed_where_they_are_meant() {
    let sandbox = Sandbox::new();
    sandbox.keep("folder/stored notes", "lantern\n");
    sandbox.write("here/local notes", "lantern lantern\n");
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("sea\tlantern :fol\tst\t"), "'lantern' occurs 1 time in :folder/stored notes.");
    assert_eq!(person.says("search -i lantern he\tlo\t"), "'lantern' occurs 2 times in here/local notes.");
    assert_eq!(person.says("cd fo\t"), "");
    assert_eq!(person.says("download -c st\t"), ":stored notes is stored here as stored notes.");
    assert_eq!(
        person.says("upload ~/../work/he\tl\t"),
        "~/../work/here/local notes is stored as :local notes."
    );
    person.leave();
}
