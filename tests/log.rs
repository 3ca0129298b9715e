//! The log of a running daemon: what stands in a line, that no client can forge one, and that it can be rotated. It
//! reads the file that an admin reads.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::common::Sandbox;
use crate::common::raw::{Raw, request, request_with};
use crate::common::watch::Watch;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use serde_json::Value;

/// A daemon that writes its log in a format, and where that is.
fn logging(format: &str) -> (Sandbox, PathBuf) {
    // The daemon is started in the working directory.
    let sandbox = Sandbox::with(&["--log", "access.log", "--log-format", format]);
    let log = sandbox.work().join("access.log");
    (sandbox, log)
}

/// The lines of clients so far, once all that was asked on this connection is written: lines keep their order.
fn lines(raw: &mut Raw, log: &Path) -> Vec<String> {
    let mut text = String::new();
    // A reader may see a part of a write.
    while !text.contains("/.cfpd/health?lines") || !text.ends_with('\n') {
        raw.ask(request("GET", "/.cfpd/health?lines", ""));
        text = fs::read_to_string(log).unwrap();
    }
    text.lines().filter(|line| line.contains("127.0.0.1")).map(str::to_owned).collect()
}

const FORGER: &str = "User-Agent: a\" \u{9b}\t\"b\r\nReferer: \\\"\r\n";

