//! Clients that mean harm, or only die at the wrong moment: whatever they do, nothing half-done is stored, nothing of
//! them is left in the daemon, and others are served. Their malformed messages stand in `tests/wire/`.

mod crowd;
mod decoding;
mod gone;
mod keys;
mod limits;
mod tricks;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::common::raw::{Answer, Raw, request, request_with};
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Sends everything up to each byte of an upload, and ends there, once by leaving and once by falling silent.
fn cut_everywhere(upload: &[u8]) {
    let sandbox = Sandbox::new();
    sandbox.keep("old", "as it was");
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    for cut in 0..upload.len() {
        for leaves in [true, false] {
            let mut raw = sandbox.connect();
            raw.send(&upload[..cut]);
            if leaves {
                continue;
            }
            raw.end();
            let said = raw.rest();
            assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 400 "), "{cut}: {}", said.escape_ascii());
        }
    }
    watch.until_nothing_is_left(before, &["old"]);
    assert_eq!(sandbox.stored("old"), b"as it was");
    // All of it is an upload.
    let mut raw = sandbox.connect();
    assert!(matches!(raw.ask(upload).status, 201 | 204));
}

#[test]
fn an_upload_cut_at_any_byte_changes_nothing() {
    cut_everywhere(&request_with("PUT", "/new", "", "a small upload"));
}

#[test]
fn a_replacement_cut_at_any_byte_changes_nothing() {
    cut_everywhere(&request_with("PUT", "/old?replace=small&with=large", "", "a small upload"));
}

#[test]
fn a_chunked_upload_cut_at_any_byte_changes_nothing() {
    let body = "5;ext=1\r\na sma\r\n9\r\nll upload\r\n0\r\nTrailer: yes\r\n\r\n";
    for target in ["/new", "/old"] {
        cut_everywhere(format!("{}{body}", request("PUT", target, CHUNKED)).as_bytes());
    }
}

#[test]
fn a_coded_upload_cut_at_any_byte_changes_nothing() {
    let coded = zstd::encode_all(&b"a small upload, a small upload"[..], 3).unwrap();
    cut_everywhere(&request_with("PUT", "/new", "Content-Encoding: zstd\r\n", coded));
}

/// A whole message around a coded body that is not whole.
#[test]
fn a_coded_body_that_ends_early_is_not_stored() {
    let sandbox = Sandbox::new();
    let coded = zstd::encode_all(&b"a small upload, a small upload"[..], 3).unwrap();
    for cut in 0..coded.len() {
        let mut raw = sandbox.connect();
        let answer = raw.ask(request_with("PUT", "/new", "Content-Encoding: zstd\r\n", &coded[..cut]));
        assert_eq!(answer.status, 400, "{cut}: {}", answer.text());
    }
    assert!(sandbox.all_stored().is_empty());
}

#[test]
fn a_client_that_dies_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    sandbox.keep("big", vec![b'x'; 32 << 20]);
    sandbox.keep("words", "word ".repeat(1 << 20));
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let block = vec![b'w'; 1 << 20];
    // In a head.
    sandbox.connect().send("GET /big HTTP/1.1\r\nHo");
    // In an upload, when its temporary file is there.
    let mut raw = sandbox.connect();
    raw.send(request("PUT", "/new", "Content-Length: 10000000\r\n"));
    raw.send(&block);
    watch.until("a temporary file", |_| sandbox.all_stored().len() == 3);
    drop(raw);
    // In a download, by file and by filter; while nobody reads, and after some was read.
    for target in ["/big", "/words?replace=word&with=other", "/words?reverse", "/words?search=word&lines"] {
        let mut raw = sandbox.connect();
        raw.send(request("GET", target, ""));
        drop(raw);
        let mut raw = sandbox.connect();
        raw.send(request("GET", target, ""));
        assert_eq!(raw.head().status, 200);
        raw.exactly(1000);
    }
    // In a body for a filter.
    for target in ["/?replace=w&with=x&substring", "/?reverse", "/?search=w"] {
        let mut raw = sandbox.connect();
        raw.send(request("POST", target, "Content-Length: 100000000\r\n"));
        raw.send(&block);
    }
    watch.until_nothing_is_left(before, &["big", "words"]);
}

