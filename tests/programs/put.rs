//! cfp-put: what a file is called on the server, and what is never overwritten.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Stdio;

use cfp::http::digest;

use super::stranger::Stranger;
use crate::common::Sandbox;
use crate::common::proxy::{Fault, Proxy};

fn stored(sandbox: &Sandbox, name: &str) -> String {
    fs::read_to_string(sandbox.root().join(name)).unwrap()
}

/// Its end must not look like the end of a file that is whole.
#[test]
fn a_file_that_becomes_shorter_while_it_is_sent_is_not_stored() {
    let sandbox = Sandbox::new();
    for (size, options) in [(2 << 20, &[][..]), (2 << 20, &["-z", "always"]), (9 << 20, &[])] {
        sandbox.write("f", vec![b'x'; size]);
        let stranger = Stranger::new();
        let mut command = sandbox.command("cfp-put");
        command.args(options).args(["-s", &stranger.url(), "f"]).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // It has been looked at, and waits for leave to send so much.
        let mut stream = stranger.stall("");
        fs::File::options()
            .write(true)
            .open(sandbox.work().join("f"))
            .unwrap()
            .set_len(size as u64 - 5)
            .unwrap();
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut body = Vec::new();
        // A cut may come as a reset.
        let _ = stream.read_to_end(&mut body);
        assert!(!body.windows(5).any(|window| window == b"\r\n0\r\n"), "{size} {options:?}");
        let said = child.wait_with_output().unwrap();
        assert_eq!(
            (said.status.code(), String::from_utf8_lossy(&said.stderr).as_ref()),
            (Some(3), "cfp-put: f: became shorter while it was sent\n"),
            "{size} {options:?}"
        );
    }
}

// Row B1.
#[test]
fn a_file_is_stored_under_its_base_name_or_the_one_it_is_given() {
    let sandbox = Sandbox::new();
    sandbox.write("d/f", "text");
    sandbox.write("empty", "");
    sandbox.run("cfp-put", ["d/f", "empty"]).stdout("").stderr("").success();
    sandbox.run("cfp-put", ["-t", "new/dir", "d/f", "empty"]).stdout("").stderr("").success();
    sandbox.run("cfp-put", ["d/f", "--as", ":other/name"]).stdout("").stderr("").success();
    sandbox.run("cfp-put", ["d/f", "--as", "folder/"]).stdout("").stderr("").success();
    for name in ["f", "new/dir/f", "other/name", "folder/f"] {
        assert_eq!(stored(&sandbox, name), "text", "{name}");
    }
    assert_eq!(stored(&sandbox, "empty") + &stored(&sandbox, "new/dir/empty"), "");
}

#[test]
fn a_last_operand_with_a_colon_is_where_it_goes_as_with_scp() {
    let rows: [(&str, &str); 10] = [
        ("f :", "f"),
        ("f :g", "g"),
        ("f :new/dir/g", "new/ new/dir/ new/dir/g"),
        ("f :new/", "new/ new/f"),
        ("f :there", "there/f"),
        ("f d/e :new", "new/ new/e new/f"),
        ("-r d :new", "new/ new/e"),
        ("-r d f :there", "there/d/ there/d/e there/f"),
        ("- :g < f", "g"),
        ("f :g -t new", "new/ new/:g new/f"),
    ];
    for (operands, names) in rows {
        let sandbox = Sandbox::new();
        ["f", "d/e", ":g"].iter().for_each(|name| drop(sandbox.write(name, "text")));
        fs::create_dir(sandbox.root().join("there")).unwrap();
        sandbox.sh(&format!("cfp-put {operands}")).stdout("").stderr("").success();
        let list = sandbox.run("cfp-ls", ["-R"]).success();
        let list = String::from_utf8(list.get_output().stdout.clone()).unwrap();
        let all: Vec<_> = list.lines().filter(|name| *name != "there/").collect();
        assert_eq!(all.join(" "), names, "{operands}");
    }
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    for argv in [&[":g"][..], &["-", ":d/"], &["-", "f", ":d"]] {
        sandbox.run("cfp-put", argv).stdout("").code(2);
    }
    assert_eq!(sandbox.all_stored(), [""; 0]);
}

