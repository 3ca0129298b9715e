//! What `/.cfpd/metrics` counts, read by the parser of Prometheus' own client where it is here.

use crate::common::raw::{Raw, request, request_with};
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};

const METRICS: &str = "/.cfpd/metrics";

/// A value by its name and labels, as they are written; 0 where it is not there.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

fn answered(method: &str, filter: &str, status: u16) -> String {
    format!("cfpd_requests_total{{method=\"{method}\",filter=\"{filter}\",status=\"{status}\"}}")
}

#[test]
fn every_answer_is_counted_by_method_filter_and_status() {
    let sandbox = Sandbox::new();
    let mut raw = sandbox.connect();
    raw.ask(request_with("PUT", "/f?reverse", "", "one two"));
    raw.ask(request("GET", "/f?search=two", ""));
    raw.ask(request("GET", "/f?search=two", ""));
    raw.ask(request("GET", "/nothing", ""));
    raw.ask(request("BREW", "/\"x", ""));
    let text = raw.ask(request("GET", METRICS, "")).text();
    let rows = [
        (answered("PUT", "reverse", 201), 1.0),
        (answered("GET", "search", 200), 2.0),
        (answered("GET", "none", 404), 1.0),
        (answered("other", "none", 501), 1.0),
        ("cfpd_request_duration_seconds_count{method=\"GET\"}".to_owned(), 3.0),
        ("cfpd_request_duration_seconds_bucket{le=\"+Inf\",method=\"PUT\"}".to_owned(), 1.0),
        ("cfpd_connections".to_owned(), 1.0),
        ("cfpd_connections_max".to_owned(), 1024.0),
        ("cfpd_scan_jobs".to_owned(), 0.0),
    ];
    for (name, expected) in rows {
        assert_eq!(value(&text, &name), expected, "{name}\n{text}");
    }
    assert!(value(&text, "cfpd_threads") >= 3.0, "{text}");
}

#[test]
fn bytes_are_counted_both_ways() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", vec![b'x'; 1 << 20]);
    let mut raw = sandbox.connect();
    raw.ask(request_with("PUT", "/g", "", vec![b'x'; 3 << 20]));
    raw.ask(request("GET", "/f", ""));
    let text = raw.ask(request("GET", METRICS, "")).text();
    for (name, body) in [("cfpd_received_bytes_total", 3 << 20), ("cfpd_sent_bytes_total", 1 << 20)] {
        let heads = value(&text, name) - f64::from(body);
        assert!((100.0..2000.0).contains(&heads), "{name}\n{text}");
    }
}

#[test]
fn refusals_are_counted_by_reason() {
    let sandbox =
        Sandbox::with(&["--max-connections", "3", "--max-per-address", "2", "--header-timeout", "1"]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let refusals = |reason: &str| format!("cfpd_refusals_total{{reason=\"{reason}\"}}");
    for (bytes, status) in
        [("GET / HTTP/1.1\r\nA : b\r\n\r\n".to_owned(), 400), (format!("GET /{}", "a".repeat(70_000)), 414)]
    {
        let mut raw = sandbox.connect();
        let _ = raw.try_send(bytes);
        assert_eq!(raw.answer().status, status);
        drop(raw);
        watch.until("a free place", |watch| watch.held().threads <= before.threads);
    }
    let mut second = sandbox.connect();
    second.ask(request("GET", "/.cfpd/health", ""));
    assert_eq!(sandbox.connect().answer().status, 503);
    second.send("GET / HTTP/1.1\r\n");
    assert_eq!(second.answer().status, 408);
    drop(second);
    let mut text = String::new();
    watch.until("a free place", |_| {
        let mut raw = sandbox.connect();
        let _ = raw.try_send(request("GET", METRICS, ""));
        text = raw.answer().text();
        text.starts_with('#')
    });
    for (reason, least) in [("malformed", 1.0), ("size", 1.0), ("slow", 1.0), ("address", 1.0)] {
        assert!(value(&text, &refusals(reason)) >= least, "{reason}\n{text}");
    }
}

/// The one that sees Debian's packages, whatever other is in the PATH.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn the_parser_of_prometheus_reads_it() {
    if !need::programs(&[PYTHON]) {
        return;
    }
    let sandbox = Sandbox::new();
    let parser = "prometheus_client.openmetrics.parser";
    if sandbox.run(PYTHON, ["-c", &format!("import {parser}")]).try_success().is_err() {
        return need::left_out("no python3-prometheus-client here");
    }
    sandbox.keep("f", "text");
    let mut raw: Raw = sandbox.connect();
    raw.ask(request("GET", "/f?search=text", ""));
    let head = raw.ask(request("HEAD", METRICS, ""));
    assert_eq!(head.field("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    // By the connection that asked: what others asked may be counted just after they have their answer.
    let text = raw.ask(request("GET", METRICS, "")).text();
    let script = format!(
        "import sys, {parser} as parser
families = parser.text_string_to_metric_families(sys.stdin.read())
for family in families: print(family.name, family.type, len(family.samples))"
    );
    let read = sandbox.feed(PYTHON, ["-c", &script], text).success();
    let families = String::from_utf8_lossy(&read.get_output().stdout).into_owned();
    for family in [
        "cfpd_requests counter 2",
        "cfpd_request_duration_seconds histogram 28",
        "cfpd_received_bytes counter 1",
        "cfpd_sent_bytes counter 1",
        "cfpd_connections gauge 1",
        "cfpd_threads gauge 1",
    ] {
        assert!(families.lines().any(|line| line == family), "{family}\n{families}");
    }
}

/// What is counted tells of others; what is well says no more than that.
#[test]
fn metrics_are_told_to_whom_the_rules_let_read_them_and_health_to_anyone() {
    const ALICE: &str = "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n";
    const BOB: &str = "Authorization: Basic Ym9iOmJ1aWxkZXI=\r\n";
    let rows = [
        ("allow all alice /\nallow list,read * /pub/\n", [401, 200, 403]),
        ("allow read bob /.cfpd/\nallow all alice /pub/\n", [401, 403, 200]),
        ("allow read * /.cfpd/metrics\n", [200, 200, 200]),
        ("deny read bob /.cfpd/\nallow read @users /\n", [401, 200, 403]),
    ];
    for (rules, statuses) in rows {
        let sandbox = Sandbox::guarded(&[], rules);
        for (who, status) in ["", ALICE, BOB].into_iter().zip(statuses) {
            let mut raw = sandbox.connect();
            assert_eq!(raw.ask(request("GET", METRICS, who)).status, status, "{rules}{who}");
            assert_eq!(raw.ask(request("HEAD", METRICS, who)).status, status, "{rules}{who}");
            assert_eq!(raw.ask(request("GET", "/.cfpd/health", who)).text(), "ok\n");
        }
    }
}
