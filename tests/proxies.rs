//! cfpd behind nginx and behind haproxy, with the configurations of contrib/: files both ways, names that change, and a
//! filter whose answer flows while its input still comes. Each proxy listens on a Unix socket, so that no port is taken.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::common::raw::request;
use crate::common::watch::Watch;
use crate::common::{Sandbox, need};
use assert_cmd::assert::Assert;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::str::contains;

/// From this size on an upload can be gone on with.
const LARGE: usize = 9 << 20;

/// How a proxy is started on its part of contrib/. Both end their first process when they have bound.
pub struct Kind {
    pub program: &'static str,
    contrib: &'static str,
    /// The listener there, and what stands in its place here.
    listen: [&'static str; 2],
    /// The addresses there of the servers, for each of which the one of the test stands here.
    servers: &'static [&'static str],
    /// What Debian's own configuration has around it.
    around: [&'static str; 2],
    options: &'static str,
}

pub const NGINX: Kind = Kind {
    program: "nginx",
    contrib: "nginx.conf",
    listen: ["listen 80;", "listen unix:SOCKET;"],
    servers: &["127.0.0.1:8398"],
    around: [
        "pid pid; error_log error.log; events {} http { access_log off; client_body_temp_path b;\n\
         proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n",
        "}",
    ],
    options: "-p . -e error.log -c conf",
};

pub const HAPROXY: Kind = Kind {
    program: "haproxy",
    contrib: "haproxy.cfg",
    listen: ["bind :80", "bind unix@SOCKET"],
    servers: &["192.0.2.11:8398", "192.0.2.12:8398", "192.0.2.13:8398"],
    around: ["global\n    maxconn 100\n", ""],
    options: "-D -p pid -f conf",
};

/// A proxy in front of a sandbox; ended with the test.
pub struct Proxy {
    pub sandbox: Sandbox,
    url: String,
}

impl Proxy {
    /// `None`, and said, where the proxy is not here.
    fn start(kind: &Kind) -> Option<Self> {
        Self::start_on(kind, None, &[])
    }

    /// The same on a TCP address, in front of a daemon with these options.
    fn start_on(kind: &Kind, address: Option<&str>, options: &[&str]) -> Option<Self> {
        need::programs(&[kind.program]).then(|| Self::before(Sandbox::with(options), kind, address))
    }

    /// A proxy that is installed, in front of this daemon, on a TCP address or on a Unix socket.
    pub fn before(sandbox: Sandbox, kind: &Kind, address: Option<&str>) -> Self {
        let program = Path::new("/usr/sbin").join(kind.program);
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(kind.contrib);
        let ours = fs::read_to_string(ours).unwrap();
        let ([listen, on_socket], [before, behind]) = (kind.listen, kind.around);
        for replaced in kind.servers.iter().chain([&listen]) {
            assert_eq!(ours.matches(replaced).count(), 1, "{replaced}");
        }
        let socket = sandbox.work().join("proxy.sock");
        let on_unix = on_socket.replace("SOCKET", socket.to_str().unwrap());
        let on_tcp =
            |address: &str| format!("{}{}", listen.trim_end_matches("80;").trim_end_matches(":80"), address);
        let end = if listen.ends_with(';') { ";" } else { "" };
        let on_socket = address.map_or(on_unix, |address| on_tcp(address) + end);
        let to_sandbox = |text: String, server: &&str| text.replace(server, sandbox.address());
        let here = kind.servers.iter().fold(ours.replace(listen, &on_socket), to_sandbox);
        sandbox.write("conf", format!("{before}{here}{behind}"));
        sandbox.sh(&format!("{} {}", program.display(), kind.options)).success();
        let url = address.map_or(format!("unix:{}", socket.display()), |address| format!("http://{address}"));
        Proxy { url, sandbox }
    }

    /// Runs a tool that asks the proxy.
    fn run(&self, program: &str, args: &[&str]) -> Assert {
        self.sandbox.run(program, [&["-s", &self.url], args].concat())
    }

