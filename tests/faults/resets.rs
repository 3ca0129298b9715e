//! Clients that vanish with a reset, at whatever byte: no upload becomes visible, nothing is left, nobody else is
//! disturbed.

use std::fs;
use std::io::Read;

use cfp::http::Framing;

use super::place::{files_beneath, text, wait_until};
use crate::common::Sandbox;
use crate::common::client::{Client, chunked, head};

fn descriptors(sandbox: &Sandbox) -> usize {
    fs::read_dir(format!("/proc/{}/fd", sandbox.pid())).unwrap().count()
}

/// Points in so many bytes: all of the first ones, where heads and chunk sizes are, then ever fewer.
fn points(length: usize) -> impl Iterator<Item = usize> {
    (0..200).step_by(7).chain((200..length).step_by(length / 40 + 1))
}

#[test]
fn an_upload_that_is_reset_at_any_point_changes_nothing_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "the old file");
    let mut other = Client::connect(sandbox.address()).unwrap();
    assert_eq!(other.ask("GET", "/f", &[], None).unwrap().status, 200);
    let before = descriptors(&sandbox);
    let body = text(1, 300_000);
    let length = body.len().to_string();
    let with_length = [head("PUT", "/f", &[("Content-Length", &length)]), body.clone()].concat();
    let in_chunks = [head("PUT", "/f", &[("Transfer-Encoding", "chunked")]), chunked(&body)].concat();
    let filtered = [head("PUT", "/f?reverse", &[("Content-Length", &length)]), body.clone()].concat();
    for message in [with_length, in_chunks, filtered] {
        for point in points(message.len() - 1) {
            let mut client = Client::connect(sandbox.address()).unwrap();
            client.send(&message[..point]).unwrap();
            client.reset();
            assert_eq!(other.ask("GET", "/f", &[], None).unwrap().text(), "the old file", "reset at {point}");
        }
    }
    wait_until(&sandbox, "the end of what was reset", || {
        // One more is the connection that waits.
        files_beneath(&sandbox.root()) == ["f"] && descriptors(&sandbox) <= before + 1
    });
    assert_eq!(sandbox.log_since_start(), "", "a client that leaves is no trouble");
}

#[test]
fn a_download_that_is_reset_at_any_point_disturbs_nobody() {
    let sandbox = Sandbox::new();
    let content = text(2, 4 << 20);
    sandbox.keep("f.txt", &content);
    let mut other = Client::connect(sandbox.address()).unwrap();
    assert_eq!(other.ask("GET", "/f.txt", &[], None).unwrap().body, content);
    let before = descriptors(&sandbox);
    for (target, coding) in
        [("/f.txt", "identity"), ("/f.txt", "zstd"), ("/f.txt?replace=a&with=b", "identity")]
    {
        for point in points(1 << 20).step_by(5) {
            let mut client = Client::connect(sandbox.address()).unwrap();
            client.send(&head("GET", target, &[("Accept-Encoding", coding)])).unwrap();
            let mut begun = vec![0; point];
            // A coded answer may be shorter.
            let _ = client.body(Framing::UntilClose).read(&mut begun).unwrap();
            client.reset();
        }
    }
    wait_until(&sandbox, "the end of what was reset", || descriptors(&sandbox) <= before + 1);
    assert_eq!(other.ask("GET", "/f.txt", &[], None).unwrap().body, content);
    assert_eq!(sandbox.log_since_start(), "", "a client that leaves is no trouble");
}
