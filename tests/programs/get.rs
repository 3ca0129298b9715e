//! cfp-get: files come whole or not at all, go on where they were cut, and come from any HTTP server.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;

use cfp::http::digest;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::prelude::*;

use super::stranger::Stranger;
use crate::common::Sandbox;
use crate::common::proxy::{Fault, Proxy};

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
    sandbox
        .run("cfp-get", ["-r", "d/", "-o", "-"])
        .stdout("")
        .stderr("cfp-get: :d/: is a directory\n")
        .code(2);
    assert_eq!(names(&sandbox), ["f", "here", "received_bio_7.txt", "z"]);
}

#[test]
fn a_symbolic_link_to_a_directory_is_left_out_with_a_remark() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/e/f", "text");
    for (target, link) in [("e/f", "file"), ("e", "link"), (".", "loop")] {
        symlink(target, sandbox.root().join("d").join(link)).unwrap();
    }
    let left_out = "cfp-get: :d/link: is a symbolic link to a directory, left out\n\
                    cfp-get: :d/loop: is a symbolic link to a directory, left out\n";
    sandbox.run("cfp-get", ["-r", "d"]).stdout("").stderr(left_out).success();
    sandbox.sh("find d | sort").stdout("d\nd/e\nd/e/f\nd/file\n").success();
    sandbox.run("cfp-get", ["-q", "-r", "d", "-o", "quiet"]).stdout("").stderr("").success();
    // It is entered where it is named.
    sandbox.run("cfp-get", ["-r", "d/link", "-o", "named"]).stdout("").stderr("").success();
    assert_eq!(fs::read_to_string(sandbox.work().join("named/f")).unwrap(), "text");
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
    fs::create_dir(sandbox.work().join("here")).unwrap();
    sandbox.run("cfp-get", [&url, "-o", "here"]).stdout("").stderr("").success();
    assert_eq!(fs::read_to_string(sandbox.work().join("here/a b")).unwrap(), "text\n");
    sandbox.run("cfp-get", [sandbox.url(), "-o", "here"]).stdout("").code(2);
    let none = format!("{}/none", sandbox.url());
    sandbox.run("cfp-get", ["-i", &none]).stdout(predicate::str::starts_with("HTTP/1.1 404 ")).code(2);

    let old = Stranger::new();
    let url = old.url() + "/x?y#z";
    let server = old.answer(&["HTTP/1.0 200 OK\nServer: old\n\nuntil it closes"]);
    sandbox.run("cfp-get", [&url]).stdout("until it closes").success();
    let (heads, _) = server.join().unwrap();
    assert!(heads[0].starts_with("GET /x?y HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", heads[0]);

    let packed = Stranger::new();
    let url = packed.url();
    let server =
        packed.answer(&["HTTP/1.1 200 OK\r\nContent-Encoding: x-gzip\r\nContent-Length: 3\r\n\r\ngz\n"]);
    sandbox.run("cfp-get", [&url]).stdout("gz\n").stderr("").success();
    server.join().unwrap();

    let broken = Stranger::new();
    let url = broken.url();
    let server = broken.answer(&["HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno\n"]);
    sandbox.run("cfp-get", [&url]).stdout("no\n").code(3);
    server.join().unwrap();
}

#[test]
fn a_server_that_never_comes_to_an_answer_is_left() {
    let sandbox = Sandbox::new();
    for (interim, code) in [(20, 0), (1000, 3)] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let answer = "HTTP/1.1 102 Processing\r\n\r\n".repeat(interim);
        let server = stranger.answer(&[answer + "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"]);
        let said = sandbox.run("cfp-get", ["--retry", "0", "-s", &url, "f", "-o", "-"]).code(code);
        assert_eq!(said.get_output().stdout, if code == 0 { &b"yes"[..] } else { b"" });
        server.join().unwrap();
    }
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
            let said = sandbox.run("cfp-get", ["--retry", "0", "-s", &url, "f", "-o", output]).code(3);
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
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let stranger = Stranger::new();
        // Another one leaves its memory behind where that is allowed.
        let script = "ulimit -c 0; exec cfp-get -s \"$1\" f";
        let mut child = sandbox.command("sh").args(["-c", script, "sh", &stranger.url()]).spawn().unwrap();
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
        sandbox.run("cfp-get", ["-c", "--retry", "0", "-s", &url, "f"]).stdout("").code(code);
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
fn a_redirect_replaces_no_file_and_is_shown_as_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "old");
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 6\r\n\r\nmoved\n";
    for (argv, stdout, code) in [(&["-o", "f"][..], "", 2), (&["-o", "-"], "moved\n", 0), (&[], "moved\n", 0)]
    {
        let stranger = Stranger::new();
        let url = format!("{}/f", stranger.url());
        let server = stranger.answer(&[redirect]);
        let said = sandbox.run("cfp-get", [&[url.as_str()], argv].concat()).stdout(stdout).code(code);
        let stderr = if code == 2 {
            format!("cfp-get: {url}: 302 Found: get /elsewhere instead\n")
        } else {
            String::new()
        };
        said.stderr(stderr);
        server.join().unwrap();
        assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), "old");
    }
    let stranger = Stranger::new();
    let url = format!("{}/f", stranger.url());
    let server = stranger.answer(&["HTTP/1.1 300 Multiple Choices\r\nContent-Length: 4\r\n\r\nmany"]);
    let said = sandbox.run("cfp-get", [url.as_str(), "-o", "f"]).stdout("").code(2);
    said.stderr(format!("cfp-get: {url}: 300 Multiple Choices\n"));
    server.join().unwrap();
    assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), "old");
    assert_eq!(names(&sandbox), ["f"]);
}

