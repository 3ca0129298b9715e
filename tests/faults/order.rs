//! What is acknowledged is on the disk: shown by the order of what the daemon asks of the system.

use crate::common::client::{Answer, Client, head};
use crate::common::strace::Strace;
use crate::common::{Sandbox, need};
use crate::webdav::locker::info;

const TRACED: [&str; 1] = [
    "trace=fsync,fdatasync,syncfs,sync,renameat2,renameat,rename,mkdirat,unlinkat,sendto,write,writev,sendmsg",
];

/// A daemon with these options and a few files, and what it asks of the system for a request, one letter a call:
/// `c` a content is synced, `f` the file system, `d` a directory, `r` a rename, `m` mkdir, `u` unlink, `a` the answer, `A` one
/// that refuses.
fn order(options: &[&str], method: &str, target: &str, destination: &str, body: Option<&[u8]>) -> String {
    let sandbox = Sandbox::with(options);
    sandbox.keep("f", "old");
    sandbox.keep("tree/a", "a");
    sandbox.keep("d/b", "b");
    let strace = Strace::attach(&sandbox, &TRACED);
    let mut client = Client::connect(sandbox.address()).unwrap();
    let fields: Vec<_> =
        [("Destination", destination)].into_iter().filter(|(_, to)| !to.is_empty()).collect();
    let Answer { status, .. } = client.ask(method, target, &fields, body).unwrap();
    assert!((200..300).contains(&status), "{method} {target}: {status}");
    strace.lines().iter().filter_map(|line| letter(&sandbox, line)).collect()
}

fn letter(sandbox: &Sandbox, line: &str) -> Option<char> {
    let call = line.split_once(' ')?.1.trim_start();
    let is_directory = || {
        let path = call.split_once('<').unwrap().1.split_once('>').unwrap().0;
        ["", "d", ".cfpd-uploads"].iter().any(|name| {
            path.trim_end_matches('/') == sandbox.root().join(name).to_str().unwrap().trim_end_matches('/')
        })
    };
    match call.split_once('(')?.0 {
        "fsync" if is_directory() => Some('d'),
        "fsync" | "fdatasync" => Some('c'),
        "syncfs" | "sync" => Some('f'),
        "renameat2" | "renameat" | "rename" => Some('r'),
        "mkdirat" => Some('m'),
        "unlinkat" => Some('u'),
        _ if call.contains("HTTP/1.1 2") => Some('a'),
        _ if call.contains("HTTP/1.1 4") => Some('A'),
        _ => None,
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_on_the_disk() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let body = Some(b"new".as_slice());
    let lock = info("exclusive", "");
    let lock = Some(lock.as_bytes());
    // The request, then its order with sync and without.
    let rows = [
        ("PUT", "/new", "", body, "crda", "ra"),
        ("PUT", "/f", "", body, "crda", "ra"),
        ("PUT", "/f?reverse", "", body, "crda", "ra"),
        ("COPY", "/f", "/g", None, "crda", "ra"),
        ("COPY", "/f?replace=old&with=new", "/f", None, "crda", "ra"),
        ("COPY", "/tree/", "/copy/", None, "mfrda", "mra"),
        ("MOVE", "/f", "/g", None, "rda", "ra"),
        ("MOVE", "/f", "/d/g", None, "rdda", "ra"),
        // The record of it first, which goes last; the exchange is on the disk before what was replaced is hidden.
        ("MOVE", "/tree/", "/d/", None, "cdrrdrdda", "rrra"),
        ("MKCOL", "/made/", "", None, "mda", "ma"),
        ("DELETE", "/f", "", None, "uda", "ua"),
        // The name goes first, and is on the disk before the rest goes.
        ("DELETE", "/tree/", "", None, "rduuuua", "ruuuua"),
        // The record of locks, and then the empty file.
        ("LOCK", "/f", "", lock, "crda", "ra"),
        ("LOCK", "/new", "", lock, "crdcrda", "rra"),
    ];
    for (method, target, to, body, with, without) in rows {
        // What is removed under a hidden name is no matter of order.
        let plain = |order: String| {
            order.replace('u', if method == "DELETE" && !target.ends_with('/') { "u" } else { "" })
        };
        let row = format!("{method} {target}");
        assert_eq!(plain(order(&[], method, target, to, body)), plain(with.to_owned()), "{row}");
        assert_eq!(
            plain(order(&["--no-sync"], method, target, to, body)),
            plain(without.to_owned()),
            "{row}"
        );
    }
}

#[test]
fn how_much_of_an_upload_there_is_is_told_when_it_is_on_the_disk() {
    if !need::root_and(&["strace"]) || !need::attributes() {
        return;
    }
    let partial = ("Content-Type", "application/partial-upload");
    let begins = [("Upload-Complete", "?0"), ("Upload-Draft-Interop-Version", "8")];
    let goes_on = [partial, ("Upload-Complete", "?0"), ("Upload-Offset", "2")];
    let is_wrong = [partial, ("Upload-Complete", "?0"), ("Upload-Offset", "1")];
    let ends = [partial, ("Upload-Complete", "?1"), ("Upload-Offset", "4")];
    for (options, orders) in
        [(&[][..], ["mcda", "cda", "cdA", "cda", "crda"]), (&["--no-sync"], ["ma", "a", "A", "a", "ra"])]
    {
        let sandbox = Sandbox::with(options);
        let mut client = Client::connect(sandbox.address()).unwrap();
        // Makes the directory they are in, which is none of their doing.
        client.send(&head("PUT", "/g", &[&begins[..], &[("Content-Length", "0")]].concat())).unwrap();
        let mut told = || [client.head().unwrap(), client.head().unwrap()];
        assert_eq!(told().map(|head| head.status), [104, 201]);
        let mut seen = Vec::new();
        let mut place = "/f".to_owned();
        let rows: [(&str, &[_], Option<&[u8]>); 5] = [
            ("PUT", &begins, Some(b"te")),
            ("HEAD", &[], None),
            ("PATCH", &is_wrong, Some(b"xt")),
            ("PATCH", &goes_on, Some(b"xt")),
            ("PATCH", &ends, Some(b"")),
        ];
        for (method, fields, body) in rows {
            let strace = Strace::attach(&sandbox, &TRACED);
            let mut client = Client::connect(sandbox.address()).unwrap();
            let length = body.map(|body| body.len().to_string());
            let length = length.iter().map(|length| ("Content-Length", length.as_str()));
            client
                .send(&head(method, &place, &fields.iter().copied().chain(length).collect::<Vec<_>>()))
                .unwrap();
            client.send(body.unwrap_or_default()).unwrap();
            let mut answer = client.head().unwrap();
            if answer.status == 104 {
                answer = client.head().unwrap();
                place = answer.fields.get_text("location").unwrap().to_owned();
            }
            seen.push(strace.lines().iter().filter_map(|line| letter(&sandbox, line)).collect::<String>());
        }
        assert_eq!(seen, orders);
    }
}

#[test]
fn that_nothing_is_synced_is_said_at_the_start() {
    let said = "cfpd: writes are acknowledged before they are on the disk (--no-sync)\n";
    assert_eq!(Sandbox::with(&["--no-sync"]).log(), said.to_owned() + &Sandbox::new().log());
}
