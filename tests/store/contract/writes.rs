//! `create`, `commit` and `make_directory`, on every engine.

use std::io::Write;
use std::thread;

use cfp::error::ErrorKind;

use cfp::store::Detail;

use super::New;
use crate::store::sandbox::{Verbs, all_of, any, name, never, only_new, status, unwatched};

contract!(
    a_write_creates_then_replaces,
    nothing_is_seen_before_the_commit_and_a_dropped_draft_leaves_nothing,
    a_refused_commit_changes_nothing_and_leaves_nothing,
    the_check_sees_what_stands_there_at_the_commit,
    what_can_never_be_put_is_refused_before_a_byte_is_sent,
    a_directory_that_came_meanwhile_is_not_replaced_by_a_file,
    a_content_goes_where_its_name_leads_when_it_is_whole,
    a_reader_sees_one_content_or_the_other_never_a_mixture,
    names_of_every_byte_come_back_as_they_were,
    a_check_that_panics_locks_nobody_out
);

fn a_write_creates_then_replaces(new: New) {
    let sandbox = new().with(&["d/"]);
    let first = sandbox.put("/d/f", b"one").unwrap();
    assert!(first.created);
    let second = sandbox.put("/d/f", b"three").unwrap();
    assert!(!second.created);
    assert_eq!(sandbox.get("/d/f").unwrap(), b"three");
    assert_eq!(sandbox.meta("/d/f").unwrap(), second.meta);
    assert_ne!(first.meta.etag, second.meta.etag);
    assert_eq!(sandbox.everything(), ["d", "d/f"]);
}

fn nothing_is_seen_before_the_commit_and_a_dropped_draft_leaves_nothing(new: New) {
    let sandbox = new().with(&["f"]);
    for path in ["/f", "/new"] {
        let mut draft = sandbox.store.create(&name(path), None, &|_| Ok(())).unwrap();
        draft.write_all(b"half").unwrap();
        draft.flush().unwrap();
        assert_eq!(sandbox.list("/", true), ["f"]);
        assert_eq!(sandbox.get("/f").unwrap(), b"f");
        drop(draft);
        assert_eq!(sandbox.everything(), ["f"]);
    }
}

fn a_refused_commit_changes_nothing_and_leaves_nothing(new: New) {
    let sandbox = new().with(&["f"]);
    for path in ["/f", "/new"] {
        let mut draft = sandbox.store.create(&name(path), None, &|_| Ok(())).unwrap();
        draft.write_all(b"half").unwrap();
        assert_eq!(status(draft.commit(None, &never)), 412);
        assert_eq!((sandbox.everything(), sandbox.get("/f").unwrap()), (vec!["f".to_owned()], b"f".to_vec()));
    }
}

fn the_check_sees_what_stands_there_at_the_commit(new: New) {
    let sandbox = new();
    let draft = sandbox.store.create(&name("/f"), None, &|_| Ok(())).unwrap();
    let meanwhile = sandbox.put("/f", b"meanwhile").unwrap().meta;
    let written = draft.commit(None, &|standing| {
        assert_eq!(standing, Some(&meanwhile));
        Ok(())
    });
    assert!(!written.unwrap().created);
}

fn what_can_never_be_put_is_refused_before_a_byte_is_sent(new: New) {
    let sandbox = new().with(&["f", "d/"]);
    let long = format!("/{}", "a".repeat(256));
    let said = format!("/{}…: is longer than the system takes", "a".repeat(63));
    let rows = [
        ("/", 403, "/: is the root and stays"),
        ("/d", 409, "/d: is a directory"),
        ("/d/", 409, "/d/: a file's name has no final slash"),
        ("/new/", 409, "/new/: a file's name has no final slash"),
        ("/a/b", 409, "/a/b: no directory /a/"),
        ("/a/b/c", 409, "/a/b/c: no directory /a/b/"),
        ("/f/g", 409, "/f/g: no directory /f/"),
        (&long, 400, &said),
    ];
    for (path, refused, line) in rows {
        let error = sandbox.store.create(&name(path), None, &|_| Ok(())).err().unwrap();
        assert_eq!((cfp::server::status_of(&error), error.to_string().as_str()), (refused, line));
    }
    assert_eq!(status(sandbox.store.create(&name("/huge"), Some(u64::MAX), &|_| Ok(()))), 507);
    assert_eq!(sandbox.everything(), ["d", "f"]);
}

