//! cfp-search: counts, lines and JSON, over every kind of operand.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use predicates::prelude::PredicateBooleanExt as _;

use super::stranger::Stranger;
use crate::common::Sandbox;

const TEXT: &str = "The lantern: lantern, lanterns.\nNo light.\nLANTERN\n";

fn furnished() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("f", TEXT);
    sandbox.write("d/g", "a lantern\n");
    sandbox.write("d/e/h", "none\n");
    sandbox.keep("f", TEXT);
    sandbox.keep("d/g", "a lantern\n");
    sandbox.keep("d/e/h", "none\n");
    sandbox
}

// Row A1.
#[test]
fn a_word_is_counted_in_a_sent_file_a_pipe_and_a_stored_file() {
    let sandbox = furnished();
    let rows: [(&[&str], &str, i32); 9] = [
        (&["lantern", "f"], "2\n", 0),
        (&["lantern", ":f"], "2\n", 0),
        (&["lantern"], "3\n", 0),
        (&["lantern", "-", "f", ":f"], "7\n", 0),
        (&["-i", "lantern", "f"], "3\n", 0),
        (&["--substring", "lantern", ":f"], "3\n", 0),
        (&["No light.\nLANTERN", "f"], "1\n", 0),
        (&["nothing", ":f"], "0\n", 1),
        (&["--local", "-i", "--substring", "lantern", "f", "-"], "7\n", 0),
    ];
    for (argv, stdout, code) in rows {
        sandbox.feed("cfp-search", argv, "lantern lantern lantern").stdout(stdout).stderr("").code(code);
    }
}

#[test]
fn each_file_may_have_its_own_line_and_json_its_own_object() {
    let sandbox = furnished();
    let rows: [(&[&str], &str); 9] = [
        (&["--per-file", "lantern", "f", ":f", ":d/e/h"], "f:2\n:f:2\n:d/e/h:0\n"),
        (&["--json", "lantern", "f", ":f"], "{\"count\":4}\n"),
        (&["--json", "--per-file", "lantern", ":f"], "{\"count\":2,\"name\":\":f\"}\n"),
        (&["--lines", "LANTERN", ":f"], "LANTERN\n"),
        (&["--lines", "lantern", "f", ":d/g"], "f:The lantern: lantern, lanterns.\n:d/g:a lantern\n"),
        (&["--lines", "-n", "LANTERN", ":f", "f"], ":f:3:LANTERN\nf:3:LANTERN\n"),
        (&["--lines", "-0", "LANTERN", ":f", "f"], ":f\0LANTERN\nf\0LANTERN\n"),
        (&["--per-file", "-0", "LANTERN", ":f", "f"], ":f\x001\nf\x001\n"),
        (
            &["--lines", "--json", "-i", "LIGHT", "f", ":f"],
            "{\"line_number\":2,\"name\":\"f\",\"line\":\"No light.\"}\n{\"line_number\":2,\"name\":\":f\",\"line\":\"No light.\"}\n",
        ),
    ];
    for (argv, stdout) in rows {
        sandbox.run("cfp-search", argv).stdout(stdout).stderr("").success();
        if argv.iter().all(|argument| !argument.starts_with(':')) {
            sandbox.run("cfp-search", argv.iter().chain(&["--local"])).stdout(stdout).success();
        }
    }
    sandbox.run("cfp-search", ["--lines", "nothing", ":f"]).stdout("").code(1);
    // What is no text is there byte for byte.
    sandbox.keep("l", b"a caf\xe9\n");
    sandbox.write("l", b"a caf\xe9\n");
    for argv in [&[":l"][..], &["l"], &["--local", "l"]] {
        let exact = format!(
            "{{\"line_number\":1,\"name\":\"{}\",\"line\":\"a caf\u{fffd}\",\"line_bytes\":\"a%20caf%E9\"}}\n",
            argv.last().unwrap()
        );
        let found = sandbox.run("cfp-search", ["--lines", "--json", "a"].iter().chain(argv));
        found.stdout(exact).success();
    }
}