    /// What a client does, in one and the same way behind each proxy.
    fn serves(&self) {
        let content: Vec<u8> = (0..LARGE).map(|at| (at % 251) as u8).collect();
        self.sandbox.write("large", &content);
        self.run("cfp-put", &["large", "--as", "a new/direc tory/100% ä"]).success();
        assert_eq!(self.sandbox.stored("a new/direc tory/100% ä"), content);
        self.run("cfp-get", &["a new/direc tory/100% ä", "-o", "again"]).success();
        assert_eq!(fs::read(self.sandbox.work().join("again")).unwrap(), content);
        self.run("cfp-cp", &["a new/direc tory/100% ä", "copied & so"]).success();
        self.run("cfp-mv", &["copied & so", "renamed"]).success();
        self.run("cfp-ls", &[]).success().stdout("a new/\nrenamed\n");
        assert_eq!(self.sandbox.stored("renamed"), content);
        self.run("cfp-rm", &["-r", "a new"]).success();
        self.run("cfp-get", &["a new"]).code(2);
        self.sandbox
            .feed("cfp-put", ["-s", &self.url, "-", "--as", "piped"], "of no known length\n")
            .success();
        self.run("cfp-search", &["known", ":piped"]).success().stdout("1\n");
    }

    /// A line goes through, its answer comes back, and only then the next goes.
    fn streams_both_ways(&self) {
        self.sandbox.streams_both_ways(&["-s", &self.url]);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.sandbox.work().join("pid")).unwrap_or_default();
        if let Ok(pid) = pid.trim().parse() {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }
}

#[test]
fn behind_nginx_files_go_both_ways_and_names_change() {
    if let Some(proxy) = Proxy::start(&NGINX) {
        proxy.serves();
    }
}

#[test]
fn behind_nginx_a_filter_answers_each_line_as_it_comes() {
    if let Some(proxy) = Proxy::start(&NGINX) {
        proxy.streams_both_ways();
    }
}

#[test]
fn behind_haproxy_files_go_both_ways_and_names_change() {
    if let Some(proxy) = Proxy::start(&HAPROXY) {
        proxy.serves();
    }
}

#[test]
fn behind_haproxy_a_filter_answers_each_line_as_it_comes() {
    if let Some(proxy) = Proxy::start(&HAPROXY) {
        proxy.streams_both_ways();
    }
}

/// What operating.md says of the two: who passes 104 on, with which an upload can be gone on with, and who trailers.
#[test]
fn haproxy_passes_interim_answers_and_trailers_on_and_nginx_neither() {
    if !need::attributes() {
        return;
    }
    for (kind, passes, status) in [(NGINX, false, "201"), (HAPROXY, true, "400")] {
        let Some(proxy) = Proxy::start(&kind) else { continue };
        proxy.sandbox.write("large", vec![0; LARGE]);
        let put = proxy.run("cfp-put", &["-v", "large"]).success();
        let said = String::from_utf8_lossy(&put.get_output().stderr).into_owned();
        assert_eq!(said.contains("< 104 "), passes, "{}: {said}", kind.program);
        let wrong = format!("Repr-Digest: sha-256=:{}=:", "A".repeat(43));
        let request = format!(
            "PUT /damaged HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: Repr-Digest\r\n\
             Connection: close\r\n\r\n4\r\ntext\r\n0\r\n{wrong}\r\n\r\n"
        );
        let mut socket = UnixStream::connect(proxy.url.trim_start_matches("unix:")).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{}: {answer}", kind.program);
    }
}

#[test]
fn behind_a_proxy_an_upload_that_is_refused_says_why() {
    for proxy in [NGINX, HAPROXY].iter().filter_map(Proxy::start) {
        proxy.sandbox.keep("there.txt", "old");
        proxy.sandbox.write("there.txt", "new");
        proxy.run("cfp-put", &["-n", "there.txt"]).code(1);
        proxy.run("cfp-get", &["missing.txt"]).code(2).stderr(contains("missing.txt"));
        assert_eq!(proxy.sandbox.stored("there.txt"), b"old");
    }
}

/// An address of this machine that nobody else listens on: loopback has millions.
pub fn own_address(number: u8) -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    format!("127.{}.{high}.{low}:8398", 100 + number)
}

