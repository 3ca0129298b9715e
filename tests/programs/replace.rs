//! cfp-replace: from every kind of source to every kind of target.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use crate::common::Sandbox;
use crate::common::raw::request;

const OLD: &str = "red redder RED\r\nred";
const NEW: &str = "blue redder RED\r\nblue";

fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("f", OLD);
    sandbox.keep("f", OLD);
    sandbox
}

// Row A2.
#[test]
fn a_result_is_stored_under_the_name_it_is_given_here_or_there() {
    let sandbox = furnished();
    for (at, source) in ["f", ":f", "-"].into_iter().enumerate() {
        sandbox.feed("cfp-replace", ["red", "blue", source], OLD).stdout(NEW).stderr("").success();
        let (here, there) = (format!("out-{at}"), format!(":new/dir/out-{at}"));
        sandbox.feed("cfp-replace", ["red", "blue", source, "-o", &here], OLD).stdout("").success();
        sandbox.feed("cfp-replace", ["red", "blue", source, "-o", &there], OLD).stdout("").success();
        assert_eq!(fs::read_to_string(sandbox.work().join(here)).unwrap(), NEW);
        assert_eq!(fs::read_to_string(sandbox.root().join(&there[1..])).unwrap(), NEW);
    }
}

#[test]
fn local_work_gives_the_same_bytes_and_asks_no_server() {
    let sandbox = furnished();
    let nowhere = ["-s", "unix:/nowhere", "--local"];
    let rows: [&[&str]; 3] = [&["red", "blue", "f"], &["-i", "RED", "x"], &["--substring", "red", ""]];
    for argv in rows {
        let remote = sandbox.feed("cfp-replace", argv, OLD).success();
        let local = sandbox.feed("cfp-replace", nowhere.iter().chain(argv), OLD).success();
        assert_eq!(local.get_output().stdout, remote.get_output().stdout, "{argv:?}");
    }
    sandbox.run("cfp-replace", ["--local", "a", "b", ":f"]).stdout("").code(2);
    // Nor does it matter what the server would be.
    let nobody = "export CFP_SERVER=none";
    sandbox.sh(&format!("{nobody}; cfp-replace --local red blue f")).stdout(NEW).success();
    sandbox.sh(&format!("{nobody}; cfp-replace --local -n red blue f")).stdout("2\n").success();
    sandbox.sh(&format!("{nobody}; cfp-search --local red f")).stdout("2\n").success();
    sandbox.sh(&format!("{nobody}; cfp-search red f f")).stdout("").code(2);
}

#[test]
fn in_place_keeps_name_and_mode_and_leaves_nothing_else() {
    let sandbox = furnished();
    let path = sandbox.work().join("f");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let said = sandbox.run("cfp-replace", ["--in-place", "red", "blue", "f", ":f"]);
    said.stdout("f: 2 replaced\n:f: 2 replaced\n").stderr("").success();
    assert_eq!(fs::read_to_string(&path).unwrap(), NEW);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(sandbox.root().join("f")).unwrap(), NEW);
    assert_eq!(fs::read_dir(sandbox.work()).unwrap().count(), 1);
    assert_eq!(fs::read_dir(sandbox.root()).unwrap().count(), 1);
    sandbox.run("cfp-replace", ["--in-place", "--local", "blue", "red", "f"]).success();
    assert_eq!(fs::read_to_string(&path).unwrap(), OLD);
}

#[test]
fn where_nothing_is_replaced_nothing_is_written_and_the_answer_is_no() {
    let sandbox = furnished();
    for directory in [sandbox.work(), sandbox.root()] {
        fs::hard_link(directory.join("f"), directory.join("link")).unwrap();
        let file = fs::File::open(directory.join("f")).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_577_836_800)).unwrap();
    }
    let state = || {
        let of =
            |path: PathBuf| fs::metadata(path).map(|meta| (meta.ino(), meta.mtime(), meta.nlink())).unwrap();
        let listed = sandbox.run("cfp-ls", ["--json", "f"]).success().get_output().stdout.clone();
        (of(sandbox.work().join("f")), of(sandbox.root().join("f")), listed)
    };
    let before = state();
    let rows: [(&[&str], &str); 3] =
        [(&[":f"], ":f: 0 replaced\n"), (&["f"], "f: 0 replaced\n"), (&["--local", "f"], "f: 0 replaced\n")];
    for (argv, said) in rows {
        let argv = [&["--in-place", "purple", "blue"], argv].concat();
        sandbox.run("cfp-replace", &argv).stdout(said).stderr("").code(1);
        assert!(state() == before, "{argv:?}");
    }
    // One of several is enough.
    sandbox.write("g", "purple");
    let said = sandbox.run("cfp-replace", ["--in-place", "purple", "blue", ":f", "g"]);
    said.stdout(":f: 0 replaced\ng: 1 replaced\n").success();
    assert!(state() == before);
    assert_eq!((sandbox.all_stored().len(), fs::read_dir(sandbox.work()).unwrap().count()), (2, 3));
}

