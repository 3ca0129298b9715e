//! `copy`, on every engine.

use cfp::store::Transfer;

use super::New;
use crate::store::sandbox::{Verbs, any, name, never, status, transfer};

contract!(
    anything_gives_way_where_that_is_asked_for,
    what_may_be_copied_onto_what,
    a_refused_copy_changes_nothing_and_leaves_nothing
);

fn what_may_be_copied_onto_what(new: New) {
    let rows: [(&str, &str, u16, bool, &[&str]); 18] = [
        ("/f", "/new", 200, true, &["d", "d/in", "d/sub", "d/sub/x", "e", "e/old", "f", "g", "new"]),
        ("/f", "/g", 200, false, &["d", "d/in", "d/sub", "d/sub/x", "e", "e/old", "f", "g"]),
        (
            "/d/",
            "/new/",
            200,
            true,
            &[
                "d",
                "d/in",
                "d/sub",
                "d/sub/x",
                "e",
                "e/old",
                "f",
                "g",
                "new",
                "new/in",
                "new/sub",
                "new/sub/x",
            ],
        ),
        (
            "/d/",
            "/e/",
            200,
            false,
            &["d", "d/in", "d/sub", "d/sub/x", "e", "e/in", "e/sub", "e/sub/x", "f", "g"],
        ),
        (
            "/d/",
            "/g",
            200,
            false,
            &["d", "d/in", "d/sub", "d/sub/x", "e", "e/old", "f", "g", "g/in", "g/sub", "g/sub/x"],
        ),
        ("/d", "/new", 409, false, &[]),
        ("/d/", "/e", 409, false, &[]),
        ("/f", "/d", 409, false, &[]),
        ("/f", "/d/", 409, false, &[]),
        ("/f", "/new/", 409, false, &[]),
        ("/f", "/no/f", 409, false, &[]),
        ("/no", "/new", 404, false, &[]),
        ("/f/", "/new", 404, false, &[]),
        ("/d/", "/d/sub/", 409, false, &[]),
        ("/d/sub/", "/d/", 409, false, &[]),
        ("/f", "/f", 403, false, &[]),
        ("/d/", "/d/", 403, false, &[]),
        ("/", "/new/", 409, false, &[]),
    ];
    for (from, to, wanted, created, left) in rows {
        let sandbox = new().with(&["f", "g", "d/in", "d/sub/x", "e/old"]);
        let before = sandbox.everything();
        let copied = sandbox.copy(from, to);
        assert_eq!(copied.as_ref().map_or(created, |written| written.created), created, "{from} {to}");
        if let Ok(written) = &copied {
            assert_eq!(sandbox.meta(to).unwrap(), written.meta, "{from} {to}");
        }
        assert_eq!(status(copied), wanted, "{from} {to}");
        let left: Vec<String> =
            if wanted == 200 { left.iter().map(ToString::to_string).collect() } else { before };
        assert_eq!(sandbox.everything(), left, "{from} {to}");
    }
}

fn a_refused_copy_changes_nothing_and_leaves_nothing(new: New) {
    let sandbox = new().with(&["f", "g", "d/in", "e/old"]);
    let before = sandbox.everything();
    for (from, to) in [("/f", "/g"), ("/d/", "/e/"), ("/f", "/new"), ("/d/", "/new/")] {
        let (from, to) = (name(from), name(to));
        assert_eq!(status(sandbox.store.copy(transfer(&from, &to, &never, &any))), 412);
        assert_eq!(status(sandbox.store.copy(transfer(&from, &to, &any, &never))), 412);
        let asked = std::cell::Cell::new(0);
        let second_thoughts = |_: Option<&cfp::store::Meta>| match asked.replace(asked.get() + 1) {
            0 => Ok(()),
            _ => never(None),
        };
        assert_eq!(status(sandbox.store.copy(transfer(&from, &to, &any, &second_thoughts))), 412);
    }
    assert_eq!(sandbox.everything(), before);
}

fn anything_gives_way_where_that_is_asked_for(new: New) {
    let rows: [(&str, &str, bool, bool, &[&str]); 6] = [
        ("/f", "/d", false, false, &["d", "e", "e/in", "f"]),
        ("/f", "/d", true, false, &["d", "e", "e/in"]),
        ("/e/", "/d", false, false, &["d", "d/in", "e", "e/in", "f"]),
        ("/e/", "/d", true, false, &["d", "d/in", "f"]),
        ("/e/", "/d", false, true, &["d", "e", "e/in", "f"]),
        ("/e/", "/f", false, true, &["d", "d/sub", "d/sub/x", "e", "e/in", "f"]),
    ];
    for (from, to, moves, is_shallow, left) in rows {
        let subject = new().with(&["d/sub/x", "e/in", "f"]);
        let (from, to) = (name(from), name(to));
        let transfer = Transfer { replaces_any: true, is_shallow, ..transfer(&from, &to, &any, &any) };
        let written = if moves { subject.store().rename(transfer) } else { subject.store().copy(transfer) };
        assert!(!written.unwrap().created);
        assert_eq!(subject.everything(), left, "{from:?} {to:?}");
    }
}
