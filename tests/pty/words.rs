//! The word operations, typed: each tells its number or where its result is.

use std::fs;

use super::person::Person;
use crate::common::Sandbox;

// Row A1.
#[test]
fn a_count_is_a_number_in_a_sentence() {
    let sandbox = Sandbox::new();
    sandbox.write("in.txt", "the cat and the dog; The end\n");
    sandbox.keep("stored.txt", "one\n");
    let mut person = Person::start(&sandbox);
    for (line, said) in [
        ("search the in.txt", "'the' occurs 2 times in in.txt."),
        ("search -i the in.txt", "'the' occurs 3 times in in.txt."),
        ("search --substring t in.txt", "'t' occurs 3 times in in.txt."),
        ("SEARCH one :stored.txt", "'one' occurs 1 time in :stored.txt."),
        ("find two :stored.txt", "'two' occurs 0 times in :stored.txt."),
        ("search 'the cat' in.txt", "'the cat' occurs 1 time in in.txt."),
        ("grep --lines dog in.txt", "the cat and the dog; The end"),
        ("search --lines bird in.txt", "'bird' occurs 0 times in in.txt."),
        ("search -- -x in.txt", "'-x' occurs 0 times in in.txt."),
        // Without a colon it is local, whatever is on the server.
        (
            "search one stored.txt",
            "cfp-shell: stored.txt: no such file or directory here: `:stored.txt` would be on the server",
        ),
        ("search one :none", "cfp-shell: :none: is not there"),
    ] {
        assert_eq!(person.says(line), said, "{line}");
    }
    person.leave();
}

#[test]
fn a_directory_is_searched_on_either_side() {
    let sandbox = Sandbox::new();
    for (name, text) in [("d/a", "lamp lamp\n"), ("d/e/b", "a lamp\n"), ("d/none", "dark\n")] {
        sandbox.keep(name, text);
        sandbox.write(name, text);
    }
    let mut person = Person::start(&sandbox);
    for place in [":d", "d"] {
        let sentences = format!(
            "'lamp' occurs 2 times in {place}/a.\n'lamp' occurs 1 time in {place}/e/b.\n'lamp' occurs 3 times in {place}"
        );
        let said = person.says(&format!("search -r lamp {place}"));
        assert_eq!(said.trim_end_matches(['.', '/']), sentences);
        let mut lines: Vec<_> =
            person.says(&format!("search -r -i --lines LAMP {place}")).lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, [format!("{place}/a:lamp lamp"), format!("{place}/e/b:a lamp")]);
        let said = person.says(&format!("search -ri nothing {place}"));
        assert_eq!(said.trim_end_matches(['.', '/']), format!("'nothing' occurs 0 times in {place}"));
    }
    assert_eq!(person.says("search lamp :d"), "cfp-shell: :d: is a directory: use -r");
    assert_eq!(
        person.says("search lamp :d/?"),
        "'lamp' occurs 2 times in :d/a.\ncfp-shell: :d/e: is a directory: use -r"
    );
    assert_eq!(
        person.says("search lamp d/[an]*"),
        "'lamp' occurs 2 times in d/a.\n'lamp' occurs 0 times in d/none."
    );
    person.leave();
}

// Rows A2 and A3.
#[test]
fn a_result_is_stored_here_unless_its_name_has_a_colon() {
    let sandbox = Sandbox::new();
    sandbox.write("in.txt", "old and old\n");
    sandbox.keep("stored.txt", "old Old\n");
    let mut person = Person::start(&sandbox);
    for (line, said) in [
        ("replace old new in.txt out.txt", "'old' is replaced by 'new'; the result is out.txt here."),
        (
            "replace -i old new :stored.txt both.txt",
            "'old' is replaced by 'new'; the result is both.txt here.",
        ),
        (
            "replace old new in.txt :out.txt",
            "'old' is replaced by 'new'; the result is :out.txt on the server.",
        ),
        (
            "replace old new :stored.txt :stored.txt",
            "'old' is replaced by 'new'; the result is :stored.txt on the server.",
        ),
        ("reverse in.txt turned.txt", "The words are in reverse order; the result is turned.txt here."),
        (
            "REVERSE --per-line :stored.txt turned2",
            "The words are in reverse order; the result is turned2 here.",
        ),
        ("replace old new in.txt -", "new and new"),
        (
            "replace old new *.none out",
            "cfp-shell: *.none: no such file or directory here: `:*.none` would be on the server",
        ),
    ] {
        assert_eq!(person.says(line), said, "{line}");
    }
    assert!(person.says("replace a b *.txt out").contains("*.txt: matches 4 files, where one is needed"));
    person.leave();
    let read = |name: &str| fs::read_to_string(sandbox.work().join(name)).unwrap();
    assert_eq!(
        [read("out.txt"), read("both.txt"), read("turned.txt"), read("turned2")],
        ["new and new\n", "new new\n", "old and old\n", "Old new\n"]
    );
    assert_eq!(sandbox.all_stored(), ["out.txt", "stored.txt"]);
    assert_eq!(
        [sandbox.stored("out.txt"), sandbox.stored("stored.txt")],
        [b"new and new\n".to_vec(), b"new Old\n".to_vec()]
    );
}

// Row A4.
#[test]
fn a_local_file_is_displayed_without_the_server() {
    let mut sandbox = Sandbox::new();
    sandbox.write("a", "here\n");
    sandbox.write("b", "and here");
    sandbox.keep("a", "there\n");
    let mut person = Person::start(&sandbox);
    assert_eq!(person.says("display :a"), "there");
    sandbox.kill();
    assert_eq!(person.says("display a"), "here");
    assert_eq!(person.says("display [ab]"), "here\nand here");
    assert!(person.says("display none").starts_with("cfp-shell: none: no such file or directory"));
    assert!(person.says("display -").contains("standard input is where the commands come from"));
    person.leave();
}
