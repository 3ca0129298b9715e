//! `create`, `commit` and `make_directory`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cfp::error::{Error, ErrorKind};
use cfp::store::Store;

use super::sandbox::{Sandbox, any, name, never, only_new, put, status};

#[test]
fn a_write_creates_then_replaces() {
    let sandbox = Sandbox::new().with(&["d/"]);
    let first = sandbox.put("/d/f", b"one").unwrap();
    assert!(first.created);
    let second = sandbox.put("/d/f", b"three").unwrap();
    assert!(!second.created);
    assert_eq!(sandbox.get("/d/f").unwrap(), b"three");
    assert_eq!(sandbox.meta("/d/f").unwrap(), second.meta);
    assert_ne!(first.meta.etag, second.meta.etag);
    assert_eq!(sandbox.everything(), ["d", "d/f"]);
}

#[test]
fn nothing_is_seen_before_the_commit_and_a_dropped_draft_leaves_nothing() {
    let sandbox = Sandbox::new().with(&["f"]);
    for path in ["/f", "/new"] {
        let mut draft = sandbox.store.create(&name(path), None).unwrap();
        draft.write_all(b"half").unwrap();
        draft.flush().unwrap();
        assert_eq!(sandbox.list("/", true), ["f"]);
        assert_eq!(sandbox.get("/f").unwrap(), b"f");
        drop(draft);
        assert_eq!(sandbox.everything(), ["f"]);
    }
}

#[test]
fn a_refused_commit_changes_nothing_and_leaves_nothing() {
    let sandbox = Sandbox::new().with(&["f"]);
    for path in ["/f", "/new"] {
        let mut draft = sandbox.store.create(&name(path), None).unwrap();
        draft.write_all(b"half").unwrap();
        assert_eq!(status(draft.commit(None, &never)), 412);
        assert_eq!((sandbox.everything(), sandbox.get("/f").unwrap()), (vec!["f".to_owned()], b"f".to_vec()));
    }
}

#[test]
fn the_check_sees_what_stands_there_at_the_commit() {
    let sandbox = Sandbox::new();
    let draft = sandbox.store.create(&name("/f"), None).unwrap();
    let meanwhile = sandbox.put("/f", b"meanwhile").unwrap().meta;
    let written = draft.commit(None, &|standing| {
        assert_eq!(standing, Some(&meanwhile));
        Ok(())
    });
    assert!(!written.unwrap().created);
}

#[test]
fn what_can_never_be_put_is_refused_before_a_byte_is_sent() {
    let sandbox = Sandbox::new().with(&["f", "d/"]);
    let long = format!("/{}", "a".repeat(256));
    let rows = [
        ("/", 403, "/: is the root and stays"),
        ("/d", 409, "/d: is a directory"),
        ("/d/", 409, "/d/: a file's name has no final slash"),
        ("/new/", 409, "/new/: a file's name has no final slash"),
        ("/a/b", 409, "/a/b: no directory /a/"),
        ("/a/b/c", 409, "/a/b/c: no directory /a/b/"),
        ("/f/g", 409, "/f/g: no directory /f/"),
        (&long, 400, "name: is longer than the system takes"),
    ];
    for (path, refused, line) in rows {
        let error = sandbox.store.create(&name(path), None).err().unwrap();
        assert_eq!((cfp::server::status_of(&error), error.to_string().as_str()), (refused, line));
    }
    assert_eq!(status(sandbox.store.create(&name("/huge"), Some(u64::MAX))), 507);
    assert_eq!(sandbox.everything(), ["d", "f"]);
}

#[test]
fn a_directory_that_came_meanwhile_is_not_replaced_by_a_file() {
    let sandbox = Sandbox::new();
    let draft = sandbox.store.create(&name("/f"), None).unwrap();
    sandbox.make_directory("/f/").unwrap();
    assert_eq!(status(draft.commit(None, &any)), 409);
    assert_eq!(sandbox.everything(), ["f"]);
}

