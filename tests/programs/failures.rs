//! What goes wrong, in all tools alike: one line, the program's name first, and the right exit code.

use super::stranger::Stranger;
use crate::common::{Sandbox, need};

#[test]
fn every_failure_is_one_line_and_the_right_code() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text\n");
    sandbox.write("d/f", "text\n");
    sandbox.keep("f", "text\n");
    sandbox.keep("d/f", "text\n");
    let rows: [(&[&str], i32); 34] = [
        (&["cfp-ls", "--foo"], 2),
        (&["cfp-ls", "-lx"], 2),
        (&["cfp-put", "f", "-t"], 2),
        (&["cfp-cat", "-z", "maybe", ":f"], 2),
        (&["cfp-cat", "-s", "ftp://example.org", ":f"], 2),
        (&["cfp-mv", "one"], 2),
        (&["cfp-search"], 2),
        (&["cfp-search", "", "f"], 2),
        (&["cfp-replace", "", "x", "f"], 2),
        (&["cfp-shell", "-c", "search '' :f"], 2),
        (&["cfp-search", "w", "none"], 2),
        (&["cfp-search", "w", ":none"], 2),
        (&["cfp-replace", "a", "b", ":none", "-o", ":f"], 2),
        (&["cfp-cat", "none"], 2),
        (&["cfp-cat", ":none"], 2),
        (&["cfp-get", "none"], 2),
        (&["cfp-put", "none"], 2),
        (&["cfp-mv", "none", "x"], 2),
        (&["cfp-rm", "none"], 2),
        (&["cfp-ls", "none"], 2),
        (&["cfp-cat", "f/f"], 2),
        (&["cfp-search", "w", "d"], 2),
        (&["cfp-search", "w", ":d"], 2),
        (&["cfp-reverse", "d"], 2),
        (&["cfp-reverse", ":d"], 2),
        (&["cfp-reverse", "f", "-o", "d"], 2),
        (&["cfp-reverse", "f", "-o", ":d"], 2),
        (&["cfp-put", "d"], 2),
        (&["cfp-get", "d"], 2),
        (&["cfp-put", "f", "--as", "../f"], 2),
        (&["cfp-cp", "f", "d/../g"], 2),
        (&["cfp-put", "f", "--as", "a/../b"], 2),
        (&["cfp-put", "f", "--as", ".cfpd/f"], 2),
        (&["cfp-shell", "-c", "upload none"], 2),
    ];
    for (argv, code) in rows {
        let said = sandbox.run(argv[0], &argv[1..]).stdout("").code(code);
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        let line = stderr.starts_with(&format!("{}: ", argv[0])) && stderr.lines().count() == 1;
        assert!(line, "{argv:?}: {stderr}");
    }
    let said = sandbox.run("cfp-ls", ["--foo"]);
    said.stderr("cfp-ls: unknown option --foo, see cfp-ls --help\n");
}

#[test]
fn a_server_that_is_not_there_is_not_now() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "");
    let rows: [&[&str]; 6] = [
        &["cfp-search", "w", "f"],
        &["cfp-cat", ":f"],
        &["cfp-put", "f"],
        &["cfp-get", "f"],
        &["cfp-ls"],
        &["cfp-shell", "-c", "list"],
    ];
    for argv in rows {
        for (server, said) in [
            (
                "http://127.0.0.1:1",
                "http://127.0.0.1:1: connection refused: is cfpd running? start one, or name another with -s",
            ),
            (
                "unix:/nowhere",
                "unix:/nowhere: no such file or directory: is cfpd running? start one, or name another with -s",
            ),
        ] {
            let line = format!("{}: {said}\n", argv[0]);
            sandbox.run(argv[0], argv[1..].iter().chain(&["-s", server])).stdout("").stderr(line).code(3);
        }
    }
}