#[test]
fn a_file_that_cannot_be_searched_is_named_where_a_directory_is() {
    let sandbox = Sandbox::new();
    for number in 0..10 {
        sandbox.keep(&format!("d/{number}"), "a lantern\n");
    }
    sandbox.keep("d/damaged.gz", b"\x1f\x8b\x08\0damaged");
    let counted: String = (0..10).map(|number| format!(":d/{number}:1\n")).collect();
    let lines: String = (0..10).map(|number| format!(":d/{number}:a lantern\n")).collect();
    for (how, found) in [("--per-file", &counted), ("--lines", &lines)] {
        let said = sandbox
            .run("cfp-search", ["-r", "--decompress", how, "lantern", ":d"])
            .stdout(found.to_owned())
            .code(2);
        said.stderr(predicates::str::starts_with("cfp-search: :d/damaged.gz: is damaged"));
    }
    let said =
        sandbox.run("cfp-shell", ["-c", "search -r --lines --decompress lantern :d"]).stdout(lines).code(2);
    said.stderr(predicates::str::starts_with("cfp-shell: :d/damaged.gz: is damaged"));
}

#[test]
fn one_file_ends_neither_a_search_of_a_directory_nor_is_its_error_lost_with_its_lines() {
    let sandbox = Sandbox::with(&["--max-file-size", "1M"]);
    sandbox.keep("d/a", "a lantern\n");
    sandbox.keep("d/z", "a lantern\n");
    sandbox.keep("d/large.zst", zstd::encode_all(&vec![0; 3_000_000][..], 1).unwrap());
    let said = sandbox.run("cfp-search", ["-r", "--decompress", "--per-file", "lantern", ":d"]);
    said.stdout(":d/a:1\n:d/z:1\n")
        .stderr("cfp-search: :d/large.zst: is larger than 1048576 bytes\n")
        .code(2);
    // The lines before the damage are long on their way.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&b"a lantern\n".repeat(100_000)).unwrap();
    let mut cut = encoder.finish().unwrap();
    cut.truncate(cut.len() - 20);
    sandbox.keep("cut.gz", &cut);
    sandbox.write("cut.gz", &cut);
    for operand in [":cut.gz", "cut.gz"] {
        let said = sandbox.run("cfp-search", ["--decompress", "--lines", "lantern", operand]).code(2);
        said.stderr(format!("cfp-search: {operand}: is damaged: incomplete deflate stream\n"));
        let search = format!("search --lines --decompress lantern {operand}");
        let said = sandbox.run("cfp-shell", ["-c", &search]).code(2);
        said.stderr(format!("cfp-shell: {operand}: is damaged: incomplete deflate stream\n"));
    }
}

#[test]
fn a_name_with_a_newline_is_whole_before_each_line() {
    let sandbox = Sandbox::new();
    sandbox.keep("d/a\nb", "the cat\ncat\n");
    sandbox.keep("c", "the cat\n");
    let rows = [
        (&["-0", ":d/"][..], ":d/a\nb\0the cat\n:d/a\nb\0cat\n"),
        (&["-0", ":"], ":c\0the cat\n:d/a\nb\0the cat\n:d/a\nb\0cat\n"),
        (
            &["--json", ":d"],
            "{\"line_number\":1,\"name\":\":d/a\\nb\",\"line\":\"the cat\"}\n{\"line_number\":2,\"name\":\":d/a\\nb\",\"line\":\"cat\"}\n",
        ),
    ];
    for (argv, stdout) in rows {
        sandbox.run("cfp-search", ["-r", "--lines", "cat"].iter().chain(argv)).stdout(stdout).success();
    }
    let said = sandbox.run("cfp-shell", ["-c", "search -r --lines cat :d"]);
    said.stdout(":d/a\\x0ab:the cat\n:d/a\\x0ab:cat\n").success();
    sandbox.run("cfp-search", ["cat", ":"]).stderr("cfp-search: :/: is a directory: use -r\n").code(2);
}

