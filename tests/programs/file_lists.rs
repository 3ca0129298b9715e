//! `--files-from`, in all tools that take names.

use crate::common::Sandbox;

#[test]
fn every_tool_that_takes_names_takes_them_from_a_file_too() {
    let rows: [(&str, &str, &str); 9] = [
        ("cfp-search --per-file word", "f:1\n:g:1\n", ""),
        ("cfp-replace word deed", "a deed\na deed\n", ""),
        ("cfp-replace --in-place word deed", "f: 1 replaced\n:g: 1 replaced\n", ""),
        ("cfp-cat", "a word\na word\n", ""),
        ("cfp-ls --names", ":f\n:g\n", "f"),
        ("cfp-get -o -", "a word\na word\n", "f"),
        ("cfp-rm", "", "f"),
        ("cfp-rm -f", "", "f"),
        ("cfp-put -t d", "", "f"),
    ];
    for (command, stdout, stored) in rows {
        for (null, newline) in [("", "\\n"), ("-0", "\\0")] {
            let sandbox = Sandbox::new();
            sandbox.write("f", "a word\n");
            sandbox.write(":g", "a word\n");
            sandbox.keep("g", "a word\n");
            if !stored.is_empty() {
                sandbox.keep(stored, "a word\n");
            }
            let stdout = if null == "-0" && command.contains("ls") { ":f\0:g\0" } else { stdout };
            let stdout = match (null, command.contains("--per-file")) {
                ("-0", true) => "f\x001\n:g\x001\n",
                _ => stdout,
            };
            let list = format!("printf 'f{newline}:g{newline}'");
            let script = format!("{list} > list; {command} {null} --files-from list");
            sandbox.sh(&script).stdout(stdout).stderr("").success();
        }
    }
}

#[test]
fn a_list_may_come_from_standard_input_and_follows_the_operands() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c d"] {
        sandbox.write(name, format!("{name}\n"));
    }
    sandbox.feed("cfp-cat", ["--files-from", "-", "a"], "b\nc d").stdout("a\nb\nc d\n").success();
    sandbox.sh("find . -type f -print0 | cfp-put -0 -t all --files-from=-").stderr("").success();
    sandbox.run("cfp-ls", ["all"]).stdout("a\nb\nc d\n").success();
    sandbox.sh("cfp-ls -R0 --names | cfp-rm -rf0 --files-from -; cfp-ls").stdout("").stderr("").success();
    sandbox.feed("cfp-reverse", ["--files-from", "-"], "c d\n").stdout("d c\n").success();
    sandbox.feed("cfp-reverse", ["--files-from", "-"], "a\nb\n").stdout("").code(2);
    // A name that begins with a dash is no option.
    sandbox.write("-r", "dash\n");
    sandbox.feed("cfp-cat", ["--files-from", "-"], "-r\n").stdout("dash\n").success();
}

#[test]
fn what_a_list_names_is_renamed_or_copied_into_a_directory() {
    for (tool, left) in [("cfp-mv", ""), ("cfp-cp", "a\nd/\nd/b\nd/e/\nd/e/c\n")] {
        let sandbox = Sandbox::new();
        ["a", "d/b", "d/e/c"].iter().for_each(|name| drop(sandbox.keep(name, "text")));
        sandbox.feed(tool, ["--files-from", "-", "to"], "a\n:d/b\nd/e\n").stdout("").stderr("").success();
        let left = if left.is_empty() { "d/\n" } else { left };
        sandbox.run("cfp-ls", ["-R"]).stdout(format!("{left}to/\nto/a\nto/b\nto/e/\nto/e/c\n")).success();
        sandbox.keep("x/a", "other");
        let said = sandbox.feed(tool, ["-n", "--files-from", "-", "to"], "to/a\nx/a\n").stdout("").code(2);
        said.stderr(format!("{tool}: :x/a: would replace :to/a: both go to :to/a\n"));
        sandbox.feed(tool, ["-n", "--files-from", "-", "to/"], "x/a\n").stdout("").code(1);
        sandbox.run(tool, ["--files-from", "/dev/null", "none"]).stdout("").stderr("").success();
        for operands in [&["a", "to"][..], &[], &["to", "--if-match", "x"]] {
            sandbox.run(tool, [&["--files-from", "/dev/null"], operands].concat()).stdout("").code(2);
        }
        assert!(!sandbox.root().join("none").exists());
    }
}

#[test]
fn a_list_without_names_is_done_at_once() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "a word\n");
    for tool in ["cfp-cat", "cfp-ls", "cfp-rm", "cfp-put", "cfp-get", "cfp-replace word deed"] {
        // Standard input is not read, nor is the root listed.
        sandbox.sh(&format!("echo word | {tool} --files-from /dev/null")).stdout("").stderr("").success();
    }
    sandbox.feed("cfp-search", ["--files-from", "/dev/null", "word"], "word").stdout("0\n").code(1);
    assert_eq!(sandbox.all_stored(), ["f"]);
    let said = sandbox.run("cfp-cat", ["--files-from", "nowhere"]).stdout("").code(2);
    said.stderr(predicates::str::starts_with("cfp-cat: nowhere: "));
    let said = sandbox.feed("cfp-rm", ["-f", "--files-from", "-"], "f\n\n").stdout("").code(2);
    said.stderr("cfp-rm: a NAME is empty, see cfp-rm --help\n");
    assert_eq!(sandbox.all_stored(), ["f"]);
}