#[test]
fn a_full_disk_is_not_now() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "w\n");
    sandbox.keep("f", "w\n");
    let commands = [
        "cfp-search w f",
        "cfp-replace -n w x f",
        "cfp-replace w x f",
        "cfp-reverse --local f",
        "cfp-cat f f",
        "cfp-cat :f",
        "cfp-search --per-file w f f",
        "cfp-get f -o -",
        "cfp-ls",
        "cfp-ls --help",
        "cfp-shell -c list",
    ];
    for command in commands {
        let said = sandbox.sh(&format!("{command} > /dev/full || exit $?")).code(3);
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(stderr.ends_with(": standard output: no space left on device\n"), "{command}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{command}: {stderr}");
    }
    sandbox.run("cfp-reverse", ["f", "-o", "/dev/full"]).code(3);
    // What cannot be told is done all the same.
    sandbox
        .sh("echo a cat > g; echo a cat > h; cfp-replace --in-place cat dog g h > /dev/full || exit $?")
        .code(3);
    sandbox.sh("cat g h").stdout("a dog\na dog\n");
}

#[test]
fn a_read_only_server_refuses_for_good() {
    let sandbox = Sandbox::with(&["--read-only"]);
    sandbox.write("f", "text");
    sandbox.keep("g", "text");
    let rows: [&[&str]; 7] = [
        &["cfp-put", "f"],
        &["cfp-put", "f", "--as", "new/f"],
        &["cfp-mv", "g", "h"],
        &["cfp-cp", "g", "h"],
        &["cfp-rm", "g"],
        &["cfp-replace", "a", "b", ":g", "-o", ":h"],
        &["cfp-reverse", "--in-place", ":g"],
    ];
    for argv in rows {
        let said = sandbox.run(argv[0], &argv[1..]).stdout("").code(2);
        assert_eq!(String::from_utf8_lossy(&said.get_output().stderr).lines().count(), 1, "{argv:?}");
    }
    sandbox.run("cfp-search", ["text", ":g", "f"]).stdout("2\n").success();
}

#[test]
fn the_conversation_is_told_on_request_and_nothing_else_is() {
    let sandbox = Sandbox::new();
    sandbox
        .feed("cfp-put", ["-v", "-", "--as", "d/f"], "x")
        .stdout("")
        .stderr("> PUT /d/f\n< 409 Conflict\n> MKCOL /d/\n< 201 Created\n> PUT /d/f\n< 201 Created\n");
    sandbox
        .run("cfp-cat", ["--version"])
        .stdout(concat!("cfp-cat ", env!("CARGO_PKG_VERSION"), "\n"))
        .success();
}

#[test]
fn a_failure_names_the_thing_and_says_what_would_be_right() {
    let sandbox = Sandbox::new();
    sandbox.write("d.gz", b"\x1f\x8b\x08\0broken");
    sandbox.keep("d/f", "text\n");
    let rows: [(&[&str], &str); 21] = [
        (&["cfp-cat", ":d/"], ":d/: is a directory"),
        (&["cfp-cat", ":"], ":/: is a directory"),
        (&["cfp-reverse", ":d/"], ":d/: is a directory"),
        (&["cfp-replace", "a", "b", ":d/", "-o", "out"], ":d/: is a directory: use -r"),
        (&["cfp-shell", "-c", "search a :d/"], ":d/: is a directory: use -r"),
        (&["cfp-shell", "-c", "reverse :d/ ./out"], ":d/: is a directory"),
        (&["cfp-reverse", "d.gz", "-o", ":"], ":/: is a directory: name the file in it"),
        (&["cfp-replace", "a", "b", ":d/f", "-o", ":new/"], ":new/: is a directory: name the file in it"),
        (&["cfp-mv", ":", "new"], ":/: is the root, which cannot be renamed or copied"),
        (&["cfp-shell", "-c", "copy / new"], ":/: is the root, which cannot be renamed or copied"),
        (&["cfp-rm", "d"], ":d: is a directory: use -r"),
        (&["cfp-rm", "d/"], ":d/: is a directory: use -r"),
        (&["cfp-rm", "d/f/"], ":d/f/: is a file, not a directory"),
        (&["cfp-rm", "none/"], ":none: no such file or directory"),
        (&["cfp-sync", ":d/f", "out"], ":d/f: is a file, not a directory"),
        (&["cfp-sync", ":none", "out"], ":none/: is not there"),
        (&["cfp-rm", "-r", "."], ":.: `.` and `..` are not names"),
        (&["cfp-ls", ".."], ":..: `.` and `..` are not names"),
        (&["cfp-get", "./d/f"], ":./d/f: `.` and `..` are not names"),
        (&["cfp-get", "d//f"], ":d//f: a name cannot have an empty part between two slashes"),
        (&["cfp-shell", "-c", "download ../f"], ":../f: `.` and `..` are not names"),
    ];
    for (argv, what) in rows {
        sandbox.run(argv[0], &argv[1..]).stdout("").stderr(format!("{}: {what}\n", argv[0])).code(2);
    }
    let damaged = predicates::str::starts_with("cfp-search: d.gz: ");
    sandbox.run("cfp-search", ["--decompress", "w", "d.gz"]).stdout("").stderr(damaged);
    assert!(!sandbox.work().join("out").exists());
}

