//! What other programs do to served files behind cfpd's back: they change bytes in place and set the time back, change
//! modes, write through a memory mapping. A digest that is told is one of the bytes that come, and other bytes have
//! another tag.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::common::client::{Answer, Client};
use crate::common::{Sandbox, need};

fn get(client: &mut Client, fields: &[(&str, &str)]) -> Answer {
    let answer = client.ask("GET", "/f", fields, None).unwrap();
    let told = answer.field("repr-digest");
    let have = cfp::http::digest::format(&cfp::http::digest::of(&answer.body));
    assert!(told.is_empty() || told == have, "{told} is told of {:?}, which has {have}", answer.text());
    answer
}

const WANT: (&str, &str) = ("Want-Repr-Digest", "sha-256=10");

/// Changes the bytes of `f` and sets its time back.
fn change_in_place(sandbox: &Sandbox, bytes: &str) {
    let path = sandbox.root().join("f");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
}

#[test]
fn a_digest_is_never_told_of_other_bytes_though_their_time_was_set_back() {
    if !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.ask("PUT", "/f", &[], Some(b"aaaa")).unwrap();
    let mut tags = vec![get(&mut client, &[]).field("etag").to_owned()];
    assert_ne!(get(&mut client, &[]).field("repr-digest"), "");
    for (turn, bytes) in ["bbbb", "cccc", "dddd"].into_iter().enumerate() {
        change_in_place(&sandbox, bytes);
        let changed = get(&mut client, &[]);
        let tag = changed.field("etag").to_owned();
        assert_eq!((changed.text().as_str(), changed.field("repr-digest")), (bytes, ""));
        assert!(!tags.contains(&tag), "{tag}");
        assert_eq!(get(&mut client, &[("If-None-Match", &tags[turn])]).status, 200);
        assert_eq!(client.ask("PUT", "/f", &[("If-Match", &tags[turn])], Some(b"")).unwrap().status, 412);
        // Taken again, it is kept, and the tag stays as it is.
        while get(&mut client, &[]).field("repr-digest").is_empty() {
            assert_ne!(get(&mut client, &[WANT]).field("repr-digest"), "");
        }
        assert_eq!(get(&mut client, &[]).field("etag"), tag);
        let list = client.ask("GET", "/", &[("Accept", "application/json")], None).unwrap().text();
        assert!(list.contains(tag.trim_matches('"')), "{list}");
        tags.push(tag);
    }
    let written = client.ask("PUT", "/f", &[("If-Match", &tags[3])], Some(b"eeee")).unwrap();
    assert_eq!((written.status, tags.contains(&written.field("etag").to_owned())), (204, false));
}

#[test]
fn a_digest_outlives_a_rename_and_a_copy_and_not_a_change_of_mode_and_a_tag_all_names() {
    if !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut client = Client::connect(sandbox.address()).unwrap();
    client.ask("PUT", "/f", &[], Some(b"aaaa")).unwrap();
    let first = get(&mut client, &[]);
    let tag = first.field("etag").to_owned();
    for (from, to) in [("/f", "/g"), ("/g", "/f")] {
        let moved = client.ask("MOVE", from, &[("Destination", to)], None).unwrap();
        assert_eq!((moved.status, moved.field("etag")), (201, &*tag));
    }
    let moved = get(&mut client, &[]);
    assert_eq!((moved.field("etag"), moved.field("repr-digest")), (&*tag, first.field("repr-digest")));
    client.ask("COPY", "/f", &[("Destination", "/g")], None).unwrap();
    let copied = client.ask("GET", "/g", &[], None).unwrap();
    assert_eq!(copied.field("repr-digest"), first.field("repr-digest"));
    fs::set_permissions(sandbox.root().join("f"), Permissions::from_mode(0o600)).unwrap();
    let changed = get(&mut client, &[]);
    assert_eq!(changed.field("repr-digest"), "");
    // What only the change of the inode tells goes along with a rename.
    let tag = changed.field("etag").to_owned();
    client.ask("MOVE", "/f", &[("Destination", "/g")], None).unwrap();
    client.ask("MOVE", "/g", &[("Destination", "/f")], None).unwrap();
    assert_eq!(get(&mut client, &[]).field("etag"), tag);
}

#[test]
fn a_change_through_a_memory_mapping_is_seen_after_a_digest_was_taken() {
    if !need::attributes() || !need::programs(&["python3"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "aaaa");
    let script = r#"
import mmap, sys, time, urllib.request
file = open(sys.argv[1], "r+b")
page = mmap.mmap(file.fileno(), 0)
page[0:1] = b"A"
def get():
    asked = urllib.request.Request(sys.argv[2] + "/f", headers={"Want-Repr-Digest": "sha-256=10"})
    answer = urllib.request.urlopen(asked)
    return answer.headers["ETag"], answer.headers["Repr-Digest"], answer.read()
# A file is not trusted in the first moment.
while True:
    before = get()
    plain = urllib.request.urlopen(sys.argv[2] + "/f").headers["Repr-Digest"]
    if plain: break
page[1:4] = b"ZZZ"
after = get()
assert before[2] == b"Aaaa" and after[2] == b"AZZZ", (before, after)
assert before[0] != after[0] and before[1] != after[1], (before, after)
"#;
    sandbox.write("map.py", script);
    let root = sandbox.root().join("f");
    sandbox.sh(&format!("python3 map.py {} {}", root.display(), sandbox.url())).success();
}
