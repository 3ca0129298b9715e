//! Servers that say nothing, or never come to an end: a tool waits as long as it was told, and takes no more memory than it
//! needs.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use assert_cmd::assert::Assert;

use crate::common::raw::request;
use crate::common::{Sandbox, raw::Raw};

/// Every tool, and a way to use it.
const TOOLS: [&[&str]; 13] = [
    &["cfp-ls"],
    &["cfp-cat", ":f"],
    &["cfp-get", "f", "-o", "out"],
    &["cfp-get", "-c", "f", "-o", "out"],
    &["cfp-put", "f"],
    &["cfp-put", "-", "--as", "f"],
    &["cfp-mv", "f", "g"],
    &["cfp-cp", "f", "g"],
    &["cfp-rm", "f"],
    &["cfp-search", "w", "f"],
    &["cfp-replace", "--in-place", "a", "b", ":f"],
    &["cfp-reverse", ":f"],
    &["cfp-shell", "-c", "list"],
];

/// A server that answers each connection so, and keeps it open.
fn server(answer: impl Fn(&mut TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // It ends with the test program.
    thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, answer) = (client.unwrap(), answer.clone());
            thread::spawn(move || {
                answer(&mut client);
                let _ = client.read_to_end(&mut Vec::new());
            });
        }
    });
    address
}

fn run(sandbox: &Sandbox, argv: &[&str], server: &str) -> Assert {
    let quick = ["--timeout", "1", "--connect-timeout", "1", "-s", server];
    sandbox.feed(argv[0], argv[1..].iter().chain(&quick), "fed")
}

fn said(ended: &Assert) -> String {
    String::from_utf8_lossy(&ended.get_output().stderr).into_owned()
}

#[test]
fn a_body_that_stalls_ends_the_command_at_its_timeout() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let sandbox = Sandbox::new();
    let server = server(|client| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        client.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 10\r\n\r\n01234").unwrap();
    });
    let ended = run(&sandbox, &["cfp-get", "f", "-o", "out"], &server).code(3).stdout("");
    assert_eq!(said(&ended).lines().count(), 1, "{}", said(&ended));
    assert_eq!(ASKED.load(Ordering::Relaxed), 1, "it was retried");
    assert!(!sandbox.work().join("out").exists());
}

#[test]
fn no_tool_waits_for_ever_for_an_answer() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    let _unix = UnixListener::bind(sandbox.work().join("mute")).unwrap();
    let mute = server(|_| {});
    let unix = format!("unix:{}", sandbox.work().join("mute").display());
    let (plain, tls) = (format!("http://{mute}"), format!("https://{mute}"));
    let silent = "sent nothing for 1 s (--timeout)";
    thread::scope(|scope| {
        for (url, why) in
            [(&plain, silent), (&unix, silent), (&tls, "did not finish the TLS handshake in time")]
        {
            for argv in TOOLS {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    let ended = run(sandbox, argv, url).code(3);
                    assert!(said(&ended).contains(why), "{argv:?} {url}: {}", said(&ended));
                });
            }
        }
    });
    assert!(!sandbox.work().join("out").exists());
}

#[test]
fn an_answer_that_stops_is_not_waited_for_for_ever() {
    let sandbox = Sandbox::new();
    let stops = server(|client| {
        let mut head = [0; 4096];
        let _ = client.read(&mut head);
        client.write_all(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
    });
    let url = format!("http://{stops}");
    for argv in [&["cfp-cat", ":f"][..], &["cfp-get", "--retry", "0", "f", "-o", "out"], &["cfp-ls"]] {
        run(&sandbox, argv, &url).code(3);
    }
    assert!(!sandbox.work().join("out").exists());
}

#[test]
fn a_server_that_takes_no_body_is_given_up() {
    let sandbox = Sandbox::new();
    // More than the buffers of both sides hold.
    fs::File::create(sandbox.work().join("f")).unwrap().set_len(64 << 20).unwrap();
    let deaf = server(|_| thread::park());
    let url = format!("http://{deaf}");
    for argv in [&["cfp-put", "--retry", "0", "f"][..], &["cfp-search", "w", "f"]] {
        let ended = run(&sandbox, argv, &url).code(3);
        assert!(said(&ended).contains("--timeout"), "{argv:?}: {}", said(&ended));
    }
}

#[test]
fn a_wrong_number_of_seconds_is_wrong_use() {
    let sandbox = Sandbox::new();
    for wrong in ["0", "-1", "1.5", "x", ""] {
        sandbox.run("cfp-ls", ["--timeout", wrong]).code(2);
        sandbox.run("cfp-ls", ["--connect-timeout", wrong]).code(2);
    }
}

#[test]
fn a_line_that_never_ends_takes_no_memory() {
    let sandbox = Sandbox::new();
    let endless = server(|client| {
        let mut head = [0; 4096];
        let _ = client.read(&mut head);
        let kind = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
        let _ = client.write_all(format!("HTTP/1.1 200 OK\r\n{kind}\r\n").as_bytes());
        let chunk = ["10000\r\n", &"x".repeat(0x10000), "\r\n"].concat();
        while client.write_all(chunk.as_bytes()).is_ok() {}
    });
    for tool in ["cfp-ls", "cfp-ls -R", "cfp-search -r w :d", "cfp-shell -c list", "cfp-search w :f"] {
        let limited = format!("ulimit -v 400000; {tool} -s http://{endless} || exit $?");
        let ended = sandbox.sh(&limited).code(3);
        assert_eq!(said(&ended).lines().count(), 1, "{tool}: {}", said(&ended));
    }
}

#[test]
fn a_refusal_that_never_ends_is_read_no_further_than_it_is_wanted() {
    let sandbox = Sandbox::new();
    sandbox.write("f", "text");
    let endless = server(|client| {
        let mut head = [0; 4096];
        let _ = client.read(&mut head);
        let _ = client.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n");
        while client.write_all(&[b'x'; 0x10000]).is_ok() {}
    });
    for argv in [&["cfp-cat", ":f"][..], &["cfp-put", "f"], &["cfp-ls"]] {
        assert_ne!(run(&sandbox, argv, &format!("http://{endless}")).get_output().status.code(), Some(0));
    }
}

#[test]
fn who_asks_hears_that_the_daemon_works_and_nobody_else_does() {
    let sandbox = Sandbox::new();
    let put = |fields: &str| {
        request("PUT", "/f", &format!("Idempotency-Key: \"k\"\r\nContent-Length: 1\r\n{fields}"))
    };
    let (mut first, mut asks, mut other) = (sandbox.connect(), sandbox.connect(), sandbox.connect());
    first.send(put("Expect: 100-continue\r\n"));
    assert_eq!(first.head().status, 100);
    // Both wait for the first, whose body does not come.
    other.send([put("").as_bytes(), b"x"].concat());
    asks.send([put("Cfp-Progress: ?1\r\n").as_bytes(), b"x"].concat());
    assert_eq!(asks.head().status, 102);
    first.send("x");
    let created = |client: &mut Raw| client.answer_to("PUT").status == 201;
    assert!(created(&mut first) && created(&mut other));
    while asks.head().status != 201 {}
    assert_eq!(sandbox.stored("f"), b"x");
}
