//! What is acknowledged is on the disk: shown by the order of what the daemon asks of the system.

use super::need;
use super::strace::Strace;
use crate::common::Sandbox;
use crate::common::client::{Answer, Client};

const TRACED: [&str; 1] = [
    "trace=fsync,fdatasync,syncfs,sync,renameat2,renameat,rename,mkdirat,unlinkat,sendto,write,writev,sendmsg",
];

/// A daemon with these options and a few files, and what it asks of the system for a request, one letter a call:
/// `c` a content is synced, `f` the file system, `d` a directory, `r` a rename, `m` mkdir, `u` unlink, `a` the answer.
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
        path == sandbox.root().to_str().unwrap() || path == sandbox.root().join("d").to_str().unwrap()
    };
    match call.split_once('(')?.0 {
        "fsync" if is_directory() => Some('d'),
        "fsync" | "fdatasync" => Some('c'),
        "syncfs" | "sync" => Some('f'),
        "renameat2" | "renameat" | "rename" => Some('r'),
        "mkdirat" => Some('m'),
        "unlinkat" => Some('u'),
        _ if call.contains("HTTP/1.1 2") => Some('a'),
        _ => None,
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_on_the_disk() {
    if !need::root_and(&["strace"]) {
        return;
    }
    let body = Some(b"new".as_slice());
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
        ("MKCOL", "/made/", "", None, "mda", "ma"),
        ("DELETE", "/f", "", None, "uda", "ua"),
        // The name goes first, and is on the disk before the rest goes.
        ("DELETE", "/tree/", "", None, "rduuuua", "ruuuua"),
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
fn that_nothing_is_synced_is_said_at_the_start() {
    assert_eq!(Sandbox::new().log(), "");
    let said = "cfpd: writes are acknowledged before they are on the disk (--no-sync)\n";
    assert_eq!(Sandbox::with(&["--no-sync"]).log(), said);
}