fn a_directory_that_came_meanwhile_is_not_replaced_by_a_file(new: New) {
    let sandbox = new();
    let draft = sandbox.store.create(&name("/f"), None, &|_| Ok(())).unwrap();
    sandbox.make_directory("/f/").unwrap();
    assert_eq!(status(draft.commit(None, &any)), 409);
    assert_eq!(sandbox.everything(), ["f"]);
}

fn a_content_goes_where_its_name_leads_when_it_is_whole(new: New) {
    let sandbox = new().with(&["d/"]);
    let draft = || {
        let mut draft = sandbox.store.create(&name("/d/f"), None, &|_| Ok(())).unwrap();
        draft.write_all(b"whole").unwrap();
        draft
    };
    let moved = draft();
    sandbox.rename("/d/", "/e/").unwrap();
    sandbox.make_directory("/d/").unwrap();
    moved.commit(None, &any).unwrap();
    assert_eq!(sandbox.everything(), ["d", "d/f", "e"]);

    let homeless = draft();
    sandbox.delete("/d/").unwrap();
    let error = homeless.commit(None, &any).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NoParent, "/d/f: no directory /d/"));

    sandbox.make_directory("/d/").unwrap();
    let swept_away = draft();
    sandbox.delete("/d/").unwrap();
    sandbox.make_directory("/d/").unwrap();
    assert_eq!(status(swept_away.commit(None, &any)), 409);
    assert_eq!(sandbox.everything(), ["d", "e"]);
}

fn a_reader_sees_one_content_or_the_other_never_a_mixture(new: New) {
    let sandbox = new();
    let contents = [vec![b'a'; 100_000], vec![b'b'; 50_000]];
    sandbox.put("/f", &contents[0]).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..200 {
                sandbox.put("/f", &contents[round % 2]).unwrap();
            }
        });
        while !writer.is_finished() {
            assert!(contents.contains(&sandbox.get("/f").unwrap()));
        }
    });
}

fn names_of_every_byte_come_back_as_they_were(new: New) {
    let sandbox = new();
    let bytes = (1..=255).filter(|&byte| byte != b'/' && byte != b'.');
    let names: Vec<Vec<u8>> =
        bytes.map(|byte| vec![byte]).chain([vec![b'x'; 255], b"...".to_vec()]).collect();
    for component in &names {
        let file = cfp::store::Name::new(vec![component.clone()], false).unwrap();
        let mut draft = sandbox.store.create(&file, None, &|_| Ok(())).unwrap();
        draft.write_all(component).unwrap();
        assert!(draft.commit(None, &only_new).unwrap().created);
    }
    let entries = sandbox.store.list(&name("/"), false, Detail::Metadata).unwrap();
    let mut listed: Vec<Vec<u8>> = entries.map(|entry| entry.unwrap().name).collect();
    listed.sort();
    let mut wanted = names.clone();
    wanted.sort();
    assert_eq!(listed, wanted);
    for component in names {
        let file = cfp::store::Name::new(vec![component.clone()], false).unwrap();
        assert_eq!(all_of(sandbox.store.open(&file).unwrap().as_ref()), component);
        sandbox.store.delete(&file, &any, &unwatched).unwrap();
    }
    assert_eq!(sandbox.everything(), [""; 0]);
}

fn a_check_that_panics_locks_nobody_out(new: New) {
    let sandbox = new();
    let draft = sandbox.store.create(&name("/f"), None, &|_| Ok(())).unwrap();
    let panicking = std::panic::AssertUnwindSafe(|| draft.commit(None, &|_| panic!("on purpose")));
    assert!(std::panic::catch_unwind(panicking).is_err());
    sandbox.put("/f", b"after").unwrap();
    assert_eq!(sandbox.everything(), ["f"]);
}