// Row B2.
#[test]
fn a_stream_of_any_length_is_stored_and_its_directories_are_made() {
    let sandbox = Sandbox::new();
    sandbox.sh("seq 500000 | cfp-put - --as deep/er/f").stdout("").stderr("").success();
    sandbox.sh("seq 500000 | cfp-put -z always - --as z").stdout("").stderr("").success();
    sandbox
        .sh("seq 500000 > f; cfp-put f --as large; seq 500000 | tee a b > c; cfp-put -z always a b c")
        .success();
    let expected = fs::read(sandbox.work().join("f")).unwrap();
    for name in ["deep/er/f", "z", "large", "a", "b", "c"] {
        assert!(fs::read(sandbox.root().join(name)).unwrap() == expected, "{name} differs");
    }
    sandbox.feed("cfp-put", ["-", "--as", "nothing"], "").success();
    assert_eq!(stored(&sandbox, "nothing"), "");
}

#[test]
fn a_file_that_is_there_stays_when_that_was_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "new");
    sandbox.keep("f", "old");
    sandbox.run("cfp-put", ["-n", "f"]).stdout("").stderr("cfp-put: :f: exists, and is kept (-n)\n").code(1);
    sandbox.sh("yes | head -c 3000000 | cfp-put -qn - --as f || [ $? = 1 ]").stderr("").success();
    assert_eq!(stored(&sandbox, "f"), "old");
    sandbox.run("cfp-put", ["-n", "f", "--as", "g"]).success();
    sandbox.run("cfp-put", ["f"]).success();
    assert_eq!(stored(&sandbox, "f") + &stored(&sandbox, "g"), "newnew");
}

#[test]
fn a_directory_is_stored_with_all_in_it_and_comes_back_the_same() {
    let sandbox = Sandbox::new();
    sandbox.write("d/a", "1");
    sandbox.write("d/e/b", "2");
    fs::create_dir(sandbox.work().join("d/none")).unwrap();
    symlink("a", sandbox.work().join("d/link")).unwrap();
    symlink(".", sandbox.work().join("d/circle")).unwrap();
    sandbox.run("cfp-put", ["d"]).code(2);
    symlink("nowhere", sandbox.work().join("d/dangling")).unwrap();
    let left_out = "cfp-put: d/circle: is a symbolic link to no file, left out\n\
                    cfp-put: d/dangling: is a symbolic link to no file, left out\n";
    sandbox.run("cfp-put", ["-r", "d"]).stdout("").stderr(left_out).success();
    sandbox.run("cfp-put", ["-r", "-q", "-t", "x/y", "d/"]).stdout("").stderr("").success();
    sandbox.run("cfp-ls", ["-R"]).stdout(
        "d/\nd/a\nd/e/\nd/e/b\nd/link\nd/none/\nx/\nx/y/\nx/y/d/\nx/y/d/a\nx/y/d/e/\nx/y/d/e/b\nx/y/d/link\nx/y/d/none/\n",
    );
    sandbox.run("cfp-get", ["-r", "x/y/d", "-o", "back"]).stdout("").stderr("").success();
    sandbox.sh("rm d/circle d/dangling; diff -r d back").success();
}

#[test]
fn a_directory_takes_the_place_of_no_file() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    fs::create_dir(sandbox.work().join("e")).unwrap();
    let said = sandbox.run("cfp-put", ["-r", "e", "--as", "f"]).stdout("").code(2);
    said.stderr("cfp-put: :f: is a file, not a directory\n");
    sandbox.run("cfp-put", ["-r", "e", "--as", "d/e"]).stdout("").stderr("").success();
    sandbox.run("cfp-put", ["-r", "e", "--as", "d/e"]).stdout("").stderr("").success();
    sandbox.run("cfp-ls", ["-R"]).stdout("d/\nd/e/\nf\n").success();
}

