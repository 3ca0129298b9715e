//! TLS on TCP: what the tools and curl do over it, whom they trust, what a new certificate changes, and what somebody
//! who speaks something else gets. The certificates are made by openssl.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::common::{HANG, Sandbox, need, raw};
use assert_cmd::assert::Assert;
use nix::sys::signal::Signal;
use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use tempfile::TempDir;

/// A folder with a certificate and its key.
pub struct Certificate {
    folder: TempDir,
}

impl Certificate {
    /// Of localhost; `None`, and said, where there is no openssl.
    pub fn new() -> Option<Self> {
        let certificate = Certificate { folder: tempfile::tempdir().unwrap() };
        certificate.make("DNS:localhost,IP:127.0.0.1").then_some(certificate)
    }

    /// Makes another one in its place; false where there is no openssl.
    fn make(&self, names: &str) -> bool {
        self.make_with(names, &["-addext", "basicConstraints=critical,CA:FALSE"])
    }

    fn make_with(&self, names: &str, options: &[&str]) -> bool {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "30", "-subj", "/CN=cfpd"]).args(options);
        command.arg("-addext").arg(format!("subjectAltName={names}"));
        command.arg("-keyout").arg(self.path("key.pem")).arg("-out").arg(self.path("cert.pem"));
        if !need::programs(&["openssl"]) {
            return false;
        }
        let made = command.output().unwrap();
        assert!(made.status.success(), "{made:?}");
        true
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn serve(&self, options: &[&str]) -> Sandbox {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let tls = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        let sandbox = Sandbox::with(&[&tls, options].concat());
        assert!(sandbox.url().starts_with("https://127.0.0.1:"), "{}", sandbox.url());
        sandbox
    }

    /// A tool that trusts this certificate as it was at first, with this on its standard input.
    fn feed(&self, sandbox: &Sandbox, program: &str, args: &[&str], input: impl Into<Vec<u8>>) -> Assert {
        trusting(sandbox, &self.path("cert.pem"), program, args, input)
    }

    fn run(&self, sandbox: &Sandbox, program: &str, args: &[&str]) -> Assert {
        self.feed(sandbox, program, args, "")
    }
}

fn trusting(
    sandbox: &Sandbox,
    certificate: &Path,
    program: &str,
    args: &[&str],
    input: impl Into<Vec<u8>>,
) -> Assert {
    let mut command = sandbox.command(program);
    command.arg("--cacert").arg(certificate).args(args);
    assert_cmd::Command::from_std(command).write_stdin(input).timeout(HANG).assert()
}

/// Asks the daemon for something until its log says this.
fn until_said(sandbox: &Sandbox, certificate: &Path, what: &str) {
    let end = Instant::now() + HANG;
    while !sandbox.log().contains(what) {
        assert!(Instant::now() < end, "{what:?} is never said");
        trusting(sandbox, certificate, "cfp-ls", &[], "");
    }
}

fn port(sandbox: &Sandbox) -> &str {
    sandbox.url().rsplit(':').next().unwrap()
}

#[test]
fn files_and_filters_go_over_tls_both_ways() {
    let Some(certificate) = Certificate::new() else { return };
    for options in [&[][..], &["--send-size", "1000"]] {
        let sandbox = certificate.serve(options);
        let text = "one lamp, another lamp and no other light\n".repeat(50_000);
        sandbox.write("f", &text);
        certificate.run(&sandbox, "cfp-put", &["f", "--as", "d/f"]).success();
        assert_eq!(sandbox.stored("d/f"), text.as_bytes());
        for coding in ["always", "never"] {
            let changed = text.replace("lamp", "torch");
            let replace = ["-z", coding, "lamp", "torch"];
            certificate
                .feed(&sandbox, "cfp-replace", &replace, text.as_str())
                .success()
                .stdout(changed.clone());
            let stored = [&replace[..], &[":d/f", ":d/f"]].concat();
            certificate.run(&sandbox, "cfp-replace", &stored).success().stdout(changed.repeat(2));
            certificate.run(&sandbox, "cfp-get", &["-z", coding, "d/f", "-o", "back"]).success();
            assert_eq!(fs::read_to_string(sandbox.work().join("back")).unwrap(), text);
        }
        certificate.run(&sandbox, "cfp-search", &["lamp", ":d/f", "f", ":d/f"]).success().stdout("300000\n");
        certificate.run(&sandbox, "cfp-ls", &["-R"]).success().stdout("d/\nd/f\n");
    }
}

