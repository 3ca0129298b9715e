//! Every limit a client can push against, pushed against. The table in `docs/operating.md` names these tests.

use std::fs;
use std::io::Write;
use std::thread;

use crate::common::Sandbox;
use crate::common::raw::{Answer, Raw, request, request_with};
use crate::common::watch::Watch;

/// Sends a beginning, and then a piece again and again while the server takes it. Gives the answer.
fn endlessly(sandbox: &Sandbox, beginning: &str, piece: &str) -> Answer {
    let mut raw = sandbox.connect();
    raw.send(beginning);
    let mut sending = raw.socket().try_clone().unwrap();
    let pieces = piece.repeat(100);
    let sender = thread::spawn(move || while sending.write_all(pieces.as_bytes()).is_ok() {});
    let answer = raw.answer();
    drop(raw.socket().shutdown(std::net::Shutdown::Both));
    sender.join().unwrap();
    answer
}

#[test]
fn what_never_ends_is_refused_at_its_limit() {
    let sandbox = Sandbox::with(&["--max-file-size", "1M"]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let chunked = request("PUT", "/new", "Transfer-Encoding: chunked\r\n");
    let rows = [
        ("a method", "G", "E", 431),
        ("a target", "GET /", "aaaaaaaaaa", 414),
        ("a field", "GET / HTTP/1.1\r\nX: ", "aaaaaaaaaa", 431),
        ("fields", "GET / HTTP/1.1\r\n", "X: a\r\n", 431),
        ("a chunk's extension", &format!("{chunked}1;x="), "aaaaaaaaaa", 400),
        ("a chunk's size", &format!("{chunked}0"), "0000000000", 400),
        ("trailers", &format!("{chunked}1\r\na\r\n0\r\n"), "X: a\r\n", 431),
        ("chunks", &chunked, "5\r\nabcde\r\n", 413),
    ];
    for (what, beginning, piece, status) in rows {
        let answer = endlessly(&sandbox, beginning, piece);
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    watch.until_nothing_is_left(before, &[]);
}

#[test]
fn just_past_a_limit_of_a_head_is_past_it() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let fields = |count: usize| "X: a\r\n".repeat(count - 1);
    let target = |length: usize| format!("/f?x={}", "a".repeat(length - 5));
    let rows = [
        (request("GET", "/f", &fields(100)), 200),
        (request("GET", "/f", &fields(101)), 431),
        (request("GET", &target(32 << 10), ""), 200),
        (request("GET", &target((32 << 10) + 1), ""), 414),
    ];
    for (request, status) in rows {
        assert_eq!(sandbox.connect().ask(request).status, status);
    }
    let trailers = |count: usize| {
        let head = request("PUT", "/new", "Transfer-Encoding: chunked\r\n");
        format!("{head}1\r\na\r\n0\r\n{}\r\n", "X: a\r\n".repeat(count))
    };
    for (count, status) in [(101, 431), (100, 201)] {
        assert_eq!(sandbox.connect().ask(trailers(count)).status, status, "{count} trailers");
    }
}

#[test]
fn one_address_does_not_take_all_connections() {
    let sandbox = Sandbox::with(&["--max-per-address", "2", "--listen", "unix:here.sock"]);
    let mut watch = Watch::new(&sandbox);
    let mut second = sandbox.connect();
    second.ask(request("GET", "/.cfpd/health", ""));
    let answer = sandbox.connect().answer();
    assert_eq!((answer.status, answer.field("retry-after")), (503, "1"), "{}", answer.text());
    assert_eq!(answer.text(), "connection: all connections of this address are taken\n");
    // Whoever comes another way is let in.
    let mut other = std::os::unix::net::UnixStream::connect(sandbox.work().join("here.sock")).unwrap();
    other.write_all(b"GET /.cfpd/health HTTP/1.0\r\n\r\n").unwrap();
    let said = std::io::read_to_string(other).unwrap();
    assert!(said.ends_with("\r\n\r\nok\n"), "{said}");
    drop(second);
    watch.until("a free place", |_| {
        let mut third = sandbox.connect();
        let _ = third.try_send(request("GET", "/.cfpd/health", ""));
        third.answer().status == 200
    });
    let line = "cfpd: 127.0.0.1: refused with 503: connection: all connections of this address are taken\n";
    assert!(sandbox.log().contains(line), "{}", sandbox.log());
}

#[test]
fn a_thousand_past_the_last_cost_nothing() {
    let sandbox = Sandbox::with(&["--max-connections", "1"]);
    let mut watch = Watch::new(&sandbox);
    let turn_away = || assert_eq!(sandbox.connect().answer().status, 503);
    (0..10).for_each(|_| turn_away());
    let (before, memory) = (watch.held(), watch.memory());
    (0..1000).for_each(|_| turn_away());
    watch.until("as it was", |watch| {
        let held = watch.held();
        held.threads <= before.threads && held.descriptors <= before.descriptors
    });
    assert!(watch.memory() < memory + 1024, "{memory} KiB became {}", watch.memory());
}

/// Any client is too slow for a gigabyte a second, once it has been waited for a second in all.
const FAST: [&str; 4] = ["--idle-timeout", "1", "--min-rate", "1000000000"];

#[test]
fn a_body_that_drips_is_cut() {
    let sandbox = Sandbox::with(&FAST);
    for fields in ["Content-Length: 1000000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let answer = endlessly_by_bytes(&sandbox, &request("PUT", "/new", fields));
        assert_eq!((answer.status, answer.field("connection")), (408, "close"), "{}", answer.text());
    }
    assert!(
        sandbox.log().contains("cfpd: 127.0.0.1: refused with 408: client: is too slow\n"),
        "{}",
        sandbox.log()
    );
    assert!(sandbox.all_stored().is_empty());
}

/// The same with a byte at a time: of a length, or of chunks of one byte.
fn endlessly_by_bytes(sandbox: &Sandbox, head: &str) -> Answer {
    let mut raw = sandbox.connect();
    raw.send(head);
    let mut sending = raw.socket().try_clone().unwrap();
    let sender = thread::spawn(move || {
        for byte in b"1\r\na\r\n".iter().cycle() {
            if sending.write_all(&[*byte]).is_err() {
                return;
            }
        }
    });
    let answer = raw.answer();
    drop(raw);
    sender.join().unwrap();
    answer
}

#[test]
fn an_answer_that_is_read_by_drops_is_cut() {
    let sandbox = Sandbox::with(&FAST);
    sandbox.keep("big", vec![b'x'; 64 << 20]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    for target in ["/big", "/big?replace=x&with=y&substring"] {
        let mut raw = sandbox.connect();
        raw.send(request("GET", target, ""));
        assert_eq!(raw.head().status, 200);
        watch.until("the end of a slow reader", |watch| {
            // More than a drop would be taken for a reader.
            raw.exactly(1);
            watch.held().threads <= before.threads
        });
    }
}

#[test]
fn whoever_keeps_up_is_not_cut() {
    let sandbox = Sandbox::with(&["--idle-timeout", "2", "--min-rate", "1000"]);
    let big = vec![b'x'; 64 << 20];
    sandbox.keep("big", &big);
    let upload = request_with("PUT", "/new", "", &big);
    for _ in 0..3 {
        // Each on a connection of its own: between two requests a loaded machine may take longer than that.
        assert_eq!(sandbox.connect().ask(request("GET", "/big", "")).body.len(), big.len());
        let mut raw = sandbox.connect();
        raw.send(&upload);
        assert_eq!(raw.answer().status / 100, 2);
    }
}

#[test]
fn a_search_of_one_large_file_takes_the_helpers_that_are_free() {
    let sandbox = Sandbox::with(&["--scan-jobs", "3"]);
    // Holes take long to search, and no room.
    fs::File::create(sandbox.root().join("f")).unwrap().set_len(1 << 40).unwrap();
    let mut watch = Watch::new(&sandbox);
    let before = watch.held().threads;
    let mut searches: Vec<Raw> = (0..2).map(|_| sandbox.connect()).collect();
    searches.iter_mut().for_each(|raw| raw.send(request("GET", "/f?search=word", "")));
    // Each has the thread of its connection; two more help either. A thread of the start may have been among those before.
    let most = before + 2 + 2;
    watch.until("both searches", |watch| (most - 1..=most).contains(&watch.held().threads));
    drop(searches);
    watch.until("the end of both", |watch| watch.held().threads <= before);
}

#[test]
fn a_filter_whose_client_reads_slowly_keeps_no_helper() {
    let sandbox = Sandbox::with(&["--scan-jobs", "3"]);
    // Neither is larger than the send buffer by chance.
    sandbox.keep("f", "one two\n".repeat(8 << 20));
    let mut watch = Watch::new(&sandbox);
    let before = watch.held().threads;
    for target in ["/f?reverse", "/f?replace=one&with=three"] {
        let mut raw = sandbox.connect();
        raw.send(request("GET", target, ""));
        assert_eq!(raw.head().status, 200);
        watch.until("only its own thread", |watch| watch.held().threads <= before + 1);
        drop(raw);
        watch.until("its end", |watch| watch.held().threads <= before);
    }
}

#[test]
fn searches_share_their_helpers() {
    let sandbox = Sandbox::with(&["--scan-jobs", "3"]);
    for number in 0..16 {
        let file = fs::File::create(sandbox.root().join(number.to_string())).unwrap();
        // Holes take long to search, and no room.
        file.set_len(1 << 40).unwrap();
    }
    let mut watch = Watch::new(&sandbox);
    let before = watch.held().threads;
    let mut searches: Vec<Raw> = (0..4).map(|_| sandbox.connect()).collect();
    searches.iter_mut().for_each(|raw| raw.send(request("GET", "/?search=word", "")));
    // Each has the thread of its connection and one that searches; two of them are helped.
    let most = before + 4 * 2 + 2;
    watch.until("all searches", |watch| (most - 1..=most).contains(&watch.held().threads));
    let mut raw = sandbox.connect();
    for _ in 0..50 {
        let text = raw.ask(request("GET", "/.cfpd/metrics", "")).text();
        assert!(text.contains("\ncfpd_scan_jobs 2\n"), "{text}");
        assert!(watch.held().threads <= most + 1);
    }
}

/// How many stacks of this size the daemon has.
fn stacks(sandbox: &Sandbox, kib: &str) -> usize {
    let maps = fs::read_to_string(format!("/proc/{}/smaps", sandbox.pid())).unwrap();
    maps.lines().filter(|line| line.strip_prefix("Size:").is_some_and(|size| size.trim() == kib)).count()
}

#[test]
fn an_idle_connection_waits_on_a_small_stack_and_is_answered_or_closed_as_before() {
    let sandbox = Sandbox::with(&["--idle-timeout", "8"]);
    sandbox.keep("f", "text");
    let ask = |raw: &mut Raw| assert_eq!(raw.ask(request("GET", "/f", "")).text(), "text");
    let mut watch = Watch::new(&sandbox);
    let mut idle: Vec<_> = (0..20).map(|_| sandbox.connect()).collect();
    for _ in 0..2 {
        idle.iter_mut().for_each(ask);
        watch.until("small stacks", |_| stacks(&sandbox, "48 kB") >= idle.len());
    }
    idle.iter_mut().for_each(ask);
    idle.iter_mut().for_each(|raw| assert_eq!(raw.rest(), b""));
}

#[test]
fn globs_have_a_limit() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let mut raw = sandbox.connect();
    for (count, status) in [(64, 200), (65, 400)] {
        for target in ["/?format=text", "/?search=text"] {
            let globs = "&include=*&exclude=a".repeat(count / 2) + &"&include=f".repeat(count % 2);
            assert_eq!(raw.ask(request("GET", &format!("{target}{globs}"), "")).status, status, "{count}");
        }
    }
    // One that would be large is small, or refused.
    for glob in ["{a,".repeat(256) + &"}".repeat(256), "{a,".repeat(8000), "[a-z]*?**/".repeat(100)] {
        assert!([200, 400].contains(&raw.ask(request("GET", &format!("/?include={glob}"), "")).status));
    }
}

#[test]
fn a_page_of_more_names_than_are_sorted_says_so() {
    let sandbox = Sandbox::new();
    (0..100_000).rev().for_each(|at| drop(sandbox.keep(&format!("f{at:06}"), "")));
    let page = |sandbox: &Sandbox| sandbox.connect().ask(request("GET", "/", "")).text();
    let names = |page: &str| page.matches("<a href=\"f").count();
    let most = page(&sandbox);
    let rows = most.lines().filter(|line| line.contains("=\"f"));
    assert!(names(&most) == 100_000 && rows.is_sorted() && !most.contains("in no order"));
    sandbox.keep("f100000", "");
    let more = page(&sandbox);
    assert!(names(&more) == 100_001 && more.contains("More than 100000 names, in no order."));
}