#[test]
fn a_directory_is_searched_whole_here_and_there() {
    let sandbox = furnished();
    for directory in [":d", ":d/", "d", "d/"] {
        sandbox.run("cfp-search", ["-r", "lantern", directory]).stdout("1\n").success();
        let said = sandbox.run("cfp-search", ["-r", "--per-file", "lantern", directory]).success();
        let lines: Vec<_> = std::str::from_utf8(&said.get_output().stdout).unwrap().lines().collect();
        let base = directory.trim_end_matches('/');
        assert_eq!(lines, [format!("{base}/e/h:0"), format!("{base}/g:1")], "{directory}");
        let line = format!("{base}/g:a lantern\n");
        sandbox.run("cfp-search", ["-r", "--lines", "lantern", directory]).stdout(line).success();
        let line = format!("{base}/g\0a lantern\n");
        sandbox.run("cfp-search", ["-r0", "--lines", "lantern", directory]).stdout(line).success();
        let line = format!("{{\"line_number\":1,\"name\":\"{base}/g\",\"line\":\"a lantern\"}}\n");
        sandbox.run("cfp-search", ["-r", "--lines", "--json", "lantern", directory]).stdout(line).success();
        sandbox.run("cfp-search", ["lantern", directory]).stdout("").code(2);
    }
    sandbox.run("cfp-search", ["-r", "lantern", ":"]).stdout("3\n").success();
}