#[test]
fn a_filter_answers_each_line_before_the_next_is_sent() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    sandbox.streams_both_ways(&["--cacert", certificate.path("cert.pem").to_str().unwrap()]);
}

#[test]
fn who_agrees_on_no_keys_is_a_line_in_the_log() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&["--header-timeout", "1"]);
    for (bytes, line) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], "cfpd: 127.0.0.1: refused with 400: TLS: "),
        (b"\x16\x03\x01", "cfpd: 127.0.0.1: refused with 408: TLS: the handshake took too long\n"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port(&sandbox).parse().unwrap())).unwrap();
        stream.write_all(bytes).unwrap();
        until_said(&sandbox, &certificate.path("cert.pem"), line);
    }
}

#[test]
fn curl_and_python_speak_it_too() {
    if !need::programs(&["curl", "python3"]) {
        return;
    }
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    let text = "word other\n".repeat(1_000_000);
    sandbox.write("f", &text);
    let curl = format!("curl -sS --cacert '{}'", certificate.path("cert.pem").display());
    sandbox.sh(&format!("{curl} -T f $CFP_SERVER/f; {curl} $CFP_SERVER/f | cmp - f")).success().stdout("");
    assert_eq!(sandbox.stored("f"), text.as_bytes());
    // It sends all before it reads: what waits for it lies on the disk, and all of it is sent in the end.
    let script = "import http.client, ssl, sys\n\
        context = ssl.create_default_context(cafile=sys.argv[1])\n\
        server = http.client.HTTPSConnection('127.0.0.1', int(sys.argv[2]), context=context)\n\
        server.request('POST', '/?replace=word&with=changed', body=open('f', 'rb').read())\n\
        sys.stdout.buffer.write(server.getresponse().read())\n";
    sandbox.write("client.py", script);
    let cert = certificate.path("cert.pem");
    sandbox
        .run("python3", ["client.py", cert.to_str().unwrap(), port(&sandbox)])
        .success()
        .stdout(text.replace("word", "changed"));
}

#[test]
fn the_end_of_an_answer_comes_to_who_reads_it_last() {
    if !need::programs(&["python3"]) {
        return;
    }
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    sandbox.write("f", "word other\n".repeat(800_000));
    // Everything is sent before anything is read, into a small buffer; HTTP/1.0 has no chunk that would show the end.
    let script = "import socket, ssl, sys\n\
        context = ssl.create_default_context(cafile=sys.argv[1])\n\
        plain = socket.socket()\n\
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)\n\
        plain.connect(('127.0.0.1', int(sys.argv[2])))\n\
        server = context.wrap_socket(plain, server_hostname='127.0.0.1')\n\
        body = open('f', 'rb').read()\n\
        server.sendall(b'POST /?replace=word&with=deed HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body))\n\
        server.sendall(body)\n\
        answer = b''\n\
        while block := server.recv(4096):\n    \
            answer += block\n\
        head, _, content = answer.partition(b'\\r\\n\\r\\n')\n\
        assert content == body.replace(b'word', b'deed'), (head, len(content), len(body))\n";
    sandbox.write("client.py", script);
    let cert = certificate.path("cert.pem");
    sandbox.run("python3", ["client.py", cert.to_str().unwrap(), port(&sandbox)]).success();
}

#[test]
fn who_is_not_trusted_is_sent_nothing() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    sandbox.write("f", "secret");
    let untrusted =
        |said: Assert| said.code(2).stdout("").stderr(contains("certificate").and(contains("\n").count(1)));
    untrusted(sandbox.run("cfp-put", ["f"]));
    // A certificate of another name.
    certificate.make("DNS:example.org");
    let other = certificate.serve(&[]);
    other.write("f", "secret");
    untrusted(certificate.run(&other, "cfp-put", &["f"])).stderr(contains("another name"));
    // Nor is one that another key has signed.
    untrusted(certificate.run(&sandbox, "cfp-put", &["f"]));
    assert!(sandbox.all_stored().is_empty() && other.all_stored().is_empty());
    // What is no certificate makes nobody trusted.
    trusting(&sandbox, &sandbox.work().join("f"), "cfp-ls", &[], "")
        .code(2)
        .stderr(contains("no certificate in PEM"));
}