#[test]
fn a_part_that_was_not_asked_for_is_no_file() {
    let sandbox = Sandbox::new();
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-3/9\r\nContent-Length: 2\r\n\r\nrt";
    for argv in [
        &["cfp-get", "URL/f", "-o", "u"][..],
        &["cfp-get", "f", "-s", "URL"],
        &["cfp-cat", ":f", "-s", "URL"],
    ] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&[part]);
        let words: Vec<_> = argv[1..].iter().map(|word| word.replace("URL", &url)).collect();
        let name = words[0].trim_start_matches(':');
        let name = if name == "f" { ":f" } else { name };
        let said = format!("{}: {name}: the server sent another range than requested\n", argv[0]);
        sandbox.run(argv[0], &words).stdout("").stderr(said).code(3);
        server.join().unwrap();
    }
    assert_eq!(names(&sandbox), [""; 0]);
}

#[test]
fn a_url_that_needs_a_user_says_how_to_name_one() {
    let sandbox = Sandbox::new();
    let stranger = Stranger::new();
    let url = format!("{}/f", stranger.url());
    let server = stranger.answer(&["HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"]);
    let said = format!("cfp-get: {url}: 401 Unauthorized: log in with -u NAME\n");
    sandbox.run("cfp-get", [url.as_str(), "-o", "u"]).stderr(said).code(2);
    server.join().unwrap();
}

#[test]
fn a_digest_that_is_none_is_the_fault_of_the_server() {
    let sandbox = Sandbox::new();
    let stranger = Stranger::new();
    let url = format!("{}/f", stranger.url());
    let server =
        stranger.answer(&["HTTP/1.1 200 OK\r\nRepr-Digest: sha-256=x\r\nContent-Length: 1\r\n\r\nx"]);
    let said = sandbox.run("cfp-get", [url.as_str()]).code(3);
    let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(stderr.starts_with(&format!("cfp-get: {url}: ")) && stderr.contains("Repr-Digest"), "{stderr}");
    server.join().unwrap();
}

#[test]
fn retries_are_counted_from_the_last_progress() {
    let sandbox = Sandbox::new();
    let content: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    sandbox.keep("f", &content);
    let proxy = Proxy::cutting(sandbox.address(), [1_000_000; 3]);
    sandbox.run("cfp-get", ["-z", "never", "--retry", "1", "-s", &proxy.url, "f"]).stdout("").success();
    assert_eq!(fs::read(sandbox.work().join("f")).unwrap(), content);
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

#[test]
fn what_is_not_what_the_server_says_is_no_file() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "old");
    let said = format!("Repr-Digest: {}\r\n", digest::format(&digest::of(b"right")));
    let whole = format!("HTTP/1.1 200 OK\r\nETag: \"e1\"\r\n{said}Content-Length: 5\r\n\r\n");
    let (head, wrong) = (whole.as_str(), format!("{whole}wrong"));
    let rest = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/5\r\nContent-Length: 3\r\n\r\nong";
    let coded = "HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 14\r\n\r\n";
    let rows: [(&[&str], &[&str], &str); 6] = [
        (&["f"], &[&wrong], ""),
        (&["f", "-o", "new"], &[&wrong], ""),
        (&["f", "-o", "-"], &[&wrong], "wrong"),
        (&["-c", "f"], &[head, &wrong], ""),
        (&["-c", "g"], &[head, rest], ""),
        (&["-z", "always", "f"], &[head, coded], ""),
    ];
    for (argv, answers, out) in rows {
        if argv.contains(&"g") {
            // What an earlier run left; the digest is over all of it.
            sandbox.write(".g.e1.part", "wr");
        }
        let stranger = Stranger::new();
        let url = stranger.url();
        let mut answers: Vec<_> = answers.iter().map(|answer| answer.as_bytes().to_vec()).collect();
        if argv.contains(&"always") {
            answers[1].extend(zstd_frame(b"wrong"));
        }
        let server = stranger.answer(&answers);
        let ended = sandbox.run("cfp-get", argv.iter().chain(&["-s", &url])).stdout(out).code(3);
        let name = if argv.contains(&"g") { ":g" } else { ":f" };
        ended.stderr(format!("cfp-get: {name}: does not match the server's digest (SHA-256)\n"));
        server.join().unwrap();
    }
    assert_eq!(names(&sandbox), ["f"]);
    assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), "old");

    let stranger = Stranger::new();
    let url = stranger.url();
    let server = stranger.answer(&[&wrong]);
    sandbox.run("cfp-get", [&url, "-o", "new"]).code(3);
    server.join().unwrap();
    assert_eq!(names(&sandbox), ["f"]);
}

