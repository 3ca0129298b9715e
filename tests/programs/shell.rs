//! cfp-shell from a pipe and from its argument. At a terminal it is tested in `terminal.rs`.

use std::fs;

use predicates::prelude::*;

use crate::common::Sandbox;

// Row D1.
#[test]
fn a_session_greets_helps_stores_lists_fetches_deletes_and_takes_leave() {
    let sandbox = Sandbox::new();
    sandbox.write("two words", "text");
    let commands =
        "UPLOAD 'two words' d/f\nHELP\nList d\ndownload d/f back\nDELETE d/f\ndir d\nLOGOUT\nlist\n";
    let said = sandbox.feed("cfp-shell", [""; 0], commands).stderr("").success();
    let stdout = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    let parts = [
        "cfpd ",
        "two words is stored as d/f.\n",
        "search WORD IN",
        "\nf\n",
        "d/f is stored here as back.\n",
        "d/f is deleted.\nThere are no files.\nGoodbye.\n",
    ];
    let mut rest = stdout.as_str();
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not next in {stdout}")).1;
    }
    assert_eq!(rest, "");
    assert_eq!(fs::read_to_string(sandbox.work().join("back")).unwrap(), "text");
}

#[test]
fn results_are_sentences() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "a b b c c c");
    sandbox.write("g", "a");
    sandbox.write("h/other", "");
    sandbox.keep("h", "a");
    let rows = [
        ("search a :f", "'a' occurs once in f.\n", 0),
        ("SEARCH b f", "'b' occurs twice in f.\n", 0),
        ("find c /f", "'c' occurs 3 times in f.\n", 2),
        ("find c :/f", "'c' occurs 3 times in f.\n", 0),
        ("search d :f", "'d' does not occur in f.\n", 1),
        ("search a g", "'a' occurs once in g.\n", 0),
        ("search a h", "'a' occurs once in h.\n", 0),
        ("replace a x f out", "'a' is replaced by 'x'; the result is out on the server.\n", 0),
        ("replace a x f ./out", "'a' is replaced by 'x'; the result is ./out here.\n", 0),
        ("reverse g :r", "The words are in reverse order; the result is r on the server.\n", 0),
        ("copy f f2", "f is copied to f2.\n", 0),
        ("ren f2 f3", "f2 is now f3.\n", 0),
        ("rename f3 d/", "f3 is now d/f3.\n", 0),
        ("rename d e/", "d is now e/.\n", 0),
        ("copy e/f3 e", "e/f3 is copied to e/f3.\n", 2),
        ("type g", "a", 0),
        ("display :out", "x b b c c c", 0),
        ("get none", "", 2),
        ("list extra words", "", 2),
        ("search 'a", "", 2),
    ];
    for (command, stdout, code) in rows {
        let stdout = if code == 2 { "" } else { stdout };
        sandbox.run("cfp-shell", ["-c", command]).stdout(stdout).code(code);
    }
    assert_eq!(fs::read_to_string(sandbox.work().join("out")).unwrap(), "x b b c c c");
}

#[test]
fn the_first_failure_ends_a_session_without_a_person() {
    let sandbox = Sandbox::new();
    let said = sandbox.feed("cfp-shell", [""; 0], "search w :none\nlist\n").code(2);
    said.stderr(predicate::str::starts_with("cfp-shell: /none: "))
        .stdout(predicate::str::contains("no files").not());
    sandbox.feed("cfp-shell", ["-s", "unix:/nowhere"], "list\n").stdout("").code(3);
    sandbox.feed("cfp-shell", [""; 0], "").stdout(predicate::str::ends_with("Goodbye.\n")).success();
    sandbox.feed("cfp-shell", [""; 0], "display a\0b\n").code(2);
}

#[test]
fn a_session_that_nobody_hears_of_does_not_look_as_if_all_was_done() {
    let sandbox = Sandbox::new();
    let unread = "mkfifo gate; { read -r _ < gate; echo 'upload f' | cfp-shell || echo $? > code; } \
                  | { exec <&-; echo > gate; }";
    sandbox.write("f", "text");
    sandbox.sh(&format!("{unread}; cat code")).stdout("3\n").stderr("").success();
    assert_eq!(sandbox.all_stored(), Vec::<String>::new());
}

#[test]
fn a_line_ends_before_its_end_and_not_before_a_blank_that_is_quoted() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    sandbox.feed("cfp-shell", [""; 0], "upload f x\\ \r\nupload f y\\ \n  upload f z  \r\n\r\n").success();
    assert_eq!(sandbox.all_stored(), ["x ", "y ", "z"]);
}

#[test]
fn a_sentence_begins_on_its_own_line_whatever_was_displayed_before() {
    let sandbox = Sandbox::new();
    sandbox.write("open", "no newline");
    sandbox.write("whole", "a newline\n");
    sandbox.write("empty", "");
    let rows = [
        ("display open\nsearch no open\n", "\nno newline\n'no' occurs once in open.\nGoodbye.\n"),
        ("display open\ndisplay whole\n", "\nno newlinea newline\nGoodbye.\n"),
        ("display whole\ndisplay empty\n", "\na newline\nGoodbye.\n"),
        ("display open\ndisplay empty\n", "\nno newline\nGoodbye.\n"),
    ];
    for (commands, end) in rows {
        sandbox.feed("cfp-shell", [""; 0], commands).stdout(predicate::str::ends_with(end)).success();
    }
}