/// What `openssl req -x509` makes when nothing else is said: a certificate of an authority, which signs itself.
#[test]
fn a_certificate_that_signs_itself_is_trusted_where_it_is_named() {
    let Some(certificate) = Certificate::new() else { return };
    let names = "DNS:localhost,IP:127.0.0.1";
    certificate.make_with(names, &[]);
    let sandbox = certificate.serve(&[]);
    sandbox.write("f", "text");
    certificate.run(&sandbox, "cfp-put", &["f"]).success();
    let by_name = format!("https://localhost:{}", port(&sandbox));
    certificate.run(&sandbox, "cfp-get", &["-s", &by_name, "f", "-o", "-"]).success().stdout("text");
    // Nobody else is: not who is not named, not with another key, not under another name.
    let of_authority = contains("not trusted: it is one of an authority, not of a server; --cacert");
    sandbox.run("cfp-put", ["f", "--as", "g"]).code(2).stderr(of_authority);
    certificate.make_with(names, &[]);
    certificate.run(&sandbox, "cfp-put", &["f", "--as", "g"]).code(2).stderr(contains("not trusted"));
    certificate.make_with("DNS:example.org", &[]);
    let other = certificate.serve(&[]);
    other.write("f", "text");
    certificate.run(&other, "cfp-put", &["f"]).code(2).stderr(contains("another name"));
    assert_eq!((sandbox.all_stored().len(), other.all_stored().len()), (1, 0));
}

#[test]
fn who_speaks_something_else_gets_nowhere() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    let plain = format!("http://127.0.0.1:{}", port(&sandbox));
    let unsecured = Sandbox::new();
    let secure = unsecured.url().replace("http:", "https:");
    sandbox.write("f", "");
    unsecured.write("f", "");
    for argv in [&["cfp-ls"][..], &["cfp-put", "f"], &["cfp-mv", "f", "g"], &["cfp-search", "w", ":f"]] {
        let (tool, rest) = (argv[0], &argv[1..]);
        let right = format!("{tool}: {plain}: speaks TLS: use https://127.0.0.1:{}\n", port(&sandbox));
        sandbox.run(tool, [rest, &["-s", &plain]].concat()).code(2).stderr(right);
        let right = format!("{tool}: {secure}: does not speak TLS: use {}\n", unsecured.url());
        unsecured.run(tool, [rest, &["-s", &secure]].concat()).code(2).stderr(right);
    }
    certificate.run(&sandbox, "cfp-put", &["f"]).success();
}

#[test]
fn an_agreement_that_does_not_come_is_given_up() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&["--header-timeout", "1", "--idle-timeout", "600"]);
    let address = sandbox.url().strip_prefix("https://").unwrap();
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"] {
        let mut client = raw::Raw::connect(address);
        client.send(begun);
        // No answer but an end, or an alert before it (RFC 8446 §5.1).
        let said = client.rest();
        assert!(said.is_empty() || said.starts_with(b"\x15"), "{}", said.escape_ascii());
    }
}

/// A record is decrypted with its last byte: a byte of it before restarts no time limit, neither that of the handshake, nor
/// that of an idle connection, nor that of a head.
#[test]
fn a_record_that_drips_is_cut_by_the_time_limit() {
    const SCRIPT: &str = r#"
import select, socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])

def drip(plain, record):
    try:
        for byte in record:
            if select.select([plain], [], [], 0.05)[0] and not plain.recv(1 << 16):
                return "cut"
            plain.send(bytes([byte]))
    except (ConnectionResetError, BrokenPipeError):
        return "cut"
    return "taken"

def client(begin, rest):
    plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(received, sent, server_hostname="localhost")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            if begin is None:
                return drip(plain, sent.read())
            plain.sendall(sent.read())
            received.write(plain.recv(1 << 16))
    if begin:
        tls.write(begin)
    plain.sendall(sent.read())
    tls.write(rest)
    return drip(plain, sent.read())

head = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
field = b"X: " + b"x" * 8000 + b"\r\n\r\n"
print(client(None, b""), client(b"", head + field), client(head, field))
"#;
    let Some(certificate) = Certificate::new().filter(|_| need::programs(&["python3"])) else { return };
    let sandbox = certificate.serve(&["--header-timeout", "1", "--idle-timeout", "1"]);
    let threads = || fs::read_dir(format!("/proc/{}/task", sandbox.pid())).unwrap().count();
    let before = threads();
    let authority = certificate.path("cert.pem");
    let arguments = ["-c", SCRIPT, port(&sandbox), authority.to_str().unwrap()];
    sandbox.run("python3", arguments).success().stdout("cut cut cut\n");
    let end = Instant::now() + HANG;
    // One or two wait for another connection: those that serve the requests made here.
    while threads() > before + 2 {
        assert!(Instant::now() < end, "{} threads, {before} at first", threads());
        certificate.run(&sandbox, "cfp-ls", &[]).success();
    }
}

#[test]
fn a_new_certificate_is_shown_after_hup_and_no_connection_is_dropped() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    let first = certificate.path("first.pem");
    fs::copy(certificate.path("cert.pem"), &first).unwrap();
    let mut shell = sandbox.command("cfp-shell");
    shell.arg("--cacert").arg(&first).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    let (mut commands, said) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    let mut said = BufReader::new(said).lines().map(Result::unwrap);
    writeln!(commands, "list").unwrap();
    said.find(|line| line == "There are no files.").unwrap();

    // A key that does not fit is told, and changes nothing.
    fs::write(certificate.path("key.pem"), "none").unwrap();
    sandbox.signal(Signal::SIGHUP);
    until_said(&sandbox, &first, "nothing was reloaded");
    trusting(&sandbox, &first, "cfp-ls", &[], "").success();

    certificate.make("DNS:localhost,IP:127.0.0.1");
    sandbox.signal(Signal::SIGHUP);
    until_said(&sandbox, &certificate.path("cert.pem"), "cfpd: reloaded");
    certificate.run(&sandbox, "cfp-ls", &[]).success();
    trusting(&sandbox, &first, "cfp-ls", &[], "").code(2);
    writeln!(commands, "list").unwrap();
    said.find(|line| line == "There are no files.").unwrap();
    drop(commands);
    assert!(shell.wait().unwrap().success());
}

#[test]
fn files_that_do_not_fit_are_refused_at_start() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = Sandbox::new();
    let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let other = Certificate::new().unwrap();
    let other = other.path("key.pem");
    let mismatch = format!("{}: is not the key of {cert}", other.display());
    let rows: [(&[&str], &str); 5] = [
        (&["--tls-cert", cert], "go together"),
        (&["--tls-cert", cert, "--tls-key", other.to_str().unwrap()], &mismatch),
        (&["--tls-cert", key, "--tls-key", key], "key.pem: holds no certificate in PEM"),
        (
            &["--tls-cert", cert, "--tls-key", cert],
            "cert.pem: holds no private key without a passphrase in PEM",
        ),
        (&["--tls-cert", "/nowhere", "--tls-key", key], "/nowhere: no such file or directory"),
    ];
    for (options, what) in rows {
        let all = [&["-r", ".", "-l", "127.0.0.1:0"], options].concat();
        sandbox.run("cfpd", all).code(2).stdout("").stderr(contains(what).and(contains("\n").count(1)));
    }
    // A check names both files.
    let check = ["--check", "-r", ".", "--tls-cert", "no-cert", "--tls-key", "no-key"];
    sandbox
        .run("cfpd", check)
        .code(2)
        .stderr("cfpd: no-cert: no such file or directory\ncfpd: no-key: no such file or directory\n");
}

/// An answer that ends with its connection has not ended where the file became shorter: neither TLS nor TCP says so.
#[test]
fn a_cut_answer_ends_without_a_close_notify() {
    const SCRIPT: &str = r#"
import os, socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
stream = context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
stream.sendall(b"GET /big?replace=one&with=two HTTP/1.0\r\n\r\n")
stream.recv(1000)
os.truncate(sys.argv[3], 1000)
try:
    while stream.recv(1 << 16):
        pass
    print("whole")
except (ConnectionResetError, ssl.SSLEOFError):
    print("cut")
"#;
    let Some(certificate) = Certificate::new().filter(|_| need::programs(&["python3"])) else { return };
    let sandbox = certificate.serve(&[]);
    let file = sandbox.keep("big", vec![b'x'; 64 << 20]);
    let authority = certificate.path("cert.pem");
    let arguments = ["-c", SCRIPT, port(&sandbox), authority.to_str().unwrap(), file.to_str().unwrap()];
    sandbox.run("python3", arguments).success().stdout("cut\n");
}

