//! cfp-get: files come whole or not at all, go on where they were cut, and come from any HTTP server.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::prelude::*;

use super::stranger::Stranger;
use crate::common::Sandbox;

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.work()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

// Row B1, and the client of row E1.
#[test]
fn a_file_gets_its_base_name_or_the_one_it_is_given() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/f", "text");
    fs::create_dir(sandbox.work().join("here")).unwrap();
    sandbox.run("cfp-get", ["d/f"]).stdout("").stderr("").success();
    sandbox.run("cfp-get", [":d/f", "-o", "received_bio_7.txt"]).stdout("").stderr("").success();
    sandbox.run("cfp-get", ["d/f", "-o", "here"]).stdout("").stderr("").success();
    sandbox.run("cfp-get", ["d/f", ":d/f", "-o", "-"]).stdout("texttext").success();
    sandbox.run("cfp-get", ["-z", "always", "d/f", "-o", "z"]).success();
    for name in ["f", "received_bio_7.txt", "here/f", "z"] {
        assert_eq!(fs::read_to_string(sandbox.work().join(name)).unwrap(), "text", "{name}");
    }
    sandbox.run("cfp-get", ["d/f", "d/f", "-o", "one"]).code(2);
    sandbox.run("cfp-get", ["d"]).code(2);
    assert_eq!(names(&sandbox), ["f", "here", "received_bio_7.txt", "z"]);
}

// Row C2.
#[test]
fn any_http_server_is_asked_and_its_answer_printed() {
    let sandbox = Sandbox::new();
    sandbox.keep("a b", "text\n");
    let url = format!("{}/a b", sandbox.url());
    sandbox.run("cfp-get", [&url]).stdout("text\n").stderr("").success();
    let head =
        predicate::str::starts_with("HTTP/1.1 200 OK\r\n").and(predicate::str::ends_with("\r\n\r\ntext\n"));
    sandbox.run("cfp-get", ["-i", &url]).stdout(head).success();
    let none = format!("{}/none", sandbox.url());
    sandbox.run("cfp-get", ["-i", &none]).stdout(predicate::str::starts_with("HTTP/1.1 404 ")).code(2);

    let old = Stranger::new();
    let url = old.url() + "/x?y#z";
    let server = old.answer(&["HTTP/1.0 200 OK\nServer: old\n\nuntil it closes"]);
    sandbox.run("cfp-get", [&url]).stdout("until it closes").success();
    let (heads, _) = server.join().unwrap();
    assert!(heads[0].starts_with("GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", heads[0]);

    let broken = Stranger::new();
    let url = broken.url();
    let server = broken.answer(&["HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno\n"]);
    sandbox.run("cfp-get", [&url]).stdout("no\n").code(3);
    server.join().unwrap();
}

#[test]
fn a_body_cut_short_is_never_a_file() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "old");
    let short = [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1",
        "",
    ];
    for answer in short {
        for output in ["f", "new", "-"] {
            let stranger = Stranger::new();
            let url = stranger.url();
            let server = stranger.answer(&[answer]);
            let said = sandbox.run("cfp-get", ["-s", &url, "f", "-o", output]).code(3);
            let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
            assert!(
                stderr.starts_with(&format!("cfp-get: {url}: ")) && stderr.lines().count() == 1,
                "{stderr}"
            );
            server.join().unwrap();
        }
    }
    assert_eq!(
        (names(&sandbox), fs::read_to_string(sandbox.work().join("f")).unwrap()),
        (vec!["f".into()], "old".into())
    );
}

#[test]
fn a_signal_leaves_no_draft_behind() {
    let sandbox = Sandbox::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let stranger = Stranger::new();
        let mut child = sandbox.command("cfp-get").args(["-s", &stranger.url(), "f"]).spawn().unwrap();
        let held = stranger.stall("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
        assert_eq!(names(&sandbox).len(), 1, "the draft");
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(signal as i32));
        assert_eq!(names(&sandbox), Vec::<String>::new(), "{signal}");
        drop(held);
    }
}

#[test]
fn a_transfer_goes_on_where_it_was_cut() {
    let sandbox = Sandbox::new();
    let part = "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 10\r\n\r\n";
    let begin = |answers: &[&str], code: i32| {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(answers);
        sandbox.run("cfp-get", ["-c", "-s", &url, "f"]).stdout("").code(code);
        server.join().unwrap().0
    };
    begin(&[part, &format!("{part}01234")], 3);
    assert_eq!(names(&sandbox), [".f.e1.part"]);
    let rest =
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\n56789";
    let heads = begin(&[part, rest], 0);
    assert!(heads[1].contains("\r\nRange: bytes=5-\r\nIf-Range: \"e1\"\r\n"), "{}", heads[1]);
    assert_eq!(names(&sandbox), ["f"]);
    assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), "0123456789");
}

#[test]
fn a_part_of_another_content_is_not_gone_on_with() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "new content");
    sandbox.write("f", "old");
    sandbox.write(".f.other.part", "old con");
    sandbox.run("cfp-get", ["-c", "f"]).stdout("").stderr("").success();
    sandbox.run("cfp-get", ["-c", "f"]).stdout("").stderr("").success();
    assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), "new content");
}

#[test]
fn a_server_cannot_make_files_outside_the_directory() {
    let sandbox = Sandbox::new();
    for name in ["../f", "/f", "a/../../f", "."] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let body = format!("{{\"name\":\"{name}\",\"type\":\"file\"}}\n");
        let list = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let server = stranger.answer(&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &list]);
        sandbox.run("cfp-get", ["-r", "-s", &url, "d/", "-o", "here"]).code(3);
        server.join().unwrap();
    }
    assert_eq!(names(&sandbox), Vec::<String>::new());
}
