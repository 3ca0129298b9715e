//! TERM while transfers run, one or many: they end whole within the grace; without one they are cut, and nothing half
//! is there.

use std::io::Read;
use std::thread;

use cfp::http::Framing;
use nix::sys::signal::Signal;

use super::place::{files_beneath, text, wait_for_files, wait_until};
use crate::common::Sandbox;
use crate::common::client::{Client, head};

/// More than the buffers of two sockets hold.
const LARGE: usize = 32 << 20;

/// A daemon with a download and an upload half way.
fn half_way(options: &[&str]) -> (Sandbox, Client, Client) {
    let sandbox = Sandbox::with(options);
    sandbox.keep("large", text(1, LARGE));
    sandbox.keep("old", "the old file");
    let mut download = Client::connect(sandbox.address()).unwrap();
    download.send(&head("GET", "/large", &[])).unwrap();
    assert_eq!(download.head().unwrap().status, 200);
    let mut upload = Client::connect(sandbox.address()).unwrap();
    upload.send(&head("PUT", "/old", &[("Content-Length", "600000")])).unwrap();
    upload.send(&text(2, 600_000)[..300_000]).unwrap();
    wait_until(&sandbox, "the upload", || files_beneath(&sandbox.root()).len() == 3);
    (sandbox, download, upload)
}

#[test]
fn a_term_lets_transfers_end_whole_within_their_grace() {
    let (mut sandbox, mut download, mut upload) = half_way(&["--grace", "100"]);
    sandbox.signal(Signal::SIGTERM);
    // It listens no more, and so has begun to end.
    sandbox.until_nobody_is_let_in();
    let mut content = Vec::new();
    download.body(Framing::Length(LARGE as u64)).read_to_end(&mut content).unwrap();
    assert!(content == text(1, LARGE));
    upload.send(&text(2, 600_000)[300_000..]).unwrap();
    let answer = upload.answer("PUT").unwrap();
    assert_eq!((answer.status, answer.field("connection")), (204, "close"));
    assert!(sandbox.wait().success());
    assert_eq!(files_beneath(&sandbox.root()), ["large", "old"]);
    assert_eq!(std::fs::read(sandbox.root().join("old")).unwrap(), text(2, 600_000));
}

#[test]
fn a_term_without_grace_cuts_and_leaves_the_old_file() {
    let (mut sandbox, mut download, mut upload) = half_way(&["--grace", "0"]);
    sandbox.signal(Signal::SIGTERM);
    assert!(sandbox.wait().success());
    let mut content = Vec::new();
    assert!(download.body(Framing::Length(LARGE as u64)).read_to_end(&mut content).is_err());
    assert!(text(1, LARGE).starts_with(&content) && content.len() < LARGE);
    assert!(upload.answer("PUT").is_err());
    assert!(sandbox.log().contains("were cut at the end of their grace"), "{}", sandbox.log());
    sandbox.restart(&[]);
    wait_for_files(&sandbox, &["large", "old"]);
    assert_eq!(std::fs::read(sandbox.root().join("old")).unwrap(), b"the old file");
}

#[test]
fn a_second_term_ends_the_grace() {
    let (mut sandbox, _download, _upload) = half_way(&["--grace", "100000"]);
    sandbox.signal(Signal::SIGTERM);
    sandbox.until_nobody_is_let_in();
    sandbox.signal(Signal::SIGTERM);
    assert!(sandbox.wait().success());
}

/// How many clients of each of the four kinds.
const OF_EACH: usize = 16;

/// A client in the middle of an exchange.
struct Busy {
    client: Client,
    kind: usize,
    number: usize,
}

impl Busy {
    const KINDS: [&str; 4] = ["a download", "a filtered download", "an upload", "a filtered body"];
    /// What is sent of a body in the beginning, and in all.
    const HALF: usize = 300_000;

    /// A client that has begun; the daemon has begun too where an answer can have begun.
    fn begin(sandbox: &Sandbox, kind: usize, number: usize) -> Self {
        let mut client = Client::connect(sandbox.address()).unwrap();
        let length = (2 * Self::HALF).to_string();
        let with_length = [("Content-Length", length.as_str())];
        let request = match kind {
            0 => head("GET", "/large", &[]),
            1 => head("GET", "/large?replace=text&with=word", &[]),
            2 => head("PUT", &format!("/new{number}"), &with_length),
            _ => head("POST", "/?replace=text&with=word", &with_length),
        };
        client.send(&request).unwrap();
        if kind >= 2 {
            client.send(&Self::body(number)[..Self::HALF]).unwrap();
        }
        if kind != 2 {
            assert_eq!(client.head().unwrap().status, 200);
        }
        Busy { client, kind, number }
    }

    fn body(number: usize) -> Vec<u8> {
        text(number as u64, 2 * Self::HALF)
    }

    /// Goes on to the end, which must be that of a whole exchange.
    fn end(mut self) {
        let rest = Self::body(self.number).split_off(Self::HALF);
        let changed =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replacen("text", "word", 1).into_bytes();
        let (framing, expected) = match self.kind {
            0 => (Framing::Length(LARGE as u64), text(1, LARGE)),
            1 => (Framing::Chunked, changed(text(1, LARGE))),
            2 => {
                self.client.send(&rest).unwrap();
                let answer = self.client.answer("PUT").unwrap();
                assert_eq!((answer.status, answer.field("connection")), (201, "close"));
                return;
            }
            _ => {
                self.client.send(&rest).unwrap();
                (Framing::Chunked, changed(Self::body(self.number)))
            }
        };
        let mut content = Vec::new();
        self.client.body(framing).read_to_end(&mut content).unwrap();
        assert!(content == expected, "{} came out as another", Self::KINDS[self.kind]);
    }
}

#[test]
fn a_term_under_64_busy_connections_cuts_none_and_takes_no_more() {
    let mut sandbox = Sandbox::with(&["--grace", "100"]);
    sandbox.keep("large", text(1, LARGE));
    let kinds = (0..Busy::KINDS.len()).flat_map(|kind| (0..OF_EACH).map(move |number| (kind, number)));
    let busy: Vec<_> = kinds.map(|(kind, number)| Busy::begin(&sandbox, kind, number)).collect();
    assert_eq!(busy.len(), 64);
    wait_until(&sandbox, "all uploads", || files_beneath(&sandbox.root()).len() == 1 + OF_EACH);
    sandbox.signal(Signal::SIGTERM);
    sandbox.until_nobody_is_let_in();
    thread::scope(|scope| busy.into_iter().for_each(|busy| drop(scope.spawn(|| busy.end()))));
    assert!(sandbox.wait().success());
    assert!(!sandbox.log().contains("were cut"), "{}", sandbox.log());
    for number in 0..OF_EACH {
        assert!(std::fs::read(sandbox.root().join(format!("new{number}"))).unwrap() == Busy::body(number));
    }
    assert_eq!(files_beneath(&sandbox.root()).len(), 1 + OF_EACH);
}
