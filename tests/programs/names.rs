//! cfp-mv, cfp-cp, cfp-rm: what happens to names.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, UNIX_EPOCH};

use predicates::str::contains;

use crate::common::Sandbox;

fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["a", "d/b", "d/e/c"] {
        sandbox.keep(name, name);
    }
    sandbox
}

// Row B1.
#[test]
fn a_dot_is_no_name_of_a_directory_or_of_all() {
    let sandbox = Sandbox::new();
    for name in ["d/f", "e/g"] {
        sandbox.keep(name, "word\n");
    }
    sandbox.write("list", "d/.\n");
    sandbox.write("f", "new");
    let beneath = format!("{}/d", sandbox.url());
    let rows: [&[&str]; 9] = [
        &["cfp-rm", "d/."],
        &["cfp-rm", "-r", "d/./"],
        &["cfp-rm", "."],
        &["cfp-rm", "-s", &beneath, "."],
        &["cfp-rm", "--files-from", "list"],
        &["cfp-cat", ":d/."],
        &["cfp-search", "--lines", "word", ":d/."],
        &["cfp-put", "f", "--as", "new/."],
        &["cfp-put", "f", "--as", "new//g"],
    ];
    for argv in rows {
        sandbox.run(argv[0], &argv[1..]).stdout("").code(2).stderr(contains("name"));
        sandbox.run("cfp-ls", ["-R"]).stdout("d/\nd/f\ne/\ne/g\n").success();
    }
}

#[test]
fn a_file_or_a_directory_is_renamed_or_copied_as_mv_and_cp_do() {
    let rows: [(&[&str], &str, &str); 12] = [
        (&["cfp-mv", "a", "z"], "d/ d/b d/e/ d/e/c z", ""),
        (&["cfp-mv", "a", "d"], "d/ d/a d/b d/e/ d/e/c", ""),
        (&["cfp-mv", ":a", ":new/dir/"], "d/ d/b d/e/ d/e/c new/ new/dir/ new/dir/a", ""),
        (&["cfp-mv", "d", "new/d"], "a new/ new/d/ new/d/b new/d/e/ new/d/e/c", ""),
        (&["cfp-cp", "a", "x/y"], "a d/ d/b d/e/ d/e/c x/ x/y", ""),
        (&["cfp-cp", "d/e", "d2"], "a d/ d/b d/e/ d/e/c d2/ d2/c", ""),
        (&["cfp-mv", "d/", "new/"], "a new/ new/b new/e/ new/e/c", ""),
        (&["cfp-mv", "d/e/", "x/y/"], "a d/ d/b x/ x/y/ x/y/c", ""),
        (&["cfp-mv", "d/e/", "/"], "a d/ d/b e/ e/c", ""),
        (&["cfp-cp", "d/e", "d2/"], "a d/ d/b d/e/ d/e/c d2/ d2/c", ""),
        (&["cfp-cp", "a", "d/b"], "a d/ d/b d/e/ d/e/c", ""),
        (&["cfp-rm", "-r", "d", "a"], "", ""),
    ];
    for (argv, left, said) in rows {
        let sandbox = furnished();
        sandbox.run(argv[0], &argv[1..]).stdout(said).stderr("").success();
        let list = sandbox.run("cfp-ls", ["-R"]).success();
        let names: Vec<_> = std::str::from_utf8(&list.get_output().stdout).unwrap().lines().collect();
        assert_eq!(names.join(" "), left, "{argv:?}");
    }
}

#[test]
fn a_directory_takes_the_place_of_nothing() {
    let sandbox = furnished();
    sandbox.keep("into/d/other", "kept");
    sandbox.keep("over/d", "kept");
    for program in ["cfp-mv", "cfp-cp"] {
        for new in ["a", "a/", "into", "into/", "over", "over/d"] {
            let why = predicates::str::ends_with("/: exists: a directory never replaces anything\n");
            sandbox.run(program, ["d", new]).stdout("").stderr(why).code(2);
            sandbox.run(program, ["-qn", "d", new]).stdout("").stderr("").code(1);
        }
        for new in ["d/x", "d/x/y", "d/e/x/", "d"] {
            let why = predicates::str::ends_with("/: lies inside the directory itself\n");
            sandbox.run(program, ["d", new]).stdout("").stderr(why).code(2);
        }
    }
    let list = "a\nd/\nd/b\nd/e/\nd/e/c\ninto/\ninto/d/\ninto/d/other\nover/\nover/d\n";
    sandbox.run("cfp-ls", ["-R"]).stdout(list).success();
}

#[test]
fn a_file_that_is_there_stays_when_that_was_asked_for() {
    let sandbox = furnished();
    for program in ["cfp-mv", "cfp-cp"] {
        let kept = format!("{program}: :d/b: exists, and is kept (-n)\n");
        sandbox.run(program, ["-n", "a", "d/b"]).stdout("").stderr(kept).code(1);
    }
    assert_eq!(fs::read_to_string(sandbox.root().join("d/b")).unwrap(), "d/b");
    sandbox.run("cfp-cp", ["-n", "a", "free"]).success();
    sandbox.run("cfp-mv", ["a", "d/b"]).success();
    assert_eq!(fs::read_to_string(sandbox.root().join("d/b")).unwrap(), "a");
}