#[test]
fn a_refusal_is_told_while_the_source_goes_on_for_ever() {
    let sandbox = Sandbox::with(&["--read-only"]);
    // A source that says one word and no more, and one that never stops.
    let mut silent = sandbox.command("cfp-put");
    silent.args(["-", "--as", "f"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = silent.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"word").unwrap();
    let said = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(said.status.code(), Some(2));
    assert!(said.stderr.starts_with(b"cfp-put: "), "{said:?}");
    sandbox.sh("yes | cfp-put - --as f 2>said || [ $? = 2 ]; [ $(wc -l < said) = 1 ]").success();
}

#[test]
fn names_are_bytes() {
    let sandbox = Sandbox::new();
    let odd = std::ffi::OsStr::from_bytes(b" %41\xff\n+?#:");
    fs::write(sandbox.work().join(odd), "odd").unwrap();
    sandbox.run("cfp-put", [std::ffi::OsStr::new("--"), odd]).stderr("").success();
    assert_eq!(fs::read_to_string(sandbox.root().join(odd)).unwrap(), "odd");
    sandbox.run("cfp-ls", ["-0"]).stdout(&b" %41\xff\n+?#:\0"[..]).success();
    sandbox.run("cfp-get", [std::ffi::OsStr::new("-o"), "back".as_ref(), odd]).success();
    assert_eq!(fs::read_to_string(sandbox.work().join("back")).unwrap(), "odd");
}

fn contains(bytes: &[u8], part: impl AsRef<[u8]>) -> bool {
    bytes.windows(part.as_ref().len()).any(|window| window == part.as_ref())
}

/// A short file and a long one, which travel in two ways.
fn contents() -> [Vec<u8>; 2] {
    [b"short\n".to_vec(), b"a line of a long file\n".repeat(100_000)]
}

#[test]
fn the_digest_of_what_is_sent_goes_along() {
    let sandbox = Sandbox::new();
    let [short, long] = contents();
    sandbox.write("short", &short);
    sandbox.write("long", &long);
    let proxy = Proxy::new(sandbox.address(), []);
    let field = |content: &[u8]| format!("Repr-Digest: {}\r\n", digest::format(&digest::of(content)));

    sandbox.run("cfp-put", ["-s", &proxy.url, "short"]).success();
    let sent = proxy.requests();
    assert!(contains(&sent, format!("\r\nContent-Length: 6\r\n{}", field(&short))));

    sandbox.run("cfp-put", ["-s", &proxy.url, "long"]).success();
    let sent = proxy.requests();
    assert!(contains(&sent, "\r\nTrailer: Repr-Digest\r\n"));
    assert!(sent.ends_with(format!("\r\n0\r\n{}\r\n", field(&long)).as_bytes()));

    // Of a coded body it is that of the bytes that travel (RFC 9530 §3).
    let proxy = Proxy::new(sandbox.address(), []);
    sandbox.run("cfp-put", ["-s", &proxy.url, "-z", "always", "short", "--as", "coded"]).success();
    sandbox.run("cfp-put", ["-s", &proxy.url, "-z", "always", "long", "--as", "also-coded"]).success();
    let sent = proxy.requests();
    assert_eq!(String::from_utf8_lossy(&sent).matches("\r\nRepr-Digest: sha-256=:").count(), 2);
    assert!(!contains(&sent, field(&short)) && !contains(&sent, field(&long)));
    assert!(fs::read(sandbox.root().join("also-coded")).unwrap() == long);
    assert_eq!(stored(&sandbox, "coded"), "short\n");
}

#[test]
fn what_is_damaged_on_the_way_is_not_stored() {
    let sandbox = Sandbox::new();
    for content in contents() {
        sandbox.write("f", &content);
        for argv in [&["f"][..], &["-z", "always", "f"], &["-", "--as", "f"]] {
            // The head of a request is shorter than 400 bytes; a byte of the body's end is damaged.
            let whole = Proxy::new(sandbox.address(), []);
            let once = ["--retry", "0", "-s", &whole.url];
            sandbox.feed("cfp-put", once.iter().chain(argv), content.clone()).success();
            let sent = whole.requests();
            let body = sent.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
            let is_long = content.len() > 1000;
            let place = if is_long { body + 64 } else { sent.len() - 2 };
            // What is chunked by a pipe has the digest at its end.
            let place = if argv.contains(&"-") && !is_long { body + 5 } else { place };
            sandbox.keep("f", "old");

            let damaging = Proxy::new(sandbox.address(), [Fault::Damage(place)]);
            let once = ["--retry", "0", "-s", &damaging.url];
            let said = sandbox.feed("cfp-put", once.iter().chain(argv), content.clone()).code(3);
            said.stderr("cfp-put: :f: arrived damaged\n");
            let names = sandbox.all_stored().into_iter().filter(|name| !name.starts_with(".cfpd-uploads"));
            assert_eq!((stored(&sandbox, "f"), names.count()), ("old".to_owned(), 1));
            assert_eq!(sandbox.log_since_start(), "");

            let damaging = Proxy::new(sandbox.address(), [Fault::Damage(place)]);
            let again = ["-s", &damaging.url];
            let code = if argv.contains(&"-") && is_long { 3 } else { 0 };
            sandbox.feed("cfp-put", again.iter().chain(argv), content.clone()).code(code);
            assert_eq!(fs::read(sandbox.root().join("f")).is_ok_and(|stored| stored == content), code == 0);
        }
    }
}

#[test]
fn an_upload_that_breaks_begins_again_where_that_means_the_same() {
    let sandbox = Sandbox::new();
    let [_, long] = contents();
    sandbox.write("f", &long);
    let cutting = || Proxy::new(sandbox.address(), [Fault::CutRequest(500_000), Fault::CutRequest(100)]);
    sandbox.run("cfp-put", ["--retry", "1", "-n", "f", "-s", &cutting().url]).code(3);
    sandbox.run("cfp-put", ["--retry", "1", "f", "-s", &cutting().url]).code(3);
    sandbox.run("cfp-ls", [""; 0]).stdout("").success();
    sandbox.run("cfp-put", ["f", "-s", &cutting().url]).stdout("").stderr("").success();
    assert!(fs::read(sandbox.root().join("f")).unwrap() == long);
    sandbox.run("cfp-put", ["-n", "f", "--as", "g", "-s", &cutting().url]).stdout("").stderr("").success();
    assert!(fs::read(sandbox.root().join("g")).unwrap() == long);
}

/// Short ones, ones that are sent in pieces, and compressed ones; what a filter makes is new.
#[test]
fn a_file_keeps_its_modification_time_both_ways() {
    let sandbox = Sandbox::new();
    let time = |path: std::path::PathBuf| fs::metadata(path).unwrap().mtime();
    sandbox.write("f", "one two");
    sandbox.write("old", "before 1970");
    sandbox.write("large", vec![b'x'; 9 << 20]);
    let files = [("f", 1_557_057_600), ("old", -86_400), ("large", 1_000_000_000)];
    for (name, seconds) in files {
        sandbox.sh(&format!("touch -d @{seconds} {name}")).success();
    }
    for options in [&[][..], &["-z", "always"]] {
        sandbox.run("cfp-put", options.iter().chain(&["f", "old", "large"])).success();
        for (name, seconds) in files {
            assert_eq!(time(sandbox.root().join(name)), seconds, "{name} {options:?}");
            let here = format!("here/{name}");
            for more in [&[][..], &["-c"]] {
                sandbox.sh("rm -rf here; mkdir here").success();
                sandbox.run("cfp-get", [options, more, &["-o", &here, name]].concat()).success();
                assert_eq!(time(sandbox.work().join(&here)), seconds, "{name} {options:?} {more:?}");
            }
        }
    }
    sandbox.sh("cfp-get -o url $CFP_SERVER/f").success();
    assert_eq!(time(sandbox.work().join("url")), 1_557_057_600);
    sandbox.sh("cfp-reverse f -o :turned && cfp-put - --as piped < f").success();
    for name in ["turned", "piped"] {
        assert!(time(sandbox.root().join(name)) > 1_557_057_600, "{name}");
    }
}

#[test]
fn a_name_that_may_be_created_and_not_seen_takes_an_upload() {
    let sandbox = Sandbox::guarded(&[], "allow create * /drop/\n");
    sandbox.write("f", "text");
    sandbox.keep("drop/other", "");
    sandbox.run("cfp-put", ["f", ":drop/new"]).success();
    assert_eq!(sandbox.stored("drop/new"), b"text");
}
