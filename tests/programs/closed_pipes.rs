//! A pipe whose reader is gone: a program ends without a word of it, after it has done what it was asked for, and says of what
//! failed before.

use std::fs;
use std::io;
use std::process::Command;

use crate::common::Sandbox;

/// The exit code of a command whose output nobody reads, and what it says on standard error.
fn unread(mut command: Command) -> (i32, String) {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = command.stdout(writer).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn run(sandbox: &Sandbox, program: &str, argv: &[&str]) -> (i32, String) {
    let mut command = sandbox.command(program);
    command.args(argv);
    unread(command)
}

#[test]
fn files_are_changed_in_place_though_nobody_reads_the_numbers() {
    for options in [&["--in-place"][..], &["--in-place", "-r"], &["--in-place", "--local"]] {
        let sandbox = Sandbox::new();
        let mut files: Vec<_> = (0..4).map(|n| sandbox.write(&format!("d/{n}"), "y y")).collect();
        let mut operands = if options.contains(&"-r") { vec!["d"] } else { vec!["d/0", "d/1", "d/2", "d/3"] };
        if !options.contains(&"--local") {
            files.extend((0..2).map(|n| sandbox.keep(&format!("s{n}"), "y y")));
            operands.extend([":s0", ":s1"]);
        }
        let argv = [options, &["y", "n"], &operands].concat();
        assert_eq!(run(&sandbox, "cfp-replace", &argv), (0, String::new()), "{options:?}");
        for file in files {
            assert_eq!(fs::read_to_string(&file).unwrap(), "n n", "{options:?} {file:?}");
        }
    }
}

#[test]
fn what_failed_before_is_said_and_counts() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "y");
    let rows: [(&str, &[&str]); 5] = [
        ("cfp-cat", &["none", "f"]),
        ("cfp-search", &["y", "none", "f"]),
        ("cfp-ls", &["none", "/"]),
        ("cfp-replace", &["y", "n", "none", "f"]),
        ("cfp-replace", &["--in-place", "y", "n", "f", "none"]),
    ];
    sandbox.keep("other", "");
    for (program, argv) in rows {
        let (code, said) = run(&sandbox, program, argv);
        assert_eq!((code, said.lines().count()), (2, 1), "{program} {argv:?}: {said}");
        assert!(said.contains("none: no such file") || said.contains("none: is not there"), "{said}");
    }
    assert_eq!(run(&sandbox, "cfp-cat", &["f"]), (0, String::new()));
}

#[test]
fn a_session_completes_its_command_and_ends_with_3() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.write(name, name);
    }
    assert_eq!(run(&sandbox, "cfp-shell", &["-c", "upload a b c :up/"]), (3, String::new()));
    assert_eq!(sandbox.all_stored(), ["up", "up/a", "up/b", "up/c"]);
    let argv = ["-c", "delete up/a up/b", "-c", "delete up/c"];
    assert_eq!(run(&sandbox, "cfp-shell", &argv), (3, String::new()));
    assert_eq!(sandbox.all_stored(), ["up", "up/c"]);
    sandbox.write("script", "delete up/c\nupload a\n");
    assert_eq!(run(&sandbox, "cfp-shell", &["script"]).0, 3);
    for argv in [["-c", "list"], ["-c", "display a"], ["-c", "search a a"]] {
        assert_eq!(run(&sandbox, "cfp-shell", &argv), (3, String::new()), "{argv:?}");
    }
}