#[test]
fn compressed_files_are_searched_inside() {
    let sandbox = Sandbox::new();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(TEXT.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(TEXT.as_bytes(), 1).unwrap();
    for (name, content) in [("f.gz", gzip), ("f.zst", zstd)] {
        sandbox.write(name, &content);
        sandbox.keep(name, &content);
        let stored = format!(":{name}");
        sandbox.run("cfp-search", ["--decompress", "lantern", name, &stored]).stdout("4\n").success();
        sandbox.run("cfp-search", ["--decompress", "--local", "lantern", name]).stdout("2\n").success();
    }
}

#[test]
fn an_operand_that_fails_is_told_and_the_others_are_done() {
    let sandbox = furnished();
    let said = sandbox.run("cfp-search", ["lantern", "nowhere", "f", ":nowhere", ":f"]).stdout("4\n").code(2);
    let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(
        stderr.lines().all(|line| line.starts_with("cfp-search: ") && line.contains("nowhere: ")),
        "{stderr}"
    );
}

#[test]
fn many_operands_travel_over_one_connection() {
    let sandbox = Sandbox::new();
    let stranger = Stranger::new();
    let url = stranger.url();
    let one = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1\n";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n2\n\r\n0\r\n\r\n";
    let server = stranger.answer(&[one, chunked, one]);
    sandbox.run("cfp-search", ["-s", &url, "w", ":a", ":b", ":c"]).stdout("4\n").success();
    let (heads, listener) = server.join().unwrap();
    assert!(heads[2].starts_with("GET /c?search=w HTTP/1.1\r\n"), "{}", heads[2]);
    assert!(listener.accept().is_err(), "there was a second connection");
}

#[test]
fn counts_without_their_total_are_cut_short() {
    let sandbox = Sandbox::new();
    let stranger = Stranger::new();
    let url = stranger.url();
    let server = stranger.answer(&["HTTP/1.1 200 OK\r\n\r\n{\"name\":\"a\",\"count\":2}\n"]);
    let said = sandbox.run("cfp-search", ["-r", "-s", &url, "w", ":d/"]).stdout("").code(3);
    said.stderr("cfp-search: answer: ended before its total\n");
    server.join().unwrap();
}

#[test]
fn counts_of_a_server_that_add_up_to_more_than_there_can_be_are_refused() {
    let sandbox = Sandbox::new();
    let many = "18446744073709551615";
    let text = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{many}\n", many.len() + 1);
    let json = format!(
        "{{\"name\":\"a\",\"count\":{many}}}\n{{\"name\":\"b\",\"count\":{many}}}\n{{\"total\":1}}\n"
    );
    let json = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{json}", json.len());
    let rows: [(&[&str], Vec<&str>); 3] = [
        (&["cfp-search", "w", ":a", ":b"], vec![&text, &text]),
        (&["cfp-replace", "-n", "w", "x", ":a", ":b"], vec![&text, &text]),
        (&["cfp-search", "-r", "w", ":d/"], vec![&json]),
    ];
    for (argv, answers) in rows {
        let stranger = Stranger::new();
        let url = stranger.url();
        let server = stranger.answer(&answers);
        let said = sandbox.run(argv[0], argv[1..].iter().chain(&["-s", &url])).code(3);
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert_eq!(stderr, format!("{}: answer: has a count that is too large\n", argv[0]));
        server.join().unwrap();
    }
    for number in ["+5", "-1", " 5", "5 ", "18446744073709551616", "", "5\n\n"] {
        let stranger = Stranger::new();
        let url = stranger.url();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{number}", number.len());
        let server = stranger.answer(&[answer]);
        let said = sandbox.run("cfp-search", ["-s", &url, "w", ":a"]).stdout("").code(3);
        said.stderr(format!(
            "cfp-search: answer: is not a number: {url} may be no cfpd, name another with -s\n"
        ));
        server.join().unwrap();
    }
}

#[test]
fn what_decompress_does_not_read_is_named_and_never_counted_as_nothing() {
    let sandbox = Sandbox::new();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(b"word").unwrap();
    let rows: [(&str, Vec<u8>, &str); 6] = [
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec(), "is compressed with xz"),
        ("bz2", b"BZh91AY&SY\0".to_vec(), "is compressed with bzip2"),
        ("lz4", b"\x04\x22\x4d\x18d@\xa7".to_vec(), "is compressed with lz4"),
        ("zst", encoder.finish().unwrap(), "needs a zstd window of more than 8 MiB"),
        ("dictionary", b"\x28\xb5\x2f\xfd\x21\x07\x03\x19\0\0abc".to_vec(), "needs the dictionary"),
        ("utf16", b"\xff\xfew\0o\0r\0d\0".to_vec(), "is UTF-16"),
    ];
    for (name, content, said) in &rows {
        sandbox.write(&format!("d/{name}"), content);
        sandbox.keep(&format!("d/{name}"), content);
        let (here, there) = (format!("d/{name}"), format!(":d/{name}"));
        for argv in [
            &["--local", "word", &here][..],
            &["word", &here],
            &["word", &there],
            &["--lines", "word", &there],
        ] {
            let refused = sandbox.run("cfp-search", ["--decompress"].iter().chain(argv)).stdout("").code(2);
            refused.stderr(predicates::str::contains(*said).and(predicates::str::contains("damaged").not()));
        }
    }
    // Beneath a directory the others are searched all the same.
    sandbox.write("d/text", "word\n");
    sandbox.keep("d/text", "word\n");
    for argv in [["--local", "word", "d"], ["-q", "word", "d"], ["-q", "word", ":d"]] {
        let counted =
            sandbox.run("cfp-search", ["--decompress", "-r"].iter().chain(&argv)).stdout("1\n").code(2);
        let stderr = String::from_utf8_lossy(&counted.get_output().stderr).into_owned();
        assert!(
            stderr.lines().count() == 6 && rows.iter().all(|row| stderr.contains(row.2)),
            "{argv:?}: {stderr}"
        );
    }
    // So in a session, which then ends.
    for place in ["d", ":d"] {
        let search = format!("search --decompress -r word {place}");
        let said = sandbox.run("cfp-shell", ["-c", &search, "-c", "pwd"]);
        let said = said.stdout(
            predicates::str::contains("occurs 1 time in").and(predicates::str::ends_with(":/\n").not()),
        );
        let stderr = String::from_utf8_lossy(&said.code(2).get_output().stderr).into_owned();
        assert!(
            stderr.lines().count() == 6 && rows.iter().all(|row| stderr.contains(row.2)),
            "{place}: {stderr}"
        );
    }
    // A text in UTF-16 is searched as it is, and a remark says so.
    for options in ["--local", "-v"] {
        let said = sandbox.run("cfp-search", [options, "word", "d/utf16"]).stdout("0\n").code(1);
        said.stderr(predicates::str::contains(
            "cfp-search: d/utf16: is UTF-16, in which hardly a word is found",
        ));
    }
    sandbox.run("cfp-search", ["-q", "word", "d/utf16"]).stdout("0\n").stderr("").code(1);
    for (options, found) in [("--per-file", ":d/utf16:0\n"), ("--lines", "")] {
        let said = sandbox.run("cfp-search", [options, "word", ":d/utf16"]).stdout(found).code(1);
        said.stderr(predicates::str::starts_with(
            "cfp-search: :d/utf16: is UTF-16, in which hardly a word is found",
        ));
    }
    sandbox.run("cfp-search", ["-q", "word", ":d/utf16"]).stdout("0\n").stderr("").code(1);
    sandbox
        .sh("cat d/utf16 | cfp-search word /dev/stdin")
        .code(1)
        .stderr(predicates::str::contains("is UTF-16"));
    for argv in ["--local word < d/utf16", "word < d/utf16", "--local word -", "word", "--lines word"] {
        let said = sandbox.sh(&format!("cat d/utf16 | cfp-search {argv}")).code(1);
        let said = said.stderr("cfp-search: -: is UTF-16, in which hardly a word is found: make it UTF-8 with iconv -f UTF-16 -t UTF-8\n");
        said.stdout(if argv.starts_with("--lines") { "" } else { "0\n" });
    }
    // What was looked at is searched all the same.
    sandbox.sh(r"printf '\377\376 word' | cfp-search word").stdout("1\n").success();
    sandbox.sh(r"printf '\377\376 word' | cfp-search --local word").stdout("1\n").success();
    let counted = sandbox.run("cfp-search", ["-r", "word", ":d"]).stdout("2\n").success();
    counted.stderr("cfp-search: :d/utf16: is UTF-16, in which hardly a word is found: make it UTF-8 with iconv -f UTF-16 -t UTF-8\n");
    sandbox.run("cfp-search", ["-rq", "word", ":d"]).stdout("2\n").stderr("").success();
    // Lines do not tell it: where there are none, the counts are asked for.
    for options in ["--lines", "--json"] {
        let said = sandbox.run("cfp-search", ["-r", "--lines", options, "nowhere", ":d"]).stdout("").code(1);
        said.stderr(predicates::str::contains("cfp-search: :d/utf16: is UTF-16"));
        sandbox.run("cfp-search", ["-rq", "--lines", options, "nowhere", ":d"]).stderr("").code(1);
        let argv = ["-r", "--lines", options, "--exclude", "utf16", "nowhere", ":d"];
        sandbox.run("cfp-search", argv).stderr("").code(1);
    }
    for (options, operand) in
        [("", "d/utf16"), ("", ":d/utf16"), ("-r", ":d"), ("-r", "d"), ("--lines", ":d/utf16")]
    {
        let search = format!("search {options} word {operand}");
        let said = sandbox.run("cfp-shell", ["-c", &search]);
        said.stderr(predicates::str::contains("d/utf16: is UTF-16, in which hardly a word is found"));
    }
    let said = sandbox.run("cfp-shell", ["-c", "search -r --lines nowhere :d"]).code(1);
    said.stderr(predicates::str::contains(":d/utf16: is UTF-16, in which hardly a word is found"));
    sandbox.keep("empty", "");
    sandbox.run("cfp-search", ["word", ":empty"]).stdout("0\n").stderr("").code(1);
}

#[test]
fn one_large_local_file_is_searched_by_every_processor() {
    let sandbox = Sandbox::new();
    // Holes take long to search, and no room.
    std::fs::File::create(sandbox.work().join("f")).unwrap().set_len(1 << 40).unwrap();
    let mut search = sandbox.command("cfp-search").args(["--local", "-q", "word", "f"]).spawn().unwrap();
    let threads = || std::fs::read_dir(format!("/proc/{}/task", search.id())).unwrap().count();
    let processors = std::thread::available_parallelism().unwrap().get();
    let end = Instant::now() + Duration::from_secs(60);
    while threads() < processors && Instant::now() < end {
        std::thread::yield_now();
    }
    let most = threads();
    search.kill().unwrap();
    search.wait().unwrap();
    assert_eq!(most, processors);
}
