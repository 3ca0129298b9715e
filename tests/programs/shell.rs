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
        "two words is stored as :d/f.\n",
        " WORD IN",
        "\nf\n",
        ":d/f is stored here as back.\n",
        ":d/f is deleted.\nThere are no files.\nGoodbye.\n",
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
        ("search a :f", "'a' occurs 1 time in :f.\n", 0),
        ("SEARCH b :f", "'b' occurs 2 times in :f.\n", 0),
        ("find c :/f", "'c' occurs 3 times in :/f.\n", 0),
        ("search d :f", "'d' occurs 0 times in :f.\n", 1),
        ("search a g", "'a' occurs 1 time in g.\n", 0),
        ("search b f", "", 2),
        ("search a h", "", 2),
        ("replace a x :f :out", "'a' is replaced by 'x'; the result is :out on the server.\n", 0),
        ("replace a x :f out", "'a' is replaced by 'x'; the result is out here.\n", 0),
        ("reverse g :r", "The words are in reverse order; the result is :r on the server.\n", 0),
        ("copy f f2", ":f is copied to :f2.\n", 0),
        ("ren f2 f3", ":f2 is now :f3.\n", 0),
        ("rename f3 d/", ":f3 is now :d/f3.\n", 0),
        ("rename d e/", ":d is now :e/.\n", 0),
        ("copy e/f3 e", ":e/f3 is copied to :e/f3.\n", 2),
        ("type g", "a", 0),
        ("display :out", "x b b c c c", 0),
        ("get out -", "x b b c c c", 0),
        ("get none", "", 2),
        ("rename extra words here", "", 2),
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
    said.stderr(predicate::str::starts_with("cfp-shell: :none: "))
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
        ("display open\nsearch no open\n", "\nno newline\n'no' occurs 1 time in open.\nGoodbye.\n"),
        ("display open\ndisplay whole\n", "\nno newlinea newline\nGoodbye.\n"),
        ("display whole\ndisplay empty\n", "\na newline\nGoodbye.\n"),
        ("display open\ndisplay empty\n", "\nno newline\nGoodbye.\n"),
    ];
    for (commands, end) in rows {
        sandbox.feed("cfp-shell", [""; 0], commands).stdout(predicate::str::ends_with(end)).success();
    }
}

#[test]
fn commands_run_in_order_up_to_the_first_that_fails() {
    let sandbox = Sandbox::new();
    sandbox
        .write("script", "# a comment\nmkdir one # another\n\n-delete none\n-search word :none\nmkdir two\n");
    sandbox.write("failing", "mkdir three\ndelete none\nmkdir four\n");
    sandbox.write("asking", "upload\nmkdir five\n");
    let said = sandbox.run("cfp-shell", ["script"]).success();
    let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(stderr.starts_with("cfp-shell: :none: ") && stderr.lines().count() == 2, "{stderr}");
    sandbox.run("cfp-shell", ["failing"]).code(2);
    sandbox.run("cfp-shell", ["asking"]).code(2).stderr(predicate::str::contains("FILE is missing"));
    sandbox.run("cfp-shell", ["none"]).code(2).stderr(predicate::str::contains("none: no such file"));
    sandbox
        .run("cfp-shell", ["-c", "mkdir six", "-c", "cd six", "-c", "mkdir seven", "-c", "pwd"])
        .stdout(":six/ is made.\n:seven/ is made.\n:/six\n")
        .success();
    // A search that finds nothing has its exit status, and so has a server that is not there.
    sandbox.run("cfp-shell", ["-c", "search absent script", "-c", "mkdir eight"]).code(1);
    sandbox.run("cfp-shell", ["-c", "-search absent script", "-c", "mkdir nine", "failing"]).code(2);
    sandbox.run("cfp-shell", ["-s", "unix:/nowhere", "-c", "list", "-c", "lpwd"]).code(3);
    sandbox.run("cfp-shell", ["-c", "!exit 7", "-c", "mkdir ten"]).code(7);
    sandbox.run("cfp-shell", ["-c", "logout", "-c", "mkdir eleven"]).stdout("Goodbye.\n").success();
    // After the commands comes the file; a directory is deleted where nobody can be asked.
    sandbox.run("cfp-shell", ["-c", "delete -r one two three", "-"]).code(0);
    assert_eq!(sandbox.all_stored(), ["nine", "six", "six/seven"]);
}

#[test]
fn standard_input_is_an_operand_where_no_command_comes_from_it() {
    let sandbox = Sandbox::new();
    sandbox
        .feed("cfp-shell", ["-c", "search word -"], "a word")
        .stdout("'word' occurs 1 time in -.\n")
        .success();
    sandbox.feed("cfp-shell", ["-c", "replace word deed - -"], "a word").stdout("a deed").success();
    let stored = "Standard input is stored as :in.\n";
    sandbox.feed("cfp-shell", ["-c", "upload - :in"], "a word").stdout(stored).success();
    assert_eq!(sandbox.stored("in"), b"a word");
    for (command, said) in [
        ("upload -", "-: standard input needs a name on the server: upload - :NAME"),
        ("upload - :d/", ":d/: is a directory: name the file in it"),
    ] {
        let failure = format!("cfp-shell: {said}\n");
        sandbox.feed("cfp-shell", ["-c", command], "a word").stderr(failure).code(2);
    }
    sandbox.run("cfp-rm", ["in"]).success();
    sandbox
        .feed("cfp-shell", [""; 0], "upload - :in\nword\n")
        .code(2)
        .stderr(predicate::str::contains("standard input is where the commands come from"));
    sandbox
        .feed("cfp-shell", [""; 0], "search word -\nword\n")
        .code(2)
        .stderr(predicate::str::contains("standard input"));
    sandbox
        .feed("cfp-shell", [""; 0], "!cat\nlist\n")
        .stdout(predicate::str::contains("There are no files."))
        .success();
}

#[test]
fn a_script_that_is_a_directory_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("d/f", "");
    sandbox.run("cfp-shell", ["-q", "d"]).stderr("cfp-shell: d: is a directory\n").code(2);
}

#[test]
fn above_the_root_is_the_root() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "");
    for directory in ["..", "d/../../..", "../../d/.."] {
        let commands = ["-c", &format!("cd {directory}"), "-c", "pwd"];
        sandbox.run("cfp-shell", commands).stdout(":/\n").success();
    }
    sandbox.run("cfp-shell", ["-c", "cd ../d", "-c", "pwd"]).stdout(":/d\n").success();
}

#[test]
fn a_glob_finds_local_files_also_where_they_look_like_other_operands() {
    let sandbox = Sandbox::new();
    sandbox.keep("s", "of the server\n");
    for (name, text) in [(":s", "one\n"), ("-", "two\n"), ("a", "three\n")] {
        sandbox.write(&format!("d/{name}"), text);
    }
    let said = sandbox.run("cfp-shell", ["-c", "lcd d", "-c", "display *"]).success();
    said.stdout(predicates::str::contains("two\none\nthree\n"));
}

#[test]
fn a_file_beneath_the_current_directory_is_named_from_there() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "a word\n");
    let said =
        sandbox.run("cfp-shell", ["-c", "cd d", "-c", "search -r word :", "-c", "search -r --lines word :"]);
    said.stdout(
        predicate::str::contains("'word' occurs 1 time in :f.\n")
            .and(predicate::str::contains(":f:a word\n")),
    )
    .success();
}
