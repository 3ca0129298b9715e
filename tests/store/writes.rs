//! `create`, `commit` and `make_directory`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cfp::error::{Error, ErrorKind};
use cfp::store::Store;

use super::sandbox::{Sandbox, Verbs, name, only_new, status};

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
                    let mut draft = store.create(&name("/f"), None, &|_| Ok(())).unwrap();
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
    let mut draft = sandbox.store.create(&name(path), None, &|_| Ok(())).unwrap();
    write!(draft, "{}", count + 1).unwrap();
    let same = |standing: Option<&cfp::store::Meta>| match standing {
        Some(meta) if meta.etag == content.meta().etag => Ok(()),
        _ => Err(Error::precondition_failed(path, "has changed")),
    };
    draft.commit(None, &same).is_ok()
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