/// A frame of one raw block (RFC 8878 §3.1.1), for a content of at most 255 bytes.
fn zstd_frame(content: &[u8]) -> Vec<u8> {
    let size = content.len() as u8;
    let block = (u32::from(size) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0x20, size][..], &block[..3], content].concat()
}

/// Content that compresses a little, so that a cut falls into it in either coding.
fn long_content() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 27) as u8
    };
    std::iter::repeat_with(&mut next).take(2_000_000).collect()
}

/// Two places in a transfer, others for each way; behind the first block of zstd, for nothing of it comes before its
/// end.
fn two_places(way: usize) -> [usize; 2] {
    [1, 2].map(|at| 200_000 + (way * 2 + at) * 123_457 % 300_000)
}

#[test]
fn a_transfer_that_breaks_twice_goes_on_by_itself() {
    let sandbox = Sandbox::new();
    let content = long_content();
    sandbox.keep("f", &content);
    let ways = [&["f", "-o", "new"][..], &["f", "-o", "-"], &["-c", "f"], &["-z", "always", "f", "-o", "-"]];
    for (way, argv) in ways.into_iter().enumerate() {
        let places = two_places(way);
        let proxy = Proxy::cutting(sandbox.address(), places);
        let said = sandbox.run("cfp-get", ["-v", "-s", &proxy.url].iter().chain(argv)).success();
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert_eq!(stderr.matches("\n! ").count(), 2, "{argv:?} {places:?}: {stderr}");
        let name = if argv.contains(&"new") { "new" } else { "f" };
        let came = match argv.contains(&"-") {
            true => said.get_output().stdout.clone(),
            false => fs::read(sandbox.work().join(name)).unwrap(),
        };
        assert!(came == content, "{argv:?} {places:?}: {} bytes", came.len());
        let sent = String::from_utf8_lossy(&proxy.requests()).into_owned();
        assert_eq!(sent.matches("\r\nIf-Range: \"").count(), 2, "{sent}");
        assert!(sent.contains("\r\nWant-Repr-Digest: sha-256=10\r\n"), "{sent}");
    }
}

#[test]
fn retries_have_an_end() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", long_content());
    for (retries, begun) in [("0", 1), ("1", 2)] {
        // In the head: nothing of the content comes.
        let proxy = Proxy::cutting(sandbox.address(), [60; 9]);
        sandbox.run("cfp-get", ["--retry", retries, "-s", &proxy.url, "f"]).stdout("").code(3);
        let sent = String::from_utf8_lossy(&proxy.requests()).into_owned();
        assert_eq!(sent.matches("GET /f ").count(), begun);
        assert_eq!(names(&sandbox), Vec::<String>::new());
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_fetched_comes_in_one_version() {
    let sandbox = Sandbox::new();
    let newer = "newer ".repeat(1000);
    for (output, code) in [("f", 0), ("-", 3)] {
        sandbox.keep("f", long_content());
        let (root, after) = (sandbox.root(), newer.clone());
        let replace = move || {
            fs::write(root.join("g"), after).unwrap();
            fs::rename(root.join("g"), root.join("f")).unwrap();
        };
        let proxy = Proxy::new(sandbox.address(), [Fault::CutAnswer(9_000, Box::new(replace))]);
        let said = sandbox.run("cfp-get", ["-s", &proxy.url, "f", "-o", output]).code(code);
        if output == "-" {
            said.stderr("cfp-get: :f: changed while it was fetched\n");
        }
    }
    assert_eq!(fs::read_to_string(sandbox.work().join("f")).unwrap(), newer);
}

#[test]
fn what_is_damaged_on_the_way_is_no_file() {
    let sandbox = Sandbox::new();
    let content = long_content();
    // Stored by cfp-put and told at once; stored past the server, and taken when it is asked for.
    sandbox.feed("cfp-put", ["-", "--as", "f"], content.clone()).success();
    sandbox.keep("g", &content);
    for name in ["f", "g"] {
        for coding in ["never", "always"] {
            sandbox.write("old", "old");
            for output in ["new", "old", "-"] {
                // Far behind the heads, and before the end.
                let proxy = Proxy::new(sandbox.address(), [Fault::DamageAnswer(900_000)]);
                let argv = ["-s", &proxy.url, "-z", coding, "--retry", "0", name, "-o", output];
                sandbox.run("cfp-get", argv).code(3);
            }
            assert_eq!(names(&sandbox), ["old"], "{name} {coding}");
            assert_eq!(fs::read_to_string(sandbox.work().join("old")).unwrap(), "old");
        }
    }
}
