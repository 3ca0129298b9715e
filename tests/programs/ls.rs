//! cfp-ls: names as programs want them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use predicates::prelude::*;

use crate::common::Sandbox;

#[test]
fn names_are_sorted_by_their_bytes_and_directories_end_in_a_slash() {
    let sandbox = Sandbox::new();
    sandbox.run("cfp-ls", [""; 0]).stdout("").stderr("").success();
    for name in ["b", "B", "a/x", "a/y/z", "a.txt", "é"] {
        sandbox.keep(name, "12345");
    }
    let rows: [(&[&str], &str); 8] = [
        (&[], "B\na/\na.txt\nb\né\n"),
        (&[":"], "B\na/\na.txt\nb\né\n"),
        (&["-R"], "B\na/\na/x\na/y/\na/y/z\na.txt\nb\né\n"),
        (&["a"], "x\ny/\n"),
        (&[":a/"], "x\ny/\n"),
        (&["-R", "a"], "x\ny/\ny/z\n"),
        (&["a/x"], "a/x\n"),
        (&["-0", "a", "b"], "a/x\0a/y/\0b\0"),
    ];
    for (argv, stdout) in rows {
        sandbox.run("cfp-ls", argv).stdout(stdout).stderr("").success();
    }
    let as_here = sandbox.run("ls", ["-p".as_ref(), sandbox.root().as_os_str()]).success();
    sandbox.run("cfp-ls", [""; 0]).stdout(as_here.get_output().stdout.clone());
    sandbox.run("cfp-ls", ["none", "a"]).stdout("a/x\na/y/\n").code(2);
}

#[test]
fn more_is_known_of_each_name() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "12345");
    let time = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z";
    let long = predicate::str::is_match(format!("^ +5 {time} f\n$")).unwrap();
    sandbox.run("cfp-ls", ["-l", "d"]).stdout(long).success();
    let long = predicate::str::is_match(format!("^ +5 {time} d/f\n$")).unwrap();
    sandbox.run("cfp-ls", ["-l", "d/f"]).stdout(long).success();
    let said = sandbox.run("cfp-ls", ["--json", "-R"]).success();
    let lines = std::str::from_utf8(&said.get_output().stdout).unwrap().lines();
    let objects: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&objects[0]["name"], &objects[0]["type"]), (&"d".into(), &"directory".into()));
    assert_eq!((&objects[1]["name"], &objects[1]["size"]), (&"d/f".into(), &5.into()));
    assert!(objects[1]["etag"].as_str().unwrap().starts_with('"'));
    let said = sandbox.run("cfp-ls", ["--json", "d/f"]).success();
    let alone: serde_json::Value = serde_json::from_slice(&said.get_output().stdout).unwrap();
    assert_eq!(alone, objects[1], "a file is told of alike, alone and in a list");
}

#[test]
fn names_that_are_no_text_come_as_they_are() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.root().join(OsStr::from_bytes(b"a\n\xffb")), "").unwrap();
    sandbox.run("cfp-ls", [""; 0]).stdout(&b"a\n\xffb\n"[..]).success();
    sandbox.run("cfp-ls", ["-0"]).stdout(&b"a\n\xffb\0"[..]).success();
    sandbox
        .run("cfp-ls", ["--json"])
        .stdout(predicate::str::contains("\"name_bytes\":\"a%0A%FFb\""))
        .success();
}

#[test]
fn names_may_come_as_operands_of_the_other_tools() {
    let sandbox = Sandbox::new();
    for name in ["d/e/f", "d/:g", "h"] {
        sandbox.keep(name, "a word\n");
    }
    let rows: [(&[&str], &str); 4] = [
        (&["--names"], ":d/\n:h\n"),
        (&["--names", "d"], ":d/:g\n:d/e/\n"),
        (&["--names", "-R", ":d/e", "h"], ":d/e/f\n:h\n"),
        (&["--names", "-0", "d/e/"], ":d/e/f\0"),
    ];
    for (argv, stdout) in rows {
        sandbox.run("cfp-ls", argv).stdout(stdout).stderr("").success();
    }
    sandbox.run("cfp-ls", ["--names", "--json"]).stdout("").code(2);
    let tools = ["cfp-cat", "cfp-search word", "cfp-replace -n word x", "cfp-get -ro -", "cfp-ls", "cfp-rm"];
    for tool in tools {
        sandbox.sh(&format!("cfp-ls -0 --names d/e | xargs -0 {tool}")).stderr("").success();
    }
    sandbox.run("cfp-ls", ["-R"]).stdout("d/\nd/:g\nd/e/\nh\n").success();
}

#[test]
fn sizes_come_with_a_unit_when_asked_for_with_l() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", vec![b'x'; 1_234_567]);
    let line = |size: &str| predicate::str::is_match(format!("^ +{size} [0-9TZ:-]+ f\n$")).unwrap();
    sandbox.run("cfp-ls", ["-lh"]).stdout(line("1[.]2M")).success();
    sandbox.run("cfp-ls", ["-l", "--human-readable", "f"]).stdout(line("1[.]2M")).success();
    sandbox.run("cfp-ls", ["-l"]).stdout(line("1234567")).success();
    sandbox.run("cfp-ls", ["-h", ":"]).stdout("f\n").success();
    sandbox.run("cfp-ls", ["-h"]).stdout(predicate::str::starts_with("usage: cfp-ls ")).success();
}