#[test]
fn behind_a_trusted_proxy_the_log_names_the_client() {
    if !need::programs(&["curl"]) {
        return;
    }
    for (number, kind) in [NGINX, HAPROXY].iter().enumerate() {
        let address = own_address(number.try_into().unwrap());
        let options = ["--trusted-proxy", "127.0.0.0/24", "--log", "log"];
        let Some(proxy) = Proxy::start_on(kind, Some(&address), &options) else { continue };
        proxy.sandbox.keep("f", "text");
        let target = format!("{}/f?{}", proxy.url, kind.program);
        for forged in ["X-Forwarded-For: 198.51.100.1", "Forwarded: for=198.51.100.1"] {
            let curl = ["-sf", "--noproxy", "*", "--interface", "127.1.2.3", "-H", forged, &target];
            proxy.sandbox.run("curl", curl).success().stdout("text");
        }
        Watch::new(&proxy.sandbox).until_log("log", |log| log.matches(kind.program).count() >= 2);
        let log = fs::read_to_string(proxy.sandbox.work().join("log")).unwrap();
        let ours: Vec<_> = log.lines().filter(|line| line.contains(kind.program)).collect();
        assert!(ours.iter().all(|line| line.starts_with("127.1.2.3 - - ")), "{}: {log}", kind.program);
    }
}

#[test]
fn a_client_behind_a_trusted_proxy_is_limited_by_its_own_address() {
    let sandbox =
        Sandbox::with(&["--trusted-proxy", "127.0.0.1/32", "--max-per-address", "2", "--log", "log"]);
    let put = |name: &str, client: &str| {
        let fields = format!("X-Forwarded-For: {client}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n");
        let mut raw = sandbox.connect();
        raw.send(request("PUT", name, &fields));
        raw
    };
    let mut begun = ["/a", "/b"].map(|name| put(name, "203.0.113.7"));
    for raw in &mut begun {
        assert_eq!(raw.line(), b"HTTP/1.1 100 Continue\r\n");
        assert_eq!(raw.line(), b"\r\n");
    }
    let refused = put("/c", "203.0.113.7").answer_to("PUT");
    assert_eq!((refused.status, refused.field("retry-after")), (503, "1"));
    assert_eq!(put("/d", "203.0.113.8").line(), b"HTTP/1.1 100 Continue\r\n");
    for mut raw in begun {
        raw.send("x");
        assert_eq!(raw.answer_to("PUT").status, 201);
    }
    let mut raw = put("/c", "203.0.113.7");
    assert_eq!(raw.line(), b"HTTP/1.1 100 Continue\r\n");
    let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
    let line = "\"refused: connection: all connections of this address are taken\"";
    assert!(log.lines().any(|found| found.starts_with("203.0.113.7 ") && found.ends_with(line)), "{log}");
}

#[test]
fn what_a_client_claims_of_itself_is_not_believed() {
    let claim = "X-Forwarded-For: 203.0.113.7\r\n";
    for (trusted, peer) in [("192.0.2.0/24", "127.0.0.1"), ("127.0.0.1", "203.0.113.7")] {
        let sandbox = Sandbox::with(&["--trusted-proxy", trusted, "--log", "log"]);
        let mut raw = sandbox.connect();
        assert_eq!(raw.ask(request("GET", "/f", claim)).status, 404);
        let both = format!("{claim}Forwarded: for=198.51.100.1\r\n");
        let status = if trusted == "127.0.0.1" { 400 } else { 404 };
        assert_eq!(raw.ask(request("GET", "/f", &both)).status, status);
        let log = fs::read_to_string(sandbox.work().join("log")).unwrap();
        assert!(log.starts_with(&format!("{peer} - - ")), "{log}");
    }
}
