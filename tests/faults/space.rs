//! Disk space that is promised: what clients announce takes none, what is written at the same time leaves free what is to
//! stay free, and what waits for clients that do not read has a limit. The small disks need root.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::thread;

use cfp::http::framing::of_response;

use super::disk::Small;
use super::place::{files_beneath, text, wait_until};
use crate::common::client::{Client, chunked, head};
use crate::common::{Sandbox, need};

const MIB: u64 = 1 << 20;

/// A request with a body of which some bytes are sent.
fn begin(sandbox: &Sandbox, target: &str, fields: &[(&str, &str)], first: &[u8]) -> Client {
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.send(&[head("PUT", target, fields).as_slice(), first].concat()).unwrap();
    client
}

/// How many files beneath the root have at least so many bytes, the daemon's temporary ones too.
fn files_of(sandbox: &Sandbox, size: u64) -> usize {
    let root = sandbox.root();
    let has = |name: &String| fs::metadata(root.join(name)).is_ok_and(|found| found.len() >= size);
    files_beneath(&root).iter().filter(|name| has(name)).count()
}

#[test]
fn a_client_that_announces_much_and_sends_little_takes_little() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(small) = Small::mount(&sandbox, "size=64m") else { return };
    let announced = (50 * MIB).to_string();
    let dripping: Vec<_> = (0..8)
        .map(|at| begin(&sandbox, &format!("/small/{at}"), &[("Content-Length", &announced)], b"x"))
        .collect();
    wait_until(&sandbox, "the first bytes", || files_of(&sandbox, 1) == dripping.len());
    assert!(small.free() > 62 * MIB, "{} are left of 64 MiB", small.free());
    let other = text(1, 40 << 20);
    let answer = Client::connect(sandbox.address()).unwrap().ask("PUT", "/small/other", &[], Some(&other));
    assert_eq!(answer.unwrap().status, 201);
    drop(dripping);
    wait_until(&sandbox, "the end of the others", || files_beneath(&sandbox.root()) == ["small/other"]);
    assert!(small.free() > 23 * MIB, "{} are left of 24 MiB", small.free());
}

#[test]
fn uploads_and_copies_at_the_same_time_leave_free_what_is_to_stay_free() {
    const EACH: usize = 3 << 20;
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::with(&["--keep-free", "16M"]);
    let Some(small) = Small::mount(&sandbox, "size=64m") else { return };
    let content = text(1, EACH);
    sandbox.keep("source", &content);
    sandbox.keep("tree/a", &content);
    let begun: Vec<_> = (0..16)
        .map(|at| {
            begin(&sandbox, &format!("/small/{at}"), &[("Transfer-Encoding", "chunked")], b"1\r\nx\r\n")
        })
        .collect();
    wait_until(&sandbox, "the first bytes", || files_of(&sandbox, 1) == 2 + begun.len());
    let upload = |mut client: Client| {
        // What is refused on the way is not read to its end.
        let _ = client.send(&chunked(&content));
        client.answer("PUT").unwrap().status
    };
    let copy = |at: usize| {
        let (from, to) = [("/source", format!("/small/copy{at}")), ("/tree/", format!("/small/tree{at}/"))]
            [at % 2]
            .clone();
        let mut client = Client::connect(sandbox.address()).unwrap();
        client.ask("COPY", from, &[("Destination", &to)], None).unwrap().status
    };
    let statuses: Vec<u16> = thread::scope(|scope| {
        let uploads: Vec<_> = begun.into_iter().map(|client| scope.spawn(|| upload(client))).collect();
        let copies: Vec<_> = (0..8).map(|at| scope.spawn(move || copy(at))).collect();
        uploads.into_iter().chain(copies).map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| matches!(status, 201 | 507)), "{statuses:?}");
    assert!(statuses.contains(&201) && statuses.contains(&507), "{statuses:?}");
    assert!(small.free() >= 16 * MIB, "{} are left: {statuses:?}", small.free());
}