#[test]
fn a_line_of_the_combined_format_has_nine_fields_whatever_a_client_sends() {
    let (sandbox, log) = logging("combined");
    let mut raw = sandbox.connect();
    raw.ask(request_with("PUT", "/a%0Ab?reverse", FORGER, "one two"));
    let mut bytes = request("GET", "/nothing", "").into_bytes();
    // Bytes that are no UTF-8 may stand in a field.
    bytes.splice(bytes.len() - 2.., *b"User-Agent: \xff\r\n\r\n");
    raw.ask(bytes);
    raw.ask("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let lines = lines(&mut raw, &log);
    let [put, get, old] = [&lines[0], &lines[1], &lines[2]];
    assert!(old.contains("\"GET /old HTTP/1.0\" 404 "), "{old}");
    assert!(
        put.starts_with("127.0.0.1 - - [") && put.contains("] \"PUT /a%0Ab?reverse HTTP/1.1\" 201 0 \""),
        "{put}"
    );
    assert!(put.ends_with(r#" "\x5c\x22" "a\x22 \xc2\x9b\x09\x22b""#), "{put}");
    assert!(get.contains("\"GET /nothing HTTP/1.1\" 404 "), "{get}");
    assert!(get.ends_with(r#" "-" "\xff""#), "{get}");
}

#[test]
fn a_line_of_json_says_all_there_is_to_say() {
    let (sandbox, log) = logging("json");
    let mut raw = sandbox.connect();
    raw.ask(request_with("POST", "/?search=two", FORGER, "one two"));
    raw.ask(request("GET", "/nothing", ""));
    let lines: Vec<Value> =
        lines(&mut raw, &log).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [post, get] = [&lines[0], &lines[1]];
    let expected = [
        ("peer", Value::from("127.0.0.1")),
        ("user", Value::Null),
        ("method", "POST".into()),
        ("target", "/?search=two".into()),
        ("status", 200.into()),
        ("filter", "search".into()),
        ("referer", "\\\"".into()),
        ("user_agent", "a\" \\xc2\\x9b\\x09\"b".into()),
    ];
    for (member, value) in expected {
        assert_eq!(post[member], value, "{member}");
    }
    assert!(post["bytes"].as_u64().unwrap() > 0 && post["duration_ms"].as_f64().unwrap() >= 0.0, "{post}");
    let time = post["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z') && &time[19..20] == ".", "{time}");
    assert_eq!((&get["filter"], &get["user_agent"]), (&Value::Null, &Value::Null));
    assert_eq!(get["connection"], post["connection"]);
}

#[test]
fn what_is_no_request_has_a_line_that_can_be_counted() {
    for format in ["combined", "json"] {
        let (sandbox, log) = logging(format);
        let mut raw = sandbox.connect();
        assert_eq!(raw.ask("GET / HTTP/1.1\r\nA : b\r\n\r\n").status, 400);
        raw.rest();
        let mut watch = Watch::new(&sandbox);
        let refused = if format == "json" { "\"refused\":\"head: " } else { "\"refused: head: " };
        watch.until("the line of a refusal", |_| fs::read_to_string(&log).unwrap().contains(refused));
    }
}

#[test]
fn an_answer_that_is_cut_counts_what_was_sent() {
    let (sandbox, log) = logging("json");
    sandbox.keep("large", vec![b'x'; 64 << 20]);
    let mut watch = Watch::new(&sandbox);
    let mut raw = sandbox.connect();
    raw.send(request("GET", "/large", ""));
    raw.line();
    drop(raw);
    let mut bytes = 0;
    watch.until("the line", |_| {
        let text = fs::read_to_string(&log).unwrap();
        let line = text.lines().find(|line| line.contains("/large"));
        let object: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
        bytes = object.as_ref().and_then(|object| object["bytes"].as_u64()).unwrap_or_default();
        object.is_some()
    });
    assert!(bytes < 64 << 20, "{bytes}");
}

#[test]
fn a_client_on_a_unix_socket_has_a_name_in_the_log() {
    let sandbox = Sandbox::with(&["--log", "log", "--listen", "unix:here.sock"]);
    let name = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let mut watch = Watch::new(&sandbox);
    sandbox.run("cfp-ls", ["-s", "unix:here.sock"]).success();
    let line = format!("local - local:{name} [");
    watch.until("the line", |_| fs::read_to_string(sandbox.work().join("log")).unwrap().contains(&line));
}

#[test]
fn a_login_that_is_refused_says_who_it_was_as_he_wrote_it() {
    let claims = ["a\nb\\", "\"é"].map(|name| format!("Basic {}", STANDARD.encode(format!("{name}:x"))));
    let claims = [&claims[0], &claims[1], "Bearer x"];
    let ask = |sandbox: &Sandbox| {
        for claim in claims {
            let answer = sandbox.connect().ask(request("GET", "/", &format!("Authorization: {claim}\r\n")));
            assert_eq!(answer.status, 401);
        }
    };
    let combined = Sandbox::guarded(&[], "allow all * /\n");
    ask(&combined);
    let names = [r"a\x0ab\", "\"é", "-"];
    let said = names.map(|name| format!("cfpd: 127.0.0.1: refused login: {name}\n")).concat();
    assert_eq!(combined.log(), said);
    let json = Sandbox::guarded(&["--log-format", "json"], "allow all * /\n");
    ask(&json);
    let lines = json.log();
    let objects: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.iter().map(|object| &object["refused_login"]).collect::<Vec<_>>(), names);
    assert!(objects.iter().all(|object| object["peer"] == "127.0.0.1" && object["status"] == 401));
}

#[test]
fn a_log_that_is_a_dash_is_standard_error() {
    let sandbox = Sandbox::with(&["--log", "-"]);
    let mut raw = sandbox.connect();
    assert_eq!(raw.ask(request("GET", "/none", "")).status, 404);
    let line = "] \"GET /none HTTP/1.1\" 404 ";
    Watch::new(&sandbox).until("the line", |_| sandbox.log().contains(line));
    sandbox.signal(Signal::SIGHUP);
    Watch::new(&sandbox).until("the reload", |_| sandbox.log().contains("cfpd: reloaded\n"));
    assert_eq!(raw.ask(request("GET", "/none", "")).status, 404);
    Watch::new(&sandbox).until("the second line", |_| sandbox.log().matches(line).count() == 2);
    assert!(!sandbox.work().join("-").exists());
    let in_background = ["-r", ".", "-l", "127.0.0.1:0", "--log", "-", "--background"];
    let said = sandbox.run("cfpd", in_background).code(2).stdout("");
    said.stderr("cfpd: --log -: nobody reads standard error in the background, see cfpd --help\n");
}

#[test]
fn hup_opens_the_log_again() {
    let (sandbox, log) = logging("combined");
    let mut watch = Watch::new(&sandbox);
    let mut raw = sandbox.connect();
    raw.ask(request("GET", "/before", ""));
    // It is written after its answer.
    watch.until("the line", |_| fs::read_to_string(&log).unwrap().contains("GET /before "));
    let old = sandbox.work().join("access.log.1");
    fs::rename(&log, &old).unwrap();
    sandbox.signal(Signal::SIGHUP);
    // What was answered meanwhile may stand before it.
    watch.until("a new log", |_| {
        fs::read_to_string(&log).is_ok_and(|text| text.lines().any(|line| line == "cfpd: reloaded"))
    });
    raw.ask(request("GET", "/after", ""));
    let new = lines(&mut raw, &log);
    assert!(new.iter().any(|line| line.contains("GET /after ")), "{new:#?}");
    let old = fs::read_to_string(old).unwrap();
    assert!(old.contains("GET /before ") && !old.contains("GET /after "), "{old}");
}

#[test]
fn no_line_is_lost_and_none_comes_before_its_time_over_a_hup_and_a_term() {
    let (mut sandbox, log) = logging("combined");
    let mut raw = sandbox.connect();
    let mut ask = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            raw.ask(request("GET", &format!("/{number}"), ""));
        }
    };
    // Faster than lines are written.
    ask(0..300);
    let old = sandbox.work().join("access.log.1");
    fs::rename(&log, &old).unwrap();
    sandbox.signal(Signal::SIGHUP);
    ask(300..600);
    sandbox.signal(Signal::SIGTERM);
    assert!(sandbox.wait().success());
    let text = fs::read_to_string(old).unwrap() + &fs::read_to_string(&log).unwrap();
    let targets = text.lines().filter_map(|line| line.split_once("\"GET /")?.1.split_once(' '));
    let numbers: Vec<usize> = targets.map(|(number, _)| number.parse().unwrap()).collect();
    assert_eq!(numbers, (0..600).collect::<Vec<_>>(), "{text}");
}

#[test]
fn hup_opens_the_log_again_where_the_rules_are_broken() {
    let sandbox = Sandbox::guarded(&["--log", "access.log"], "allow all * /\n");
    let (log, old) = (sandbox.work().join("access.log"), sandbox.work().join("access.log.1"));
    sandbox.write("access", "broken\n");
    fs::rename(&log, &old).unwrap();
    sandbox.signal(Signal::SIGHUP);
    let complaint = "cfpd: nothing was reloaded, all stays as it was: access:1: ";
    Watch::new(&sandbox).until("a complaint in the new log", |_| {
        fs::read_to_string(&log).is_ok_and(|text| text.contains(complaint))
    });
    // What was asked meanwhile may stand there.
    assert!(!fs::read_to_string(old).unwrap().contains("reloaded"));
}

#[test]
fn a_log_that_cannot_be_opened_again_is_kept() {
    let sandbox = Sandbox::prepared(&["--log", "../root/logs/access.log"], |root| {
        fs::create_dir(root.join("logs")).unwrap();
    });
    let mut watch = Watch::new(&sandbox);
    let moved = sandbox.work().join("moved");
    fs::rename(sandbox.root().join("logs"), &moved).unwrap();
    sandbox.signal(Signal::SIGHUP);
    let log = moved.join("access.log");
    let complaint = "cfpd: nothing was reloaded, all stays as it was: ../root/logs/access.log: no such file or directory\n";
    watch.until("a complaint", |_| fs::read_to_string(&log).unwrap().contains(complaint));
    let mut raw = sandbox.connect();
    raw.ask(request("GET", "/after", ""));
    assert!(lines(&mut raw, &log).iter().any(|line| line.contains("GET /after ")));
}

#[test]
fn a_log_that_cannot_be_written_is_said_once_on_standard_error_and_so_is_that_it_can_again() {
    let sandbox = Sandbox::prepared(&["--log", "access.log"], |root| {
        let work = root.parent().unwrap().join("work");
        symlink("/dev/full", work.join("access.log")).unwrap();
    });
    for _ in 0..3 {
        sandbox.connect().ask(request("GET", "/", ""));
    }
    sandbox.until_said("cfpd: access.log: no space left on device: the log is not written\n");
    fs::remove_file(sandbox.work().join("access.log")).unwrap();
    sandbox.signal(Signal::SIGHUP);
    sandbox.until_said("cfpd: access.log: the log is written again\n");
    assert_eq!(sandbox.log().matches("is not written").count(), 1, "{}", sandbox.log());
}

#[test]
fn usr1_writes_a_status_line() {
    for (format, before, after) in [
        ("combined", "cfpd: status: 2 of 1024 connections, ", " threads\n"),
        ("json", "{\"message\":\"status: 2 of 1024 connections, ", "}\n"),
    ] {
        let (sandbox, log) = logging(format);
        let mut watch = Watch::new(&sandbox);
        let mut raw = sandbox.connect();
        raw.ask(request("GET", "/", ""));
        sandbox.signal(Signal::SIGUSR1);
        watch.until("a status line", |_| {
            let text = fs::read_to_string(&log).unwrap();
            text.split_inclusive('\n').any(|line| line.starts_with(before) && line.ends_with(after))
        });
    }
}
