//! Bytes that flow while others still come: answers that begin before their request has ended, clients that send
//! everything before they read, and the end of a daemon that is in the middle of answers.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::PathBuf;
use std::process::Stdio;

use crate::common::raw::{Raw, request};
use crate::common::{Sandbox, need};
use cfp::http::framing::{Framing, of_response};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Sends some bytes as a chunk.
fn chunk(mut to: impl Write, bytes: &[u8]) {
    write!(to, "{:x}\r\n", bytes.len()).unwrap();
    to.write_all(bytes).unwrap();
    to.write_all(b"\r\n").unwrap();
}

/// A line goes out, its answer comes in, and only then the next goes out.
#[test]
fn a_filter_answers_each_line_before_the_next_is_sent() {
    let sandbox = Sandbox::new();
    let rows = [("/?replace=lamp&with=torch", "a torch"), ("/?search=lamp&lines", "a lamp"), ("/", "a lamp")];
    for (target, wanted) in rows {
        let mut raw = sandbox.connect();
        raw.send(request("POST", target, CHUNKED));
        let mut out = raw.socket().try_clone().unwrap();
        chunk(&mut out, b"a lamp 0\n");
        assert_eq!(raw.head().status, 200, "{target}");
        let mut lines = BufReader::new(raw.body(Framing::Chunked)).lines();
        for number in 0..100 {
            assert_eq!(lines.next().unwrap().unwrap(), format!("{wanted} {number}"), "{target}");
            chunk(&mut out, format!("a lamp {}\n", number + 1).as_bytes());
        }
        out.write_all(b"0\r\n\r\n").unwrap();
        assert_eq!(lines.count(), 1, "{target}");
    }
}

/// Compression does not hold a line back.
#[test]
fn a_coded_answer_flows_as_well() {
    let sandbox = Sandbox::new();
    let mut raw = sandbox.connect();
    let fields = format!("{CHUNKED}Accept-Encoding: zstd\r\nContent-Encoding: zstd\r\n");
    raw.send(request("POST", "/?replace=lamp&with=torch", &fields));
    let mut out = raw.socket().try_clone().unwrap();
    let mut coder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    let mut say = |line: &str| {
        coder.write_all(line.as_bytes()).unwrap();
        coder.flush().unwrap();
        chunk(&mut out, &std::mem::take(coder.get_mut()));
    };
    say("a lamp\n");
    let head = raw.head();
    assert_eq!((head.status, head.fields.get_text("content-encoding")), (200, Some("zstd")));
    let decoded = zstd::stream::read::Decoder::new(raw.body(Framing::Chunked)).unwrap();
    let mut lines = BufReader::new(decoded).lines();
    for _ in 0..20 {
        assert_eq!(lines.next().unwrap().unwrap(), "a torch");
        say("a lamp\n");
    }
}

