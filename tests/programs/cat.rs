//! cfp-cat: local files without a server, stored ones from it.

use std::path::Path;

use cfp::http::digest;

use super::stranger::Stranger;
use crate::common::{Sandbox, need};

// Row A4.
#[test]
fn a_local_file_is_shown_without_a_server() {
    let sandbox = Sandbox::new();
    sandbox.write("f", b"a\x1b[2J\xff\0b");
    let nowhere = ["-s", "unix:/nowhere"];
    sandbox.run("cfp-cat", nowhere.iter().chain(&["f"])).stdout(&b"a\x1b[2J\xff\0b"[..]).stderr("").success();
    sandbox.feed("cfp-cat", nowhere, "in\n").stdout("in\n").success();
    sandbox.run("cfp-cat", nowhere.iter().chain(&["f", ":f", "f"])).code(3);
}

#[test]
fn files_follow_each_other_and_lines_are_numbered_through() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "one\ntwo\n");
    sandbox.keep("f", "three\n");
    sandbox.feed("cfp-cat", ["f", ":f", "-"], "four").stdout("one\ntwo\nthree\nfour").success();
    let numbered = "     1\tone\n     2\ttwo\n     3\tthree\n     4\tfour";
    sandbox.feed("cfp-cat", ["-n", "f", ":f", "-"], "four").stdout(numbered).success();
    sandbox.run("cfp-cat", ["nowhere", "f"]).stdout("one\ntwo\n").code(2);
}

#[test]
fn standard_input_that_is_a_file_is_read_to_its_end() {
    let sandbox = Sandbox::new();
    sandbox.write("in", "one\none\none\n");
    sandbox.sh("cfp-cat - - < in").stdout("one\none\none\n").stderr("").success();
    sandbox.sh("while read -r line; do cfp-search --local one; done < in").stdout("2\n").success();
    sandbox.sh("while read -r line; do cfp-search one; done < in").stdout("2\n").success();
    sandbox.sh("{ cfp-put - --as f; cat; } < in").stdout("").success();
    assert_eq!(sandbox.stored("f"), b"one\none\none\n");
}

#[test]
fn a_file_that_lies_about_its_size_is_read_until_it_ends() {
    let sandbox = Sandbox::new();
    for path in ["/proc/version", "/sys/class/net/lo/mtu"] {
        if !Path::new(path).exists() {
            need::left_out(format_args!("no {path} here"));
            continue;
        }
        sandbox
            .sh(&format!("cfp-put {path} --as f; cfp-cat {path} > f; cmp f {path}; cfp-cat :f | cmp - f"))
            .success();
    }
}

#[test]
fn what_does_not_match_the_digest_of_the_server_is_a_failure() {
    let sandbox = Sandbox::new();
    let head = format!("HTTP/1.1 200 OK\r\nRepr-Digest: {}\r\n", digest::format(&digest::of(b"right")));
    for argv in [&["cfp-cat", ":f"][..], &["cfp-shell", "-c", "display :f"]] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&[format!("{head}Content-Length: 5\r\n\r\nwrong")]);
        let said = sandbox.run(argv[0], argv[1..].iter().chain(&["-s", &url])).stdout("wrong").code(3);
        said.stderr(format!("{}: :f: does not match the server's digest (SHA-256)\n", argv[0]));
        server.join().unwrap();
    }
}