/// Whoever mixes up the schemes is told at once, in words that he can read.
#[test]
fn the_wrong_scheme_is_named_at_once_on_both_ports() {
    let unsecured = Sandbox::with(&["--header-timeout", "3600"]);
    let mut client = unsecured.connect();
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc");
    let answer = client.answer();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("use http://"), "{}", answer.text());
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&["--header-timeout", "3600"]);
    for request in
        ["GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), format!("PUT /{} HTTP/1.1\r\n", "a".repeat(9000))]
    {
        let mut client = raw::Raw::connect(&format!("127.0.0.1:{}", port(&sandbox)));
        client.send(request);
        let answer = client.answer();
        assert_eq!((answer.status, answer.field("connection")), (400, "close"));
        assert!(answer.text().contains("use https://"), "{}", answer.text());
    }
}

#[test]
fn a_client_that_speaks_no_protocol_of_ours_is_told_by_an_alert() {
    let Some(certificate) = Certificate::new() else { return };
    let sandbox = certificate.serve(&[]);
    for version in ["-tls1_3", "-tls1_2"] {
        let connect = format!("127.0.0.1:{}", port(&sandbox));
        let arguments = ["s_client", "-connect", &connect, version, "-alpn", "h2"];
        let said = sandbox.run("openssl", arguments);
        let stderr = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
        assert!(stderr.contains("no application protocol"), "{version}: {stderr}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_named_with_what_can() {
    let keys: [&[&str]; 2] =
        [&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"], &["-newkey", "rsa:1024"]];
    for newkey in keys {
        let Some(certificate) = Certificate::new() else { return };
        let (cert, key) = (certificate.path("cert.pem"), certificate.path("key.pem"));
        let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
        let mut command = Command::new("openssl");
        command.args([
            "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=cfpd", "-keyout", key, "-out", cert,
        ]);
        assert!(command.args(newkey).output().unwrap().status.success());
        let sandbox = Sandbox::new();
        for check in [&[][..], &["--check"]] {
            let all =
                [&["-r", ".", "-l", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key], check].concat();
            let said =
                sandbox.run("cfpd", all).stdout("").stderr(contains("key.pem: ").and(contains("P-256")));
            assert_ne!(said.get_output().status.code(), Some(0));
        }
    }
}

#[test]
fn browsers_are_told_of_tls_alone_where_it_is_asked_for() {
    let Some(certificate) = Certificate::new().filter(|_| need::programs(&["curl"])) else { return };
    let sandbox = certificate.serve(&["--hsts", "31536000"]);
    let url = format!("https://localhost:{}/", port(&sandbox));
    let authority = certificate.path("cert.pem");
    let shown = [
        "-sS",
        "--cacert",
        authority.to_str().unwrap(),
        "-o",
        "/dev/null",
        "-w",
        "%header{strict-transport-security}",
    ];
    sandbox.run("curl", shown.iter().copied().chain([url.as_str()])).success().stdout("max-age=31536000");
    sandbox.run("cfpd", ["--hsts", "1"]).code(2).stderr(contains("--tls-cert"));
}

#[test]
fn over_tls_an_upload_is_gone_on_with_at_its_url() {
    let Some(certificate) = Certificate::new().filter(|_| need::programs(&["curl"])) else { return };
    if !need::attributes() {
        return;
    }
    let sandbox = certificate.serve(&[]);
    let url = format!("https://localhost:{}", port(&sandbox));
    let curl = format!("curl -sS --cacert '{}'", certificate.path("cert.pem").display());
    let begin = format!("{curl} -T - -H 'Upload-Complete: ?0' -w '%header{{location}}' {url}/f");
    let begun = sandbox.sh(&format!("printf 'One ' | {begin} | tee place")).success();
    let place = String::from_utf8(begun.get_output().stdout.clone()).unwrap();
    assert!(place.starts_with(&format!("{url}/.cfpd/uploads/")), "{place}");
    let fields =
        "-H 'Content-Type: application/partial-upload' -H 'Upload-Complete: ?1' -H 'Upload-Offset: 4'";
    sandbox
        .sh(&format!(r#"{curl} -X PATCH {fields} -d lamp "$(cat place)"; {curl} {url}/f"#))
        .stdout("One lamp");
}