/// The tool between two pipes is as prompt as the server.
#[test]
fn a_tool_in_a_pipe_answers_each_line() {
    let sandbox = Sandbox::new();
    for place in [&["-q"], &["--local"]] {
        let mut command = sandbox.command("cfp-replace");
        command.args(place).args(["lamp", "torch"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut lines = BufReader::new(output).lines();
        for number in 0..20 {
            writeln!(input, "a lamp {number}").unwrap();
            assert_eq!(lines.next().unwrap().unwrap(), format!("a torch {number}"), "{place:?}");
        }
        drop(input);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn a_search_of_a_directory_tells_of_each_file_as_it_is_done() {
    let sandbox = Sandbox::with(&["--scan-jobs", "2"]);
    sandbox.keep("small", "a word");
    // A hole takes long to search, and no room.
    std::fs::File::create(sandbox.root().join("hole")).unwrap().set_len(8 << 40).unwrap();
    for coding in ["", "Accept-Encoding: zstd\r\n"] {
        let mut raw = sandbox.connect();
        raw.send(request("GET", "/?search=word", coding));
        let head = raw.head();
        let body = BufReader::new(raw.body(of_response(&head, "GET").unwrap()));
        let line = match coding {
            "" => body.lines().next(),
            _ => BufReader::new(zstd::Decoder::with_buffer(body).unwrap()).lines().next(),
        };
        assert_eq!(line.unwrap().unwrap(), "1 small");
    }
}

/// Everything is sent before anything is read: no side may wait for the other.
#[test]
fn a_client_that_sends_all_before_it_reads_gets_its_answer() {
    const SIZE: usize = 64 << 20;
    let sandbox = Sandbox::new();
    let line = b"a lamp and no other light\n";
    let text: Vec<u8> = line.iter().copied().cycle().take(SIZE).collect();
    let torches = String::from_utf8_lossy(&text).replace("lamp", "TORCH").into_bytes();
    let count = format!("{}\n", SIZE / line.len()).into_bytes();
    let rows: [(&str, Option<&[u8]>); 4] = [
        ("/?replace=lamp&with=TORCH", Some(&torches)),
        ("/?search=lamp", Some(&count)),
        ("/?reverse", None),
        ("/", Some(&text)),
    ];
    for (target, wanted) in rows {
        let mut raw = sandbox.connect();
        raw.send(request("POST", target, &format!("Content-Length: {SIZE}\r\n")));
        raw.send(&text);
        let answer = raw.answer();
        assert_eq!(answer.status, 200, "{target}");
        match wanted {
            Some(wanted) => assert!(answer.body == wanted, "{target}: {} bytes", answer.body.len()),
            None => assert_eq!(answer.body.len(), SIZE, "{target}"),
        }
    }
    assert!(sandbox.all_stored().is_empty());
}

/// The usual way of a library: `request` with a body, then `getresponse`.
#[test]
fn python_s_http_client_gets_its_answer() {
    const SCRIPT: &str = r#"
import http.client, sys
line = b"a lamp and no other light\n"
body = line * (200_000_000 // len(line))
connection = http.client.HTTPConnection(sys.argv[1])
connection.request("POST", "/?replace=lamp&with=torch", body)
answer = connection.getresponse()
assert answer.status == 200, answer.status
got, want = 0, body.replace(b"lamp", b"torch")
while block := answer.read(1 << 20):
    assert block == want[got:got + len(block)]
    got += len(block)
assert got == len(want), got
# The connection is as good as before.
connection.request("GET", "/.cfpd/health")
assert connection.getresponse().read() == b"ok\n"
"#;
    if !need::programs(&["python3"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("python3", ["-c", SCRIPT, sandbox.address()]).success();
}

fn signal(sandbox: &Sandbox, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(sandbox.pid()).unwrap()), signal).unwrap();
}

/// A connection in the middle of a large answer.
fn begun(sandbox: &Sandbox, target: &str) -> Raw {
    let mut raw = sandbox.connect();
    raw.send(request("GET", target, ""));
    assert!(raw.line().starts_with(b"HTTP/1.1 200 "));
    raw
}

#[test]
fn an_answer_that_has_begun_is_finished_after_term() {
    for end in [Signal::SIGTERM, Signal::SIGINT] {
        let mut sandbox = Sandbox::with(&["--grace", "600"]);
        let size = 64 << 20;
        sandbox.keep("big", vec![b'x'; size]);
        let mut idle = sandbox.connect();
        assert_eq!(idle.ask(request("GET", "/.cfpd/health", "")).status, 200);
        let (mut plain, mut filtered) = (begun(&sandbox, "/big"), begun(&sandbox, "/big?replace=y&with=z"));
        let mut upload = sandbox.connect();
        upload.send(request("PUT", "/new", "Content-Length: 6\r\nExpect: 100-continue\r\n"));
        assert_eq!(upload.head().status, 100);
        signal(&sandbox, end);
        assert!(idle.rest().is_empty(), "an idle connection is closed without a word");
        sandbox.until_nobody_is_let_in();
        assert!(plain.rest().ends_with(&vec![b'x'; size]), "{end}");
        let filtered = filtered.rest();
        assert!(filtered.len() > size && filtered.ends_with(b"\r\n0\r\n\r\n"), "{end}");
        upload.send("upload");
        let answer = upload.answer_to("PUT");
        assert_eq!((answer.status, answer.field("connection")), (201, "close"), "{end}");
        assert_eq!(sandbox.wait().code(), Some(0), "{end}: {}", sandbox.log());
        assert_eq!(sandbox.stored("new"), b"upload");
    }
}

#[test]
fn a_second_term_cuts() {
    let mut sandbox = Sandbox::with(&["--grace", "600"]);
    sandbox.keep("big", vec![b'x'; 64 << 20]);
    let mut deaf = begun(&sandbox, "/big");
    let mut upload = sandbox.connect();
    upload.send(request("PUT", "/new", "Content-Length: 6\r\nExpect: 100-continue\r\n"));
    assert_eq!(upload.head().status, 100);
    signal(&sandbox, Signal::SIGTERM);
    sandbox.until_nobody_is_let_in();
    signal(&sandbox, Signal::SIGTERM);
    assert_eq!(sandbox.wait().code(), Some(0), "{}", sandbox.log());
    assert!(deaf.rest().len() < 64 << 20, "what was cut must not look whole");
    assert_eq!(sandbox.all_stored(), ["big"]);
}

#[test]
fn grace_has_an_end() {
    let mut sandbox = Sandbox::with(&["--grace", "1"]);
    sandbox.keep("big", vec![b'x'; 64 << 20]);
    let mut deaf = begun(&sandbox, "/big");
    signal(&sandbox, Signal::SIGTERM);
    assert_eq!(sandbox.wait().code(), Some(0), "{}", sandbox.log());
    assert!(deaf.rest().len() < 64 << 20);
    assert!(sandbox.log().contains("grace"), "{}", sandbox.log());
}

/// A download that ends in the middle is an error for whoever reads it by its framing.
#[test]
fn a_file_that_shrinks_while_it_is_sent_does_not_look_whole() {
    let sandbox = Sandbox::new();
    let path = sandbox.keep("big", vec![b'x'; 64 << 20]);
    let mut raw = sandbox.connect();
    raw.send(request("GET", "/big", ""));
    let head = raw.head();
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1000).unwrap();
    assert!(raw.body_of(&head, "GET").is_err());
}

/// A download over HTTP/1.0 that has no length, begun and not read on, and the file it is of.
fn without_length(sandbox: &Sandbox) -> (Raw, PathBuf) {
    let path = sandbox.keep("big", vec![b'x'; 64 << 20]);
    let mut raw = sandbox.connect();
    raw.send("GET /big?replace=one&with=two HTTP/1.0\r\n\r\n");
    assert_eq!(raw.head().status, 200);
    (raw, path)
}

/// What ends a connection whose end is that of the answer.
fn ending(raw: &mut Raw) -> Result<u64, ErrorKind> {
    let mut body = raw.body(Framing::UntilClose);
    std::io::copy(&mut body, &mut std::io::sink()).map_err(|wrong| wrong.kind())
}

#[test]
fn an_answer_that_ends_with_its_connection_is_reset_where_it_is_cut() {
    let sandbox = Sandbox::new();
    let (mut raw, path) = without_length(&sandbox);
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(1000).unwrap();
    assert_eq!(ending(&mut raw), Err(ErrorKind::ConnectionReset));
    // One that is whole ends in order.
    let mut raw = sandbox.connect();
    raw.send("GET /big?replace=one&with=two HTTP/1.0\r\n\r\n");
    raw.head();
    assert_eq!(ending(&mut raw), Ok(1000));
}

#[test]
fn a_killed_or_stopped_daemon_resets_what_it_has_not_sent() {
    for (signal, options) in [(Signal::SIGKILL, [].as_slice()), (Signal::SIGTERM, &["--grace", "0"])] {
        let mut sandbox = Sandbox::with(options);
        let (mut raw, _) = without_length(&sandbox);
        sandbox.signal(signal);
        sandbox.wait();
        assert_eq!(ending(&mut raw), Err(ErrorKind::ConnectionReset), "{signal}");
    }
}

#[test]
fn an_answer_that_is_not_read_in_time_is_reset() {
    let sandbox = Sandbox::with(&["--idle-timeout", "1"]);
    let (mut raw, _) = without_length(&sandbox);
    let mut watch = crate::common::watch::Watch::new(&sandbox);
    watch.until("the end of the connection", |_| sandbox.log().contains("client: is too slow"));
    assert_eq!(ending(&mut raw), Err(ErrorKind::ConnectionReset));
}
