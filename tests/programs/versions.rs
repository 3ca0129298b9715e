//! `--if-match`, in all tools alike: what was read is what is changed, or nothing is; and nobody's work is lost.

use std::fs;
use std::process::Child;

use crate::common::Sandbox;

fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("f", "new");
    sandbox.keep("f", "old");
    sandbox.keep("other", "other");
    sandbox
}

fn tag(sandbox: &Sandbox, name: &str) -> String {
    let said = sandbox.run("cfp-ls", ["--json", name]).success();
    let entry: serde_json::Value = serde_json::from_slice(&said.get_output().stdout).unwrap();
    entry["etag"].as_str().unwrap().to_owned()
}

/// What is stored, names and contents.
fn stored(sandbox: &Sandbox) -> String {
    let list = sandbox.run("cfp-ls", ["-R"]).success();
    let names = String::from_utf8(list.get_output().stdout.clone()).unwrap();
    let content = |name: &str| fs::read_to_string(sandbox.root().join(name)).unwrap_or_default();
    names.lines().map(|name| format!("{name}={} ", content(name))).collect()
}

/// Each tool that writes, and what is stored when it did.
const WRITES: [(&[&str], &str); 9] = [
    (&["cfp-put", "f"], "f=new other=other "),
    (&["cfp-put", "-", "--as", "f"], "f=fed other=other "),
    (&["cfp-replace", "new", "newer", "f", "-o", ":f"], "f=newer other=other "),
    (&["cfp-replace", "--in-place", "old", "older", ":f"], "f=older other=other "),
    (&["cfp-reverse", ":f", "-o", ":f"], "f=old other=other "),
    (&["cfp-mv", "f", "d/g"], "d/= d/g=old other=other "),
    (&["cfp-mv", "-n", "f", "g"], "g=old other=other "),
    (&["cfp-cp", "f", "other"], "f=old other=old "),
    (&["cfp-rm", "f"], "other=other "),
];

#[test]
fn another_version_stays_as_it_is_and_the_exit_status_is_4() {
    let sandbox = furnished();
    let other = tag(&sandbox, "other");
    for (argv, _) in WRITES {
        let argv = [argv, &["--if-match", &other]].concat();
        let said = sandbox.feed(argv[0], &argv[1..], "fed").stdout("").code(4);
        said.stderr(format!("{}: :f: was changed meanwhile: read it again and retry\n", argv[0]));
        assert_eq!(stored(&sandbox), "f=old other=other ", "{argv:?}");
    }
    sandbox.run("cfp-put", ["f", "--as", "none/f", "--if-match", "*"]).code(4);
    // What exists is kept, whatever the version of the other.
    for tool in ["cfp-mv", "cfp-cp"] {
        let said = sandbox.run(tool, ["-n", "--if-match", "*", "f", "other"]).stdout("").code(1);
        said.stderr(format!("{tool}: :other: exists, and is kept (-n)\n"));
    }
    assert_eq!(stored(&sandbox), "f=old other=other ");
}

#[test]
fn the_version_that_was_read_is_changed() {
    for (argv, after) in WRITES {
        for (quoted, coding) in [(true, "never"), (false, "always")] {
            let sandbox = furnished();
            let tag = tag(&sandbox, "f");
            let tag = if quoted { &tag } else { tag.trim_matches('"') };
            let argv = [argv, &["--if-match", tag, "-z", coding]].concat();
            let counts = argv[0] == "cfp-replace" && argv.contains(&"--in-place");
            let said = if counts { ":f: 1 replaced\n" } else { "" };
            sandbox.feed(argv[0], &argv[1..], "fed").stdout(said).stderr("").success();
            assert_eq!(stored(&sandbox), after, "{argv:?}");
        }
    }
}

#[test]
fn a_tag_that_nothing_would_be_held_to_is_wrong_use() {
    let sandbox = furnished();
    let rows: [&[&str]; 9] = [
        &["cfp-put", "f", "f"],
        &["cfp-put", "-n", "f"],
        &["cfp-put", "-r", "."],
        &["cfp-rm", "f", "other"],
        &["cfp-replace", "a", "b", "f"],
        &["cfp-replace", "a", "b", "f", "-o", "g"],
        &["cfp-replace", "a", "b", ":f", "-o", ":other"],
        &["cfp-replace", "--in-place", "a", "b", ":f", ":other"],
        &["cfp-reverse", "--in-place", "f"],
    ];
    for argv in rows {
        let argv = [argv, &["--if-match", "x"]].concat();
        sandbox.run(argv[0], &argv[1..]).stdout("").code(2);
    }
    assert_eq!(stored(&sandbox), "f=old other=other ");
}

/// Adds lines to a stored file: read it, and write it back only over what was read.
const ADD_LINES: &str = r#"
added=0
while [ $added -lt "$2" ]; do
  tag=$(cfp-ls --json log | sed 's/.*"etag":"\\"\([^\\]*\).*/\1/')
  cfp-get log -o "mine-$1"
  echo "$1 $added" >> "mine-$1"
  if cfp-put "mine-$1" --as log --if-match "$tag" 2> "said-$1"; then
    added=$((added + 1))
  else
    [ $? = 4 ]
  fi
done
"#;

#[test]
fn eight_scripts_that_work_on_one_file_lose_no_line() {
    const SCRIPTS: usize = 8;
    let lines: usize = std::env::var("CFP_TEST_LINES").map_or(8, |lines| lines.parse().unwrap());
    let sandbox = Sandbox::new();
    sandbox.keep("log", "");
    let start = |at: usize| -> Child {
        let mut script = sandbox.command("sh");
        script.args(["-euc", ADD_LINES, "sh", &at.to_string(), &lines.to_string()]).spawn().unwrap()
    };
    let scripts: Vec<_> = (0..SCRIPTS).map(start).collect();
    for mut script in scripts {
        assert!(script.wait().unwrap().success());
    }
    let log = fs::read_to_string(sandbox.root().join("log")).unwrap();
    let mut have: Vec<_> = log.lines().map(str::to_owned).collect();
    have.sort();
    let mut all: Vec<_> =
        (0..SCRIPTS).flat_map(|at| (0..lines).map(move |line| format!("{at} {line}"))).collect();
    all.sort();
    assert_eq!(have, all);
}