#[test]
fn several_files_come_out_one_after_the_other() {
    let sandbox = furnished();
    sandbox.run("cfp-replace", ["red", "blue", "f", ":f"]).stdout([NEW, NEW].concat()).success();
    sandbox.run("cfp-replace", ["red", "blue", "f", "nowhere", ":f"]).stdout([NEW, NEW].concat()).code(2);
    sandbox.run("cfp-replace", ["red", "blue", "f", "nowhere", "-o", "out"]).code(2);
    assert!(!sandbox.work().join("out").exists());
    sandbox.run("cfp-replace", ["red", "blue", "f", "f", "-o", ":out"]).code(2);
}

#[test]
fn a_count_replaces_nothing() {
    let sandbox = furnished();
    for argv in [["-n", "red", "blue", "f"], ["-n", "red", "blue", ":f"]] {
        sandbox.run("cfp-replace", argv).stdout("2\n").success();
    }
    sandbox.run("cfp-replace", ["-n", "--local", "red", "blue", "f"]).stdout("2\n").success();
    sandbox.run("cfp-replace", ["-n", "green", "blue", ":f"]).stdout("0\n").code(1);
    // Several files have a line each.
    sandbox.write("none", "");
    sandbox
        .run("cfp-replace", ["-n", "red", "blue", "f", "none", ":f"])
        .stdout("f:2\nnone:0\n:f:2\n")
        .success();
    sandbox.run("cfp-replace", ["-n", "green", "blue", "f", ":f"]).stdout("f:0\n:f:0\n").code(1);
    sandbox.run("cfp-replace", ["-n", "red", "blue", "nowhere", ":f"]).stdout(":f:2\n").code(2);
    assert_eq!(fs::read_to_string(sandbox.root().join("f")).unwrap(), OLD);
}

#[test]
fn compressed_transfer_changes_no_byte() {
    let sandbox = furnished();
    for how in ["always", "never", "auto"] {
        for source in ["f", ":f", "-"] {
            sandbox.feed("cfp-replace", ["-z", how, "red", "blue", source], OLD).stdout(NEW).success();
        }
        sandbox.run("cfp-replace", ["-z", how, "red", "blue", "f", "-o", ":z"]).success();
        assert_eq!(fs::read_to_string(sandbox.root().join("z")).unwrap(), NEW);
    }
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let sandbox = Sandbox::new();
    sandbox.sh("yes word | cfp-replace word other | head -c 10").stdout("other\nothe").stderr("").success();
    sandbox
        .sh("yes word | cfp-replace --local word other | head -n 1")
        .stdout("other\n")
        .stderr("")
        .success();
    sandbox
        .sh("seq 1000000 > f; cfp-cat f | head -n 1; cfp-put f; cfp-get f -o - | head -n 1")
        .stdout("1\n1\n");
}

#[test]
fn a_directory_is_changed_with_all_in_it_here_and_there() {
    let sandbox = Sandbox::new();
    for name in ["d/a.txt", "d/e/b.txt", "d/e/c.md"] {
        sandbox.write(name, "a red b\n");
        sandbox.keep(name, "a red b\n");
    }
    sandbox.write("d/none.txt", "blue\n");
    sandbox.keep("d/none.txt", "blue\n");
    for operand in ["d", ":d", ":d/"] {
        let base = operand.trim_end_matches('/');
        let counts = format!("{base}/a.txt:1\n{base}/e/b.txt:1\n{base}/none.txt:0\n");
        let argv = ["-rn", "--include", "*.txt", "red", "blue", operand];
        sandbox.run("cfp-replace", argv).stdout(counts).stderr("").success();
        let argv = ["-r", "--exclude=e/", "red", "blue", operand];
        sandbox.run("cfp-replace", argv).stdout("a blue b\nblue\n").stderr("").success();
        sandbox.run("cfp-replace", ["red", "blue", operand]).stdout("").code(2);
    }
    // The server counts in all of them for one request.
    let said = sandbox.run("cfp-replace", ["-v", "-rn", "red", "blue", ":d/"]).success();
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert_eq!(said.matches("> ").count(), 1, "{said}");
    for (options, operand) in [(&["--local"][..], "d"), (&[], ":d")] {
        let argv = [options, &["-r", "--in-place", "--include=*.txt", "red", "blue", operand]].concat();
        let said = format!(
            "{operand}/a.txt: 1 replaced\n{operand}/e/b.txt: 1 replaced\n{operand}/none.txt: 0 replaced\n"
        );
        sandbox.run("cfp-replace", &argv).stdout(said).stderr("").success();
        sandbox.run("cfp-replace", &argv).code(1);
    }
    for directory in [sandbox.work(), sandbox.root()] {
        assert_eq!(fs::read_to_string(directory.join("d/e/b.txt")).unwrap(), "a blue b\n");
        assert_eq!(fs::read_to_string(directory.join("d/e/c.md")).unwrap(), "a red b\n");
    }
    // The output file is left out.
    sandbox
        .sh("cfp-replace -r --local red green d > d/out; cat d/out")
        .stdout("a blue b\na blue b\na green b\nblue\n");
    sandbox.run("cfp-replace", ["-r", "--if-match", "x", "--in-place", "red", "blue", ":d"]).code(2);
}

