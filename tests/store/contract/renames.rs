//! `rename`, on every engine.

use super::New;
use crate::store::sandbox::{Verbs, any, name, never, only_new, status, transfer};

contract!(
    what_may_be_renamed_onto_what,
    a_refused_rename_changes_nothing,
    each_check_is_asked_about_its_own_name,
    a_rename_that_crosses_another_neither_loses_a_file_nor_locks_up
);

fn what_may_be_renamed_onto_what(new: New) {
    // from, to, status, created, and what stands there then
    let rows: [(&str, &str, u16, bool, &[&str]); 19] = [
        ("/f", "/new", 200, true, &["d", "d/in", "e", "e/old", "g", "new"]),
        ("/f", "/g", 200, false, &["d", "d/in", "e", "e/old", "g"]),
        ("/f", "/d/f", 200, true, &["d", "d/f", "d/in", "e", "e/old", "g"]),
        ("/d/", "/new/", 200, true, &["e", "e/old", "f", "g", "new", "new/in"]),
        ("/d", "/new", 200, true, &["e", "e/old", "f", "g", "new", "new/in"]),
        ("/d/", "/e/", 200, false, &["e", "e/in", "f", "g"]),
        ("/d/", "/g", 200, false, &["e", "e/old", "f", "g", "g/in"]),
        ("/d/", "/e", 409, false, &[]),
        ("/f", "/d", 409, false, &[]),
        ("/f", "/d/", 409, false, &[]),
        ("/f", "/new/", 409, false, &[]),
        ("/f", "/no/f", 409, false, &[]),
        ("/no", "/new", 404, false, &[]),
        ("/no", "/missing/new", 404, false, &[]),
        ("/f/", "/new", 404, false, &[]),
        ("/d/", "/d/d/", 409, false, &[]),
        ("/d/in", "/d/", 409, false, &[]),
        ("/f", "/f", 403, false, &[]),
        ("/", "/new/", 403, false, &[]),
    ];
    for (from, to, wanted, created, left) in rows {
        let sandbox = new().with(&["f", "g", "d/in", "e/old"]);
        let before = sandbox.everything();
        let renamed = sandbox.rename(from, to);
        assert_eq!(renamed.as_ref().map_or(created, |written| written.created), created, "{from} {to}");
        assert_eq!(status(renamed), wanted, "{from} {to}");
        let left: Vec<String> =
            if wanted == 200 { left.iter().map(ToString::to_string).collect() } else { before };
        assert_eq!(sandbox.everything(), left, "{from} {to}");
    }
}

fn a_refused_rename_changes_nothing(new: New) {
    let sandbox = new().with(&["f", "g", "d/in", "e/old"]);
    let before = sandbox.everything();
    for (from, to) in [("/f", "/g"), ("/d/", "/e/"), ("/f", "/new")] {
        let (from, to) = (name(from), name(to));
        assert_eq!(status(sandbox.store.rename(transfer(&from, &to, &never, &any))), 412);
        assert_eq!(status(sandbox.store.rename(transfer(&from, &to, &any, &never))), 412);
    }
    assert_eq!(status(sandbox.store.rename(transfer(&name("/f"), &name("/g"), &any, &only_new))), 412);
    assert_eq!(sandbox.everything(), before);
    assert_eq!(sandbox.get("/g").unwrap(), b"g");
}

fn each_check_is_asked_about_its_own_name(new: New) {
    let sandbox = new().with(&["f", "g"]);
    let (f, g) = (sandbox.meta("/f").unwrap(), sandbox.meta("/g").unwrap());
    let written = sandbox.store.rename(transfer(
        &name("/f"),
        &name("/g"),
        &|standing| {
            assert_eq!(standing, Some(&f));
            Ok(())
        },
        &|standing| {
            assert_eq!(standing, Some(&g));
            Ok(())
        },
    ));
    assert_eq!(written.unwrap().meta, f);
}

fn a_rename_that_crosses_another_neither_loses_a_file_nor_locks_up(new: New) {
    let sandbox = new().with(&["a", "d/b"]);
    std::thread::scope(|scope| {
        for (from, to) in [("/a", "/d/b"), ("/d/b", "/a")] {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for _ in 0..500 {
                    assert!([200, 404].contains(&status(sandbox.rename(from, to))));
                }
            });
        }
    });
    let left = sandbox.list("/", true);
    assert!(left == ["a", "d/"] || left == ["d/", "d/b"], "{left:?}");
    assert_eq!(sandbox.everything().len(), 2);
}