#[test]
fn what_was_replaced_or_deleted_makes_room_for_the_next_upload() {
    if !need::root_and(&["mount", "umount"]) {
        return;
    }
    let sandbox = Sandbox::new();
    let Some(small) = Small::mount(&sandbox, "size=400m") else { return };
    let (large, announced) = (vec![b'x'; 300 << 20], (200 * MIB).to_string());
    let fields = [("Content-Length", announced.as_str()), ("Expect", "100-continue")];
    for (method, body) in [("DELETE", None), ("PUT", Some(&b"short"[..]))].repeat(3) {
        sandbox.keep("small/f", &large);
        let mut client = Client::connect(sandbox.address()).unwrap();
        assert_eq!(client.ask(method, "/small/f", &[], body).unwrap().status, 204, "{method}");
        client.send(&head("PUT", "/small/next", &fields)).unwrap();
        assert_eq!(client.head().unwrap().status, 100, "{method}");
        client.reset();
    }
    wait_until(&sandbox, "the blocks of all files", || small.free() > 399 * MIB);
}

#[test]
fn an_upload_sets_no_blocks_aside_and_gets_no_more_time_by_the_end_of_its_daemon() {
    if !need::attributes() {
        return;
    }
    const SENT: u64 = 3 << 20;
    let mut sandbox = Sandbox::new();
    let fields =
        [("Upload-Complete", "?1"), ("Upload-Draft-Interop-Version", "8"), ("Content-Length", "50000000")];
    let _client = begin(&sandbox, "/f", &fields, &text(1, SENT as usize));
    let directory = sandbox.root().join(".cfpd-uploads");
    let kept = || {
        let entry = fs::read_dir(&directory).ok()?.next()?.ok()?;
        fs::metadata(entry.path()).ok()
    };
    wait_until(&sandbox, "what was sent", || kept().is_some_and(|found| found.len() == SENT));
    let before = kept().unwrap();
    // XFS itself allocates ahead.
    assert!(before.blocks() * 512 <= 2 * SENT, "{} blocks", before.blocks());
    sandbox.kill();
    sandbox.start_again();
    let after = kept().unwrap();
    assert_eq!((after.len(), after.modified().unwrap()), (SENT, before.modified().unwrap()));
}

/// A cfpd on a small disk of its own.
fn on_a_small_disk(options: &[&str]) -> Option<(Sandbox, Small)> {
    if !need::root_and(&["mount", "umount"]) {
        return None;
    }
    let mut small = None;
    let sandbox = Sandbox::prepared(options, |root| small = Small::mount_on(root.to_owned(), "size=64m"));
    Some((sandbox, small?))
}

#[test]
fn an_answer_that_nobody_reads_stops_at_what_spools_may_hold_and_comes_whole_when_it_is_read() {
    let Some((sandbox, small)) = on_a_small_disk(&["--max-spool", "8M"]) else { return };
    let (word, times) = ("y".repeat(15_000), 4_000);
    let target = format!("/?replace=a&with={word}");
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.send(&head("POST", &target, &[("Transfer-Encoding", "chunked")])).unwrap();
    client.send(&chunked("a ".repeat(times).as_bytes())).unwrap();
    // One answer may hold a quarter of what all may.
    wait_until(&sandbox, "a full spool", || small.free() < 64 * MIB - 15 * MIB / 10);
    let answer = client.head().unwrap();
    let mut body = client.body(of_response(&answer, "POST").unwrap());
    let (mut block, mut read, mut least) = (vec![0; 1 << 20], 0, u64::MAX);
    loop {
        least = least.min(small.free());
        match body.read(&mut block).unwrap() {
            0 => break,
            more => read += more,
        }
    }
    assert_eq!(read, times * (word.len() + 1));
    assert!(least > 64 * MIB - 3 * MIB, "{least} were left of 64 MiB");
    wait_until(&sandbox, "an empty disk", || small.free() > 63 * MIB);
}

#[test]
fn a_body_that_has_to_be_kept_whole_is_507_past_what_spools_may_hold() {
    let Some((sandbox, _small)) = on_a_small_disk(&["--max-spool", "1M"]) else { return };
    let reverse = |size: usize| {
        Client::connect(sandbox.address())
            .unwrap()
            .ask("POST", "/?reverse", &[], Some(&text(1, size)))
            .unwrap()
    };
    for _ in 0..3 {
        assert_eq!(reverse(900_000).status, 200);
        let refused = reverse(1_100_000);
        assert_eq!((refused.status, refused.text().as_str()), (507, "spool: no room to work in\n"));
    }
}
