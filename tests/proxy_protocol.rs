//! The PROXY protocol: a trusted proxy that does not speak HTTP names its client before the first request, before TLS too.
//! Headers are sent by hand, and by haproxy and nginx.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use crate::common::raw::request;
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};
use crate::tls::Certificate;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const TEXT: &[u8] = b"PROXY TCP4 203.0.113.7 198.51.100.1 4711 80\r\n";
const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

/// Version 2 with a value behind the addresses, as haproxy sends them.
fn binary_of_client() -> Vec<u8> {
    let addresses = [203, 0, 113, 7, 198, 51, 100, 1, 0x12, 0x67, 0, 80];
    binary(0x21, 0x11, &[&addresses[..], &[0x03, 0, 4, 1, 2, 3, 4]].concat())
}

fn of_local() -> Vec<u8> {
    binary(0x20, 0, b"")
}

/// Who the log says sent a request of this target.
fn logged(sandbox: &Sandbox, target: &str) -> String {
    let part = format!("GET {target} ");
    Watch::new(sandbox).until_log("log", |log| log.lines().any(|line| line.contains(&part)));
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    let line = log.lines().find(|line| line.contains(&part)).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

#[test]
fn a_header_is_believed_from_a_trusted_proxy_and_nobody_else() {
    let v6 = [&[0x20, 1, 0x0d, 0xb8][..], &[0; 11], &[7], &[0; 16], &[0x12, 0x67, 0, 80]].concat();
    let of_trusted = b"PROXY TCP4 192.0.2.9 198.51.100.1 4711 80\r\n";
    let forwarded = "X-Forwarded-For: 198.51.100.9\r\n";
    let rows: [(&[u8], &str, &str); 10] = [
        (b"", "", "127.0.0.1"),
        (TEXT, "", "203.0.113.7"),
        (&binary_of_client(), "", "203.0.113.7"),
        (&binary(0x21, 0x21, &v6), "", "2001:db8::7"),
        (UNKNOWN, "", "127.0.0.1"),
        (&of_local(), "", "127.0.0.1"),
        (&binary(0x21, 0x31, &[b'/'; 216]), "", "127.0.0.1"),
        // These fields are the client's own, unless it is a proxy itself.
        (TEXT, forwarded, "203.0.113.7"),
        (UNKNOWN, forwarded, "127.0.0.1"),
        (of_trusted, forwarded, "198.51.100.9"),
    ];
    let trusting = ["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "192.0.2.0/24", "--log", "log"];
    let sandbox = Sandbox::with(&trusting);
    for (number, (header, fields, client)) in rows.iter().enumerate() {
        let mut raw = sandbox.connect();
        raw.send([header, request("GET", &format!("/{number}"), fields).as_bytes()].concat());
        assert_eq!(raw.answer().status, 404, "{}", header.escape_ascii());
        // The connection stays that client's.
        assert_eq!(raw.ask(request("GET", &format!("/again-{number}"), fields)).status, 404);
        for target in [format!("/{number}"), format!("/again-{number}")] {
            assert_eq!(logged(&sandbox, &target), *client, "{}", header.escape_ascii());
        }
    }

    let sandbox = Sandbox::with(&["--trusted-proxy", "192.0.2.0/24", "--log", "log"]);
    for header in [TEXT, &binary_of_client()] {
        let mut raw = sandbox.connect();
        raw.send([header, request("GET", "/f", "").as_bytes()].concat());
        assert_eq!(raw.answer().status, 400, "{}", header.escape_ascii());
    }
}

#[test]
fn a_header_may_be_cut_anywhere() {
    let sandbox = Sandbox::with(&["--trusted-proxy", "127.0.0.1", "--log", "log"]);
    for (version, header) in [TEXT, &binary_of_client()].into_iter().enumerate() {
        let whole = [header, b"GET /f HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        let mut connections: Vec<_> = (1..header.len() + 2).map(|cut| (cut, sandbox.connect())).collect();
        for (cut, raw) in &mut connections {
            raw.send(&whole[..*cut]);
        }
        for (cut, raw) in &mut connections {
            raw.send(&whole[*cut..]);
            assert_eq!(raw.answer().status, 404, "version {} cut at {cut}", version + 1);
        }
    }
    // A request may begin as a header does.
    for (begun, rest) in [("P", "UT /g"), ("PRO", "PFIND2 /g"), ("PROX", "IED /g"), ("\r", "\nGET /h")] {
        let mut raw = sandbox.connect();
        raw.send(begun);
        raw.send(format!("{rest} HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"));
        assert!([201, 404, 501].contains(&raw.answer().status), "{begun}");
    }
    let expected = TEXT.len() + binary_of_client().len() + 2;
    let of_client = |log: &str| log.lines().filter(|line| line.starts_with("203.0.113.7 ")).count();
    Watch::new(&sandbox).until_log("log", |log| of_client(log) == expected);
}

#[test]
fn a_malformed_header_closes_the_connection_with_a_line_in_the_log() {
    let sandbox = Sandbox::with(&["--trusted-proxy", "127.0.0.1", "--header-timeout", "1", "--log", "log"]);
    let long = [b"PROXY ".as_slice(), &[b'x'; 200]].concat();
    let rows: [(&[u8], &str); 9] = [
        (b"PROXY TCP4 203.0.113.7 198.51.100.1 4711\r\n", "names no client as version 1 does"),
        (b"PROXY TCP4 203.0.113.300 198.51.100.1 1 2\r\n", "has an address or a port that is none"),
        (b"PROXY UDP4 203.0.113.7 198.51.100.1 1 2\r\n", "is neither of TCP4, of TCP6 nor UNKNOWN"),
        (&long, "has no end of its line"),
        (&binary(0x31, 0x11, &[0; 12]), "has a version or a command that is unknown"),
        (&binary(0x21, 0x11, &[0; 11]), "has another length than its addresses"),
        (&binary(0x21, 0x11, &[0; 521]), "is too long"),
        // Nothing follows.
        (b"PROXY TCP4 203", "did not come in time"),
        (&SIGNATURE[..7], "did not come in time"),
    ];
    for (header, said) in rows {
        let mut raw = sandbox.connect();
        raw.send(header);
        assert_eq!(raw.rest(), b"", "{}", header.escape_ascii());
        let line = format!("refused: PROXY header: {said}");
        Watch::new(&sandbox).until_log("log", |log| log.contains(&line));
    }
    // One that ends in the middle is no matter for the log.
    let mut raw = sandbox.connect();
    raw.send(&TEXT[..9]);
    raw.end();
    assert_eq!(raw.rest(), b"");
    assert_eq!(sandbox.connect().ask(request("GET", "/f", "")).status, 404);
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    assert_eq!(log.matches("refused: ").count(), 9, "{log}");
}

#[test]
fn the_connections_of_a_client_that_a_header_names_are_limited() {
    let sandbox = Sandbox::with(&["--trusted-proxy", "127.0.0.1", "--max-per-address", "2", "--log", "log"]);
    let connect = |header: &[u8]| {
        let mut raw = sandbox.connect();
        raw.send([header, request("GET", "/f", "").as_bytes()].concat());
        let status = raw.answer().status;
        (raw, status)
    };
    let (first, second) = (connect(TEXT), connect(&binary_of_client()));
    assert_eq!((first.1, second.1), (404, 404));
    assert_eq!(connect(TEXT).1, 503);
    assert_eq!(connect(b"PROXY TCP4 203.0.113.8 198.51.100.1 4711 80\r\n").1, 404);
    assert_eq!(connect(b"").1, 404);
    drop(first);
    while connect(TEXT).1 == 503 {}
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    let line = "\"refused: connection: all connections of this address are taken\"";
    assert!(log.lines().any(|found| found.starts_with("203.0.113.7 ") && found.ends_with(line)), "{log}");
}

#[test]
fn a_client_that_a_header_names_never_has_the_rights_of_a_local_user() {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
    let options = ["--listen", "unix:s", "--trusted-proxy", "unix:", "--access", "access", "--log", "log"];
    let sandbox = Sandbox::prepared(&options, |root| {
        let rules = format!("allow all local:{user} /\nallow read * /pub/\n");
        fs::write(root.with_file_name("work").join("access"), rules).unwrap();
    });
    sandbox.keep("f", "text");
    sandbox.keep("pub/f", "text");
    let status = |header: &[u8], name: &str| {
        let mut socket = UnixStream::connect(sandbox.work().join("s")).unwrap();
        let request = format!("GET {name} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        socket.write_all(&[header, request.as_bytes()].concat()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status(b"", "/f"), "200");
    for header in [TEXT, UNKNOWN, &binary_of_client(), &of_local(), &binary(0x21, 0x31, &[0; 216])] {
        assert_eq!(status(header, "/f"), "403", "{}", header.escape_ascii());
        assert_eq!(status(header, "/pub/f"), "200", "{}", header.escape_ascii());
    }
}

/// An address of this machine that nobody else listens on: loopback has millions.
fn own_address(number: u8) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{high}.{low}:8398", 120 + number)
}

/// Ends a proxy by its id.
struct Ended<'a>(&'a Sandbox);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.0.work().join("pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

/// Starts a proxy that passes bytes on, and asks cfpd for a file through it: the log names who asked.
fn names_the_client(sandbox: &Sandbox, program: &str, options: &str, conf: &str, from: &str, curl: &[&str]) {
    sandbox.keep("f", "text");
    let address = from.strip_prefix("https://").unwrap_or(from);
    let conf = conf.replace("LISTEN", address).replace("SERVER", sandbox.url().rsplit('/').next().unwrap());
    sandbox.write("conf", &conf);
    sandbox.sh(&format!("{program} {options}")).success();
    let _ended = Ended(sandbox);
    let url = if from.starts_with("https:") { format!("{from}/f") } else { format!("http://{from}/f") };
    let all = [curl, &["-sf", "--noproxy", "*", "--interface", "127.1.2.3", &url]].concat();
    sandbox.run("curl", &all).success().stdout("text");
    sandbox.sh("until grep -q 'GET /f ' log; do :; done").success();
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    let line = log.lines().find(|line| line.contains("GET /f ")).unwrap();
    assert!(line.starts_with("127.1.2.3 - - "), "{conf}: {log}");
}

const HAPROXY: &str = "defaults\n    mode tcp\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
    listen cfpd\n    bind LISTEN\n    server cfpd SERVER check ";
const NGINX: &str = "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\npid pid; error_log error.log; events {}\n\
    stream { server { listen LISTEN; proxy_pass SERVER; proxy_protocol on; } }\n";
const TRUSTING: [&str; 4] = ["--trusted-proxy", "127.0.0.0/24", "--log", "log"];

#[test]
fn behind_haproxy_and_nginx_that_speak_no_http_the_log_names_the_client() {
    if !need::programs(&["curl"]) {
        return;
    }
    if need::programs(&["haproxy"]) {
        for (number, version) in [(0, "send-proxy\n"), (1, "send-proxy-v2\n")] {
            let (sandbox, conf) = (Sandbox::with(&TRUSTING), HAPROXY.to_owned() + version);
            let options = "-D -p pid -f conf";
            names_the_client(&sandbox, "/usr/sbin/haproxy", options, &conf, &own_address(number), &[]);
        }
        // TLS is of cfpd: the header comes before it.
        if let Some(certificate) = Certificate::new() {
            let (sandbox, trusted) = (certificate.serve(&TRUSTING), certificate.path("cert.pem"));
            let conf = HAPROXY.to_owned() + "send-proxy-v2\n";
            let from = format!("https://{}", own_address(2));
            // It is of localhost, which this address is not.
            let curl = ["--insecure", "--cacert", trusted.to_str().unwrap()];
            names_the_client(&sandbox, "/usr/sbin/haproxy", "-D -p pid -f conf", &conf, &from, &curl);
        }
    }
    if need::programs(&["nginx", "/usr/lib/nginx/modules/ngx_stream_module.so"]) {
        let sandbox = Sandbox::with(&TRUSTING);
        names_the_client(
            &sandbox,
            "/usr/sbin/nginx",
            "-p . -e error.log -c conf",
            NGINX,
            &own_address(3),
            &[],
        );
    }
}
