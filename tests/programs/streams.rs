//! Standard streams that are closed, and those that are `/dev/null`: the one is wrong use where it is needed, the other is
//! a file like others.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use nix::fcntl::{FcntlArg, fcntl};

use crate::common::{HANG, Sandbox};

/// Standard output and standard error, and the exit code, of a shell's one command.
fn said(sandbox: &Sandbox, command: &str) -> (String, String, i32) {
    let mut program = sandbox.command("sh");
    let output = program.args(["-c", command]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code().unwrap())
}

#[test]
fn a_closed_standard_input_is_no_empty_file() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "precious");
    sandbox.sh("ln -s /dev/stdin link").success();
    let commands = [
        "cfp-put - --as f",
        "cfp-put /dev/stdin --as f",
        "cfp-put /dev/fd/0 --as f",
        "cfp-put link --as f",
        "cfp-search --local x",
        "cfp-search x",
        "cfp-search x -",
        "cfp-replace a b",
        "cfp-replace a b -o :f",
        "cfp-replace a b -o out",
        "cfp-reverse --local",
        "cfp-cat",
        "cfp-shell",
    ];
    for command in commands {
        let line = format!("{}: standard input: bad file descriptor\n", command.split(' ').next().unwrap());
        assert_eq!(said(&sandbox, &format!("{command} <&-")), (String::new(), line, 2), "{command}");
    }
    assert_eq!(sandbox.stored("f"), b"precious");
    assert!(!sandbox.work().join("out").exists());
}

#[test]
fn a_closed_standard_output_is_an_error_where_something_would_be_printed() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    sandbox.write("here", "text");
    let commands = [
        "cfp-ls",
        "cfp-ls -R",
        "cfp-ls --json f",
        "cfp-cat here",
        "cfp-cat :f",
        "cfp-search text here",
        "cfp-search --local --lines text here",
        "cfp-search -r --per-file text :/",
        "cfp-replace a b here",
        "cfp-replace --local a b here",
        "cfp-replace -n a b here",
        "cfp-reverse :f",
        "cfp-reverse here -o /dev/stdout",
        "cfp-get f -o -",
        "cfp-get \"$CFP_SERVER/f\"",
        "cfp-get -i f",
        "cfp-shell -c list",
        "cfp-shell </dev/null",
        "cfp-put --help",
        "cfp-mv --version",
        "cfpd --help",
        "cfpd --explain - read /f",
        "cfpd -r . -- cfp-ls",
    ];
    for command in commands {
        let (stdout, stderr, code) = said(&sandbox, &format!("{command} >&-"));
        assert_eq!((stdout.as_str(), code), ("", 2), "{command}: {stderr}");
        assert!(stderr.ends_with(": standard output: bad file descriptor\n"), "{command}: {stderr}");
        // One that is open for reading takes nothing either.
        assert_eq!(said(&sandbox, &format!("{command} 1</dev/null")).2, 2, "{command}");
    }
}

#[test]
fn a_closed_stream_that_is_not_needed_is_missed_by_nobody_and_no_file_gets_its_number() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "stored\n");
    let text = "here\n".repeat(1000);
    sandbox.write("here", &text);
    for command in
        ["cfp-put here", "cfp-get f", "cfp-reverse :f -o :g", "cfp-cp f h", "cfp-replace here a here -o out"]
    {
        assert_eq!(said(&sandbox, &format!("{command} <&- >&- 2>&-")).2, 0, "{command}");
    }
    assert_eq!(
        (sandbox.stored("here"), sandbox.stored("g")),
        (text.clone().into_bytes(), b"stored\n".to_vec())
    );
    assert_eq!(said(&sandbox, "cat f; grep -c . out"), ("stored\n1000\n".into(), String::new(), 0));
    // What is said on standard error is said to nobody, and not to a file or a server.
    assert_eq!(said(&sandbox, "cfp-put -v here 2>&-"), (String::new(), String::new(), 0));
    assert_eq!(said(&sandbox, "cfp-cat -v none :f 2>&-"), ("stored\n".into(), String::new(), 2));
    assert_eq!(sandbox.stored("here"), text.into_bytes());
    assert_eq!(said(&sandbox, "cfpd -r . -- cfp-cat :f <&- 2>&-").0, "stored\n");
}

#[test]
fn a_dev_null_that_was_given_is_a_file_like_others() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let null = |read, write| {
        let file = OpenOptions::new().read(read).write(write).open("/dev/null").unwrap();
        Stdio::from(file)
    };
    // As a shell opens it, and as the runtimes of other languages do: for both.
    for both in [false, true] {
        let mut put = sandbox.command("cfp-put");
        put.args(["-", "--as", "empty"])
            .stdin(null(true, both))
            .stdout(null(both, true))
            .stderr(null(both, true));
        assert!(put.status().unwrap().success());
        assert_eq!(sandbox.stored("empty"), b"");
        for argv in [&["cfp-ls"][..], &["cfp-cat", ":f"], &["cfp-reverse"]] {
            let mut tool = sandbox.command(argv[0]);
            tool.args(&argv[1..]).stdin(null(true, both)).stdout(null(both, true)).stderr(null(both, true));
            assert!(tool.status().unwrap().success(), "{argv:?}");
        }
    }
}

#[test]
fn a_pipe_on_standard_input_gets_room_for_several_blocks() {
    let sandbox = Sandbox::new();
    let (reader, mut writer) = io::pipe().unwrap();
    let mut command = sandbox.command("cfp-search");
    command.arg("two").stdin(reader).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let end = Instant::now() + HANG;
    while fcntl(&writer, FcntlArg::F_GETPIPE_SZ).unwrap() < 256 << 10 {
        assert!(Instant::now() < end, "the pipe is as it was");
        thread::yield_now();
    }
    writer.write_all(b"one two\n").unwrap();
    drop(writer);
    assert_eq!(child.wait_with_output().unwrap().stdout, b"1\n");
}