#[test]
fn a_killed_tool_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    sandbox.keep("big", vec![b'x'; 32 << 20]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let uses: [&[&str]; 4] = [
        &["cfp-put", "-", "--as", "new"],
        &["cfp-replace", "y", "n", "-", "-o", ":new"],
        &["cfp-replace", "y", "n"],
        &["cfp-get", "big", "-o", "-"],
    ];
    for argv in uses {
        let mut command = sandbox.command(argv[0]);
        command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // It is in the middle once it has taken more than a pipe holds, or given something.
        match argv[0] {
            "cfp-get" => child.stdout.as_mut().unwrap().read_exact(&mut [0; 1000]).unwrap(),
            _ => child.stdin.as_mut().unwrap().write_all(&b"y\n".repeat(100_000)).unwrap(),
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    watch.until_nothing_is_left(before, &["big"]);
}

#[test]
fn a_head_that_does_not_come_is_cut() {
    let sandbox = Sandbox::with(&["--header-timeout", "1"]);
    let mut raw = sandbox.connect();
    raw.send("GET /f HTTP/1.1\r\nHo");
    let answer = raw.answer();
    assert_eq!((answer.status, answer.field("connection")), (408, "close"), "{}", answer.text());
    assert!(raw.rest().is_empty());
    // Nor does it help to send a byte now and then: the time is that of the whole head.
    let mut raw = sandbox.connect();
    raw.send("GET /f HTTP/1.1\r\nX: ");
    let mut dripping = raw.socket().try_clone().unwrap();
    let drip = thread::spawn(move || while dripping.write_all(b"a").is_ok() {});
    assert!(matches!(raw.answer().status, 408 | 431));
    raw.end();
    drip.join().unwrap();
}

#[test]
fn a_body_that_does_not_come_is_cut() {
    let sandbox = Sandbox::with(&["--idle-timeout", "2"]);
    let mut raw = sandbox.connect();
    // At once: a client that is late with its head is closed without a word.
    raw.send(request("PUT", "/new", "Content-Length: 10\r\n") + "half");
    let answer = raw.answer();
    assert_eq!((answer.status, answer.field("connection")), (408, "close"), "{}", answer.text());
    assert!(raw.rest().is_empty());
    assert!(sandbox.all_stored().is_empty());
    // A connection that says nothing at all is closed without a word.
    assert!(sandbox.connect().rest().is_empty());
}

#[test]
fn past_the_last_connection_there_is_an_answer() {
    let sandbox = Sandbox::with(&["--max-connections", "2"]);
    let mut watch = Watch::new(&sandbox);
    let mut second = sandbox.connect();
    assert_eq!(second.ask(request("GET", "/.cfpd/health", "")).status, 200);
    for _ in 0..3 {
        let mut third = sandbox.connect();
        let answer = third.answer();
        assert_eq!((answer.status, answer.field("retry-after")), (503, "1"), "{}", answer.text());
        assert!(third.rest().is_empty());
    }
    drop(second);
    watch.until("a free place", |_| {
        let mut third = sandbox.connect();
        // A server that turns it away may close before all was sent.
        let _ = third.try_send(request("GET", "/.cfpd/health", ""));
        third.answer().status == 200
    });
    assert!(sandbox.log().contains("all connections are taken"), "{}", sandbox.log());
}

/// Every way to name what must not be named, for every method that takes a name.
#[test]
fn what_is_no_name_is_refused_everywhere() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    fs::write(sandbox.work().join("secret"), "secret").unwrap();
    let bad = [
        ("/../work/secret", 400),
        ("/..%2fwork%2Fsecret", 400),
        ("/%2e%2e/work/secret", 400),
        ("/.%2E/work/secret", 400),
        ("/f/../../work/secret", 400),
        ("/%2Fetc%2Fpasswd", 400),
        ("/a%00b", 400),
        ("/a%00b/", 400),
        ("/..", 400),
        ("/%", 400),
        ("/.cfpd", 403),
        ("/.cfpd/x", 403),
        ("/%2ecfpd/x", 403),
        ("/.cfpd-0011223344556677", 403),
        ("/d/.cfpd-x/f", 403),
    ];
    let mut raw = sandbox.connect();
    for (target, status) in bad {
        for method in ["PUT", "DELETE", "MKCOL"] {
            let answer = raw.ask(request_with(method, target, "", ""));
            assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
        }
        for method in ["COPY", "MOVE"] {
            let from = raw.ask(request(method, target, "Destination: /new\r\n"));
            let to = raw.ask(request(method, "/f", &format!("Destination: {target}\r\n")));
            assert_eq!((from.status, to.status), (status, status), "{method} {target}: {}", to.text());
        }
        let answer = raw.ask(request("GET", target, ""));
        assert!(matches!(answer.status, 400 | 403 | 404), "GET {target}: {}", answer.status);
    }
    assert_eq!(sandbox.all_stored(), ["f"]);
}

/// What is no file, and what lies outside, is not there; a pipe does not hold anybody up.
#[test]
fn what_is_no_file_is_not_there() {
    let sandbox = Sandbox::prepared(&[], |root| {
        std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.join("passwd")).unwrap();
        assert!(Command::new("mkfifo").arg(root.join("pipe")).status().unwrap().success());
    });
    let mut raw = sandbox.connect();
    for target in ["/pipe", "/pipe?search=a", "/passwd", "/out/passwd", "/out/"] {
        assert_eq!(raw.ask(request("GET", target, "")).status, 404, "{target}");
    }
    assert_eq!(raw.ask(request("GET", "/?search=root", "")).text(), "0 total\n");
    let answer = raw.ask(request_with("PUT", "/out/new", "", "x"));
    assert!(!Path::new("/etc/new").exists() && matches!(answer.status, 404 | 409), "{}", answer.status);
}

