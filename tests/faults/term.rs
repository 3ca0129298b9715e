//! TERM while transfers run: they end whole within the grace; without one they are cut, and nothing half is there.

use std::io::Read;

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
    while Client::connect(sandbox.address()).is_ok() {}
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
    while Client::connect(sandbox.address()).is_ok() {}
    sandbox.signal(Signal::SIGTERM);
    assert!(sandbox.wait().success());
}