#[test]
fn a_content_goes_where_its_name_leads_when_it_is_whole() {
    let sandbox = Sandbox::new().with(&["d/"]);
    let draft = || {
        let mut draft = sandbox.store.create(&name("/d/f"), None).unwrap();
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

#[test]
fn a_replaced_file_keeps_its_mode_and_a_new_one_gets_the_usual() {
    let sandbox = Sandbox::new().with(&["f"]);
    fs::write(sandbox.outside("usual"), "").unwrap();
    let usual = fs::metadata(sandbox.outside("usual")).unwrap().mode();
    sandbox.put("/new", b"").unwrap();
    assert_eq!(fs::metadata(sandbox.path("new")).unwrap().mode(), usual);
    for mode in [0o600, 0o644, 0o755, 0o400] {
        fs::set_permissions(sandbox.path("f"), fs::Permissions::from_mode(mode)).unwrap();
        sandbox.put("/f", b"again").unwrap();
        assert_eq!(fs::metadata(sandbox.path("f")).unwrap().mode() & 0o7777, mode);
    }
    fs::set_permissions(sandbox.path("f"), fs::Permissions::from_mode(0o4755)).unwrap();
    sandbox.put("/f", b"a stranger's").unwrap();
    assert_eq!(fs::metadata(sandbox.path("f")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn of_sixteen_that_may_only_create_exactly_one_does_even_between_daemons() {
    for _ in 0..20 {
        let sandbox = Sandbox::new();
        let stores = [&sandbox.store, &sandbox.second(), &sandbox.second()];
        let (won, together) = (AtomicUsize::new(0), Barrier::new(16));
        thread::scope(|scope| {
            for contender in 0..16 {
                let (won, together, store) = (&won, &together, stores[contender % 3]);
                scope.spawn(move || {
                    let mut draft = store.create(&name("/f"), None).unwrap();
                    draft.write_all(contender.to_string().as_bytes()).unwrap();
                    together.wait();
                    match draft.commit(None, &only_new) {
                        Ok(written) => {
                            assert!(written.created);
                            won.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed),
                    }
                });
            }
        });
        assert_eq!(won.into_inner(), 1);
        assert_eq!(sandbox.everything(), ["f"]);
    }
}

#[test]
fn no_update_is_lost_when_all_compare_before_they_replace() {
    let sandbox = Sandbox::new().linked(&[("also", ".")]);
    sandbox.put("/f", b"0").unwrap();
    thread::scope(|scope| {
        for path in ["/f", "/also/f", "/f", "/also/also/f"] {
            let sandbox = &sandbox;
            scope.spawn(move || (0..50).for_each(|_| while !is_counted_up(sandbox, path) {}));
        }
    });
    assert_eq!(sandbox.get("/f").unwrap(), b"200");
}

/// Adds one to the number in a file, unless another was quicker.
fn is_counted_up(sandbox: &Sandbox, path: &str) -> bool {
    let content = sandbox.open(path).unwrap();
    let count: u64 = String::from_utf8(super::sandbox::all_of(content.as_ref())).unwrap().parse().unwrap();
    let mut draft = sandbox.store.create(&name(path), None).unwrap();
    write!(draft, "{}", count + 1).unwrap();
    let same = |standing: Option<&cfp::store::Meta>| match standing {
        Some(meta) if meta.etag == content.meta().etag => Ok(()),
        _ => Err(Error::precondition_failed(path, "has changed")),
    };
    draft.commit(None, &same).is_ok()
}

#[test]
fn a_reader_sees_one_content_or_the_other_never_a_mixture() {
    let sandbox = Sandbox::new();
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

#[test]
fn a_directory_is_made_once_where_its_parent_stands() {
    let sandbox = Sandbox::new().with(&["f"]).linked(&[("nowhere", "no")]);
    let rows = [
        ("/d/", 200),
        ("/d/", 405),
        ("/d", 405),
        ("/e", 200),
        ("/f/", 405),
        ("/nowhere/", 405),
        ("/", 405),
        ("/d/d/", 200),
        ("/a/b/", 409),
        ("/f/b/", 409),
    ];
    for (path, made) in rows {
        assert_eq!(status(sandbox.make_directory(path)), made, "{path}");
    }
    assert_eq!(sandbox.make_directory("/a/b/").unwrap_err().to_string(), "/a/b/: no directory /a/");
    assert_eq!(sandbox.everything(), ["d", "d/d", "e", "f", "nowhere"]);
}

#[test]
fn names_of_every_byte_come_back_as_they_were() {
    let sandbox = Sandbox::new();
    let bytes = (1..=255).filter(|&byte| byte != b'/' && byte != b'.');
    let names: Vec<Vec<u8>> =
        bytes.map(|byte| vec![byte]).chain([vec![b'x'; 255], b"...".to_vec()]).collect();
    for component in &names {
        let file = cfp::store::Name::new(vec![component.clone()], false).unwrap();
        let mut draft = sandbox.store.create(&file, None).unwrap();
        draft.write_all(component).unwrap();
        assert!(draft.commit(None, &only_new).unwrap().created);
    }
    let entries = sandbox.store.list(&name("/"), false).unwrap();
    let mut listed: Vec<Vec<u8>> = entries.map(|entry| entry.unwrap().name).collect();
    listed.sort();
    let mut wanted = names.clone();
    wanted.sort();
    assert_eq!(listed, wanted);
    for component in names {
        let file = cfp::store::Name::new(vec![component.clone()], false).unwrap();
        assert_eq!(super::sandbox::all_of(sandbox.store.open(&file).unwrap().as_ref()), component);
        sandbox.store.delete(&file, &any).unwrap();
    }
    assert_eq!(sandbox.everything(), [""; 0]);
}

#[test]
fn a_check_that_panics_locks_nobody_out() {
    let sandbox = Sandbox::new();
    let draft = sandbox.store.create(&name("/f"), None).unwrap();
    let panicking = std::panic::AssertUnwindSafe(|| draft.commit(None, &|_| panic!("on purpose")));
    assert!(std::panic::catch_unwind(panicking).is_err());
    put(&sandbox.store, "/f", b"after").unwrap();
    assert_eq!(sandbox.everything(), ["f"]);
}