#[test]
fn a_bomb_goes_off_at_the_limit() {
    let sandbox = Sandbox::with(&["--max-file-size", "1M"]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let bomb = zstd::encode_all(std::io::repeat(0).take(200 << 20), 3).unwrap();
    assert!(bomb.len() < 100_000);
    for (method, target) in
        [("PUT", "/new"), ("PUT", "/new?reverse"), ("POST", "/?search=a"), ("POST", "/?reverse")]
    {
        let mut raw = sandbox.connect();
        let answer = raw.ask(request_with(method, target, "Content-Encoding: zstd\r\n", &bomb));
        assert_eq!(answer.status, 413, "{method} {target}: {}", answer.text());
    }
    // A window larger than RFC 9659 allows costs memory before a byte comes out.
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(b"small").unwrap();
    let wide = encoder.finish().unwrap();
    let mut raw = sandbox.connect();
    let answer = raw.ask(request_with("PUT", "/new", "Content-Encoding: zstd\r\n", wide));
    assert_eq!(answer.status, 400, "{}", answer.text());
    drop(raw);
    watch.until_nothing_is_left(before, &[]);
}

#[test]
fn a_body_past_the_limit_is_refused_and_not_stored() {
    let sandbox = Sandbox::with(&["--max-file-size", "1M"]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let chunk = [b"100000\r\n", vec![b'a'; 1 << 20].as_slice(), b"\r\n"].concat();
    for (method, target) in [("PUT", "/new"), ("POST", "/?search=a"), ("POST", "/?reverse")] {
        let mut known = sandbox.connect();
        known.send(request(method, target, "Content-Length: 1048577\r\n"));
        assert_eq!(known.answer().status, 413, "{method} {target}");
        let mut unknown = sandbox.connect();
        unknown.send(request(method, target, CHUNKED));
        unknown.send(&chunk);
        // The server may end it while this is on its way.
        let _ = unknown.try_send("1\r\na\r\n0\r\n\r\n");
        assert_eq!(unknown.answer().status, 413, "{method} {target}");
        let mut just = sandbox.connect();
        just.send(request(method, target, CHUNKED));
        just.send(&chunk);
        just.send("0\r\n\r\n");
        assert!(matches!(just.answer().status, 200 | 201));
        let _ = fs::remove_file(sandbox.root().join("new"));
    }
    watch.until_nothing_is_left(before, &[]);
}

/// A file system of its own size, gone when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None, and a word about it, where mounting is not allowed.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "cfp-test"]).arg(at);
        match command.output() {
            Ok(output) if output.status.success() => Some(SmallDisk(at.to_owned())),
            _ => {
                need::left_out("only root may mount a disk");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let mut disk = None;
    let sandbox = Sandbox::prepared(&[], |root| disk = SmallDisk::mount(root, "4m"));
    let Some(_disk) = disk else { return };
    sandbox.keep("f", vec![b'f'; 3 << 20]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let body = vec![b'x'; 2 << 20];
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let head = |method, target, fields| request(method, target, fields).into_bytes();
    let requests: [(&str, Vec<u8>); 6] = [
        ("with a length", request_with("PUT", "/new", "", &body)),
        ("in chunks", [head("PUT", "/new", CHUNKED), chunked.clone()].concat()),
        ("over an old one", [head("PUT", "/f", CHUNKED), chunked.clone()].concat()),
        ("a copy", head("COPY", "/f", "Destination: /new\r\n")),
        ("a filtered copy", head("COPY", "/f?reverse", "Destination: /new\r\n")),
        ("a spool", [head("POST", "/?reverse", CHUNKED), chunked].concat()),
    ];
    for (what, request) in requests {
        let mut raw = sandbox.connect();
        // The server may refuse before all was sent.
        let _ = raw.try_send(request);
        let answer = raw.answer();
        assert_eq!(answer.status, 507, "{what}: {}", answer.text());
    }
    watch.until_nothing_is_left(before, &["f"]);
    assert_eq!(sandbox.stored("f"), vec![b'f'; 3 << 20]);
    assert_eq!(sandbox.connect().ask(request_with("PUT", "/small", "", "x")).status, 201);
}

#[test]
fn a_read_only_server_changes_nothing() {
    let sandbox = Sandbox::prepared(&["--read-only"], |root| {
        fs::create_dir(root.join("d")).unwrap();
        for name in ["f", "d/f", ".cfpd-0123456789abcdef"] {
            fs::write(root.join(name), "text").unwrap();
        }
    });
    let changed =
        || fs::metadata(sandbox.root().join("f")).map(|meta| (meta.ctime(), meta.ctime_nsec())).unwrap();
    let before = changed();
    let mut raw = sandbox.connect();
    let requests = [
        request_with("PUT", "/f", "", "x"),
        request_with("PUT", "/new?reverse", "", "x"),
        request("COPY", "/f", "Destination: /new\r\n").into_bytes(),
        request("MOVE", "/f", "Destination: /new\r\n").into_bytes(),
        request("DELETE", "/f", "").into_bytes(),
        request("DELETE", "/d/", "").into_bytes(),
        request("MKCOL", "/e/", "").into_bytes(),
    ];
    for request in requests {
        let answer = raw.ask(&request);
        assert_eq!(answer.status, 403, "{}: {}", request.escape_ascii(), answer.text());
    }
    assert_eq!(raw.ask(request_with("POST", "/?search=x", "", "x")).text(), "1\n");
    // A digest that is asked for is not kept with the file, and what another daemon left is its own.
    let answer = raw.ask(request("GET", "/f", "Want-Repr-Digest: sha-256=1\r\n"));
    assert!(answer.field("repr-digest").starts_with("sha-256=:") && answer.text() == "text");
    assert_eq!(changed(), before);
    assert_eq!(sandbox.all_stored(), [".cfpd-0123456789abcdef", "d", "d/f", "f"]);
}

#[test]
fn a_thousand_requests_at_once_are_answered_in_order() {
    let sandbox = Sandbox::new();
    let asked = |number: usize| match number % 4 {
        0 => request("GET", &format!("/n{}", number % 7), "").into_bytes(),
        1 => request_with("POST", "/?reverse", "", format!("a {number}")),
        2 => request("GET", "/nothing", "").into_bytes(),
        _ => request_with("PUT", "/put", "", number.to_string()),
    };
    for number in 0..7 {
        sandbox.keep(&format!("n{number}"), number.to_string());
    }
    let mut raw = sandbox.connect();
    let mut writing = raw.socket().try_clone().unwrap();
    let all: Vec<u8> = (0..1000).flat_map(asked).collect();
    let writer = thread::spawn(move || writing.write_all(&all).unwrap());
    for number in 0..1000 {
        let Answer { status, body, .. } = raw.answer_to("GET");
        match number % 4 {
            0 => assert_eq!((status, body), (200, (number % 7).to_string().into_bytes())),
            1 => assert_eq!((status, body), (200, format!("{number} a").into_bytes())),
            2 => assert_eq!(status, 404),
            _ => assert_eq!(status, if number == 3 { 201 } else { 204 }),
        }
    }
    writer.join().unwrap();
    assert_eq!(sandbox.stored("put"), b"999");
}

#[test]
fn who_never_reads_holds_nobody_up() {
    let sandbox = Sandbox::new();
    sandbox.keep("big", vec![b'x'; 32 << 20]);
    let mut watch = Watch::new(&sandbox);
    let before = watch.held();
    let targets = ["/big", "/big?replace=x&with=y&substring", "/big?reverse"];
    let mut deaf: Vec<Raw> = targets.iter().map(|_| sandbox.connect()).collect();
    for (raw, target) in deaf.iter_mut().zip(targets) {
        raw.send(request("GET", target, "").repeat(100));
    }
    for _ in 0..50 {
        let mut raw = sandbox.connect();
        assert_eq!(raw.ask(request("GET", "/.cfpd/health", "")).text(), "ok\n");
        assert_eq!(raw.ask(request_with("PUT", "/f", "", "x")).status / 100, 2);
    }
    drop(deaf);
    watch.until_nothing_is_left(before, &["big", "f"]);
}

/// A parameter that means nothing is passed over where nothing is stored, and refused where something would be.
#[test]
fn an_unknown_parameter_stores_nothing() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let mut raw = sandbox.connect();
    for query in ["x=1", "x", "serach=a", "with=b", "reverse&x=1", "replace=a&with=b&lines"] {
        assert_eq!(raw.ask(request("GET", &format!("/f?{query}"), "")).status, 200, "{query}");
        assert_eq!(raw.ask(request_with("PUT", &format!("/g?{query}"), "", "x")).status, 400, "{query}");
        let copied = raw.ask(request("COPY", &format!("/f?{query}"), "Destination: /g\r\n"));
        assert_eq!(copied.status, 400, "{query}");
    }
    assert_eq!(sandbox.all_stored(), ["f"]);
}

/// A client that ends its side after its request is no client that has left.
#[test]
fn who_ends_writing_still_gets_the_answer() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", vec![b'x'; 8 << 20]);
    let mut stream = TcpStream::connect(sandbox.address()).unwrap();
    stream.write_all(request("GET", "/f", "").as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.len() > 8 << 20);
}