#[test]
fn a_directory_is_deleted_only_on_purpose_and_the_root_never() {
    let sandbox = furnished();
    for argv in [&["d"][..], &["d/"], &["none"], &["-r", "none"], &["-r", ""], &["-r", ":"], &["-r", "/"]] {
        let said = sandbox.run("cfp-rm", argv).stdout("").code(2);
        assert_eq!(String::from_utf8_lossy(&said.get_output().stderr).lines().count(), 1, "{argv:?}");
    }
    sandbox.run("cfp-rm", ["-f", "none"]).stderr("").success();
    sandbox.run("cfp-rm", ["-r", "-f", "none", "d"]).stderr("").success();
    sandbox.run("cfp-rm", ["none", "a"]).code(2);
    sandbox.run("cfp-ls", [""; 0]).stdout("").success();
}

#[test]
fn an_empty_name_is_wrong_use_of_every_program_and_every_option() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "stored");
    sandbox.write("f", "here");
    let rows: [&[&str]; 36] = [
        &["cfp-put", "f", "--as", ""],
        &["cfp-put", "f", "--as="],
        &["cfp-put", "f", "-t", ""],
        &["cfp-put", "f", ""],
        &["cfp-put", ""],
        &["cfp-get", ""],
        &["cfp-get", "f", ""],
        &["cfp-get", "f", "-o", ""],
        &["cfp-ls", ""],
        &["cfp-ls", "f", ""],
        &["cfp-cat", ""],
        &["cfp-cat", ":f", ""],
        &["cfp-mv", "f", ""],
        &["cfp-mv", "", "f"],
        &["cfp-cp", "f", ""],
        &["cfp-cp", "", "f"],
        &["cfp-rm", ""],
        &["cfp-rm", "-f", ""],
        &["cfp-rm", "-r", "f", ""],
        &["cfp-search", "w", ""],
        &["cfp-search", "-r", "w", "--", ""],
        &["cfp-replace", "a", "b", ""],
        &["cfp-replace", "a", "b", "f", "-o", ""],
        &["cfp-replace", "--in-place", "a", "b", ":f", ""],
        &["cfp-reverse", ""],
        &["cfp-reverse", ":f", "-o", ""],
        &["cfp-ls", "-s", ""],
        &["cfp-ls", "-u", ""],
        &["cfp-ls", "--cacert", ""],
        &["cfp-shell", "-c", "list ''"],
        &["cfp-shell", "-c", "upload ''"],
        &["cfp-shell", "-c", "upload f ''"],
        &["cfp-shell", "-c", "download f ''"],
        &["cfp-shell", "-c", "rename f ''"],
        &["cfp-shell", "-c", "search w ''"],
        &["cfp-shell", "-c", "reverse f ''"],
    ];
    for argv in rows {
        let said = sandbox.run(argv[0], &argv[1..]).stdout("").code(2);
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(stderr.contains("empty") || argv.contains(&"-s"), "{argv:?}: {stderr}");
    }
    for option in
        ["--root", "--listen", "--users", "--access", "--log", "--pid-file", "--tls-cert", "--run-as"]
    {
        sandbox.run("cfpd", ["--check", option, ""]).stdout("").code(2);
    }
    sandbox.run("cfpd", ["--explain", "alice", "read", ""]).stdout("").code(2);
    assert_eq!(sandbox.all_stored(), ["f"]);
    // A word may be empty, and the root may be meant.
    sandbox.run("cfp-replace", ["--local", "here", "", "f"]).stdout("").success();
    sandbox.run("cfp-ls", [":"]).stdout("f\n").success();
}

#[test]
fn a_copied_or_renamed_file_keeps_its_modification_time() {
    let sandbox = furnished();
    let time = |name: &str| fs::metadata(sandbox.root().join(name)).unwrap().mtime();
    for name in ["a", "d/b", "d/e/c"] {
        let file = fs::File::open(sandbox.root().join(name)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
    }
    sandbox.run("cfp-cp", ["a", "z"]).success();
    sandbox.run("cfp-cp", ["a", "d/b"]).success();
    sandbox.run("cfp-cp", ["d", "copy"]).success();
    sandbox.run("cfp-mv", ["a", "y"]).success();
    for name in ["z", "d/b", "copy/b", "copy/e/c", "y"] {
        assert_eq!(time(name), 1_000_000_000, "{name}");
    }
    // What a filter makes is new.
    sandbox.run("cfp-reverse", [":y", "-o", ":turned"]).success();
    assert!(time("turned") > 1_000_000_000);
}

#[test]
fn a_directory_is_named_as_it_was_typed() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/a b/f", "");
    for argv in [["cfp-cat", ":d/a b"], ["cfp-reverse", ":d/a b"], ["cfp-get", "d/a b"], ["cfp-rm", "d/a b"]]
    {
        let said = sandbox.run(argv[0], &argv[1..]).code(2);
        said.stderr(predicates::str::starts_with(format!("{}: :d/a b: is a directory", argv[0])));
    }
}