#[test]
fn a_word_that_does_not_fit_into_a_request_is_told_of() {
    let sandbox = Sandbox::new();
    let word = "w".repeat(33_000);
    sandbox.write("f", &word);
    sandbox.keep("f", &word);
    let rows: [&[&str]; 6] = [
        &["cfp-search", &word, "f"],
        &["cfp-search", "-r", &word, ":"],
        &["cfp-search", "-r", "--lines", &word, ":"],
        &["cfp-replace", &word, "", ":f"],
        &["cfp-replace", "w", &word, "f", "-o", ":g"],
        &["cfp-replace", "--in-place", &word, "", ":f"],
    ];
    for argv in rows {
        let why = "the word: is too long for a request, whose target has at most 32768 bytes";
        sandbox.run(argv[0], &argv[1..]).stdout("").stderr(format!("{}: {why}\n", argv[0])).code(2);
    }
    sandbox.run("cfp-search", ["--local", &word, "f"]).stdout("1\n").success();
}

#[test]
fn what_is_no_file_is_refused_for_good() {
    let sandbox = Sandbox::new();
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.work().join("socket")).unwrap();
    sandbox
        .run("cfp-cat", ["socket"])
        .stdout("")
        .stderr("cfp-cat: socket: no such device or address\n")
        .code(2);
    let said = sandbox.sh("seq 100000 | TMPDIR=/nowhere cfp-reverse --local || exit $?").stdout("").code(2);
    said.stderr("cfp-reverse: /nowhere: no such file or directory\n");
}

#[test]
fn a_name_that_is_a_mount_point_is_refused_for_good() {
    if !need::root_and(&["unshare", "mount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    sandbox.write("busy", "kept");
    sandbox.write("source", "");
    let script = "mount --bind source busy && { cfp-get f -o busy; echo $?; cfp-get -c f -o busy; echo $?; }";
    let said = sandbox.run("unshare", ["-m", "sh", "-c", script]);
    if !said.get_output().status.success() {
        return need::left_out("nothing can be mounted here");
    }
    said.stdout("2\n2\n");
    assert_eq!(sandbox.sh("cat busy; ls").get_output().stdout, b"keptbusy\nsource\n");
}

#[test]
fn http_and_https_are_not_mixed_up() {
    let sandbox = Sandbox::new();
    // As a server with TLS answers what is none (RFC 8446 §6): a fatal alert.
    let stranger = Stranger::new();
    let url = stranger.url();
    let server = stranger.answer(&[b"\x15\x03\x03\x00\x02\x02\x32"]);
    let said = sandbox.run("cfp-ls", ["-s", &url]).stdout("").code(2);
    said.stderr(format!("cfp-ls: {url}: speaks TLS: use {}\n", url.replace("http:", "https:")));
    server.join().unwrap();
}