#[test]
fn a_link_in_a_directory_is_read_and_not_changed_in_place() {
    let sandbox = Sandbox::new();
    sandbox.write("elsewhere", "red\n");
    sandbox.write("d/f", "red\n");
    sandbox.keep("d/f", "red\n");
    symlink("f", sandbox.work().join("d/same")).unwrap();
    symlink("../elsewhere", sandbox.work().join("d/other")).unwrap();
    symlink("f", sandbox.root().join("d/same")).unwrap();
    sandbox.run("cfp-replace", ["-r", "red", "blue", "d", ":d"]).stdout("blue\n".repeat(5)).success();
    for operand in ["d", ":d"] {
        let said = format!("{operand}/f: 1 replaced\n");
        sandbox.run("cfp-replace", ["-r", "--in-place", "red", "red red", operand]).stdout(said).success();
    }
    for file in [sandbox.work().join("d/f"), sandbox.root().join("d/f")] {
        assert_eq!(fs::read_to_string(file).unwrap(), "red red\n");
    }
    assert_eq!(fs::read_to_string(sandbox.work().join("elsewhere")).unwrap(), "red\n");
    // Whoever names a link means what it leads to.
    sandbox
        .run("cfp-replace", ["--in-place", "red", "blue", "d/same"])
        .stdout("d/same: 2 replaced\n")
        .success();
}

#[test]
fn a_text_in_utf_16_is_never_left_silently() {
    let sandbox = Sandbox::new();
    sandbox.write("f", b"\xff\xfew\0o\0r\0d\0");
    let said = || predicates::str::starts_with("cfp-replace: f: is UTF-16, in which hardly a word is found");
    for options in
        [&["--in-place"][..], &["-n"], &["-o", "new"], &["--in-place", "--local"], &["-r", "--in-place"]]
    {
        sandbox.run("cfp-replace", [&["word", "deed", "f"], options].concat()).stderr(said());
    }
    sandbox.run("cfp-replace", ["-q", "word", "deed", "f", "--in-place"]).stderr("").code(1);
    sandbox.keep("d/f", b"\xff\xfew\0o\0r\0d\0");
    for (argv, shown) in [(["--in-place", ":d/f"], ":d/f"), (["-n", ":d/f"], ":d/f"), (["-rn", ":d"], ":d/f")]
    {
        let said = sandbox.run("cfp-replace", [&["word", "deed"][..], &argv].concat());
        said.stderr(predicates::str::starts_with(format!("cfp-replace: {shown}: is UTF-16"))).code(1);
    }
    // What cannot be written is said before the first byte comes.
    sandbox
        .sh("mkfifo p; sleep 1000 > p & cfp-replace a b - -o none/x < p || status=$?; kill $!; exit $status")
        .code(2);
    for options in ["-o -", "--local", "-o new"] {
        let said =
            sandbox.sh(&format!("cat f | cfp-replace {options} word deed > out; cat new out | cmp - f"));
        said.stderr(predicates::str::starts_with("cfp-replace: -: is UTF-16"));
    }
}

#[test]
fn a_file_replaces_itself_in_place_by_whatever_name_of_a_link() {
    let sandbox = Sandbox::new();
    let file = sandbox.keep("d/f", "Rust\n");
    symlink("d/f", sandbox.root().join("link")).unwrap();
    symlink("d", sandbox.root().join("dl")).unwrap();
    let copy = |from: &str, to: &str, query: &str| {
        let fields = format!("Destination: {to}\r\n");
        sandbox.connect().ask(request("COPY", &format!("{from}?{query}"), &fields))
    };
    let version = || fs::metadata(&file).map(|meta| (meta.ino(), meta.mtime(), meta.mtime_nsec())).unwrap();
    let before = version();
    for (from, to) in [("/link", "/d/f"), ("/d/f", "/link"), ("/dl/f", "/d/f"), ("/link", "/dl/f")] {
        let answer = copy(from, to, "replace=zzzz&with=y");
        assert_eq!((answer.status, answer.field("Cfp-Changed")), (204, "0"), "{from} {to}");
        assert_eq!(version(), before, "{from} {to}");
    }
    let answer = copy("/link", "/d/f", "replace=Rust&with=C");
    assert_eq!((answer.status, answer.field("Cfp-Changed")), (204, "1"));
    assert_eq!(fs::read_to_string(sandbox.root().join("link")).unwrap(), "C\n");
}
