//! `rename`.

use std::fs;

use cfp::store::Store;

use super::sandbox::{Sandbox, any, name, never, only_new, status};

#[test]
fn what_may_be_renamed_onto_what() {
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
        let sandbox = Sandbox::new().with(&["f", "g", "d/in", "e/old"]);
        let before = sandbox.everything();
        let renamed = sandbox.rename(from, to);
        assert_eq!(renamed.as_ref().map_or(created, |written| written.created), created, "{from} {to}");
        assert_eq!(status(renamed), wanted, "{from} {to}");
        let left: Vec<String> =
            if wanted == 200 { left.iter().map(ToString::to_string).collect() } else { before };
        assert_eq!(sandbox.everything(), left, "{from} {to}");
    }
}

#[test]
fn a_refused_rename_changes_nothing() {
    let sandbox = Sandbox::new().with(&["f", "g", "d/in", "e/old"]);
    let before = sandbox.everything();
    for (from, to) in [("/f", "/g"), ("/d/", "/e/"), ("/f", "/new")] {
        let (from, to) = (name(from), name(to));
        assert_eq!(status(sandbox.store.rename(&from, &to, &never, &any)), 412);
        assert_eq!(status(sandbox.store.rename(&from, &to, &any, &never)), 412);
    }
    assert_eq!(status(sandbox.store.rename(&name("/f"), &name("/g"), &any, &only_new)), 412);
    assert_eq!(sandbox.everything(), before);
    assert_eq!(sandbox.get("/g").unwrap(), b"g");
}

#[test]
fn a_link_does_not_take_the_place_of_what_it_leads_to() {
    let rows = [("/to-f", "/f", 403), ("/to-d", "/d/", 403), ("/to-d/", "/d/", 403), ("/d/back", "/f", 403)];
    for (from, to, wanted) in rows {
        let links = [("to-f", "f"), ("to-d", "d"), ("d/back", "../to-f")];
        let sandbox = Sandbox::new().with(&["f", "d/in"]).linked(&links);
        let before = sandbox.everything();
        assert_eq!(status(sandbox.rename(from, to)), wanted, "{from} {to}");
        assert_eq!(sandbox.everything(), before, "{from} {to}");
        assert_eq!(
            (sandbox.get("/f").unwrap(), sandbox.get("/d/in").unwrap()),
            (b"f".into(), b"d/in".into())
        );
    }
    let sandbox = Sandbox::new().with(&["f"]).linked(&[("one", "f"), ("two", "f")]);
    assert_eq!(status(sandbox.rename("/one", "/two")), 200);
    assert_eq!(status(sandbox.rename("/f", "/two")), 200);
    assert_eq!((sandbox.everything(), sandbox.get("/two").unwrap()), (vec!["two".to_owned()], b"f".into()));
}

#[test]
fn a_link_goes_only_where_it_leads_to_the_same() {
    let sandbox =
        Sandbox::new().with(&["f", "d/f", "d/e/in"]).linked(&[("d/e/link", "../f"), ("d/e/out", "../../f")]);
    for (from, to) in [("/d/e/link", "/d/link"), ("/d/e/link", "/link"), ("/d/e/out", "/out")] {
        let before = sandbox.everything();
        assert_eq!(
            sandbox.rename(from, to).unwrap_err().to_string(),
            format!("{to}: is where that link would lead elsewhere")
        );
        assert_eq!(sandbox.everything(), before);
    }
    sandbox.rename("/d/e/link", "/d/e/other").unwrap();
    assert_eq!(sandbox.get("/d/e/other").unwrap(), b"d/f");
}

#[test]
fn each_check_is_asked_about_its_own_name() {
    let sandbox = Sandbox::new().with(&["f", "g"]);
    let (f, g) = (sandbox.meta("/f").unwrap(), sandbox.meta("/g").unwrap());
    let written = sandbox.store.rename(
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
    );
    assert_eq!(written.unwrap().meta, f);
}

#[test]
fn a_rename_that_crosses_another_neither_loses_a_file_nor_locks_up() {
    let sandbox = Sandbox::new().with(&["a", "d/b"]);
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

#[test]
fn a_link_is_renamed_itself() {
    let sandbox = Sandbox::new().with(&["f", "d/in", "g"]).linked(&[
        ("to-f", "f"),
        ("to-d", "d"),
        ("nowhere", "no"),
        ("outside", "/etc"),
    ]);
    sandbox.rename("/to-f", "/renamed").unwrap();
    assert_eq!(fs::read_link(sandbox.path("renamed")).unwrap().to_str(), Some("f"));
    sandbox.rename("/to-d", "/g").unwrap();
    assert_eq!(fs::read_link(sandbox.path("g")).unwrap().to_str(), Some("d"));
    for gone in ["/nowhere", "/outside"] {
        assert_eq!(status(sandbox.rename(gone, "/x")), 404);
        assert_eq!(status(sandbox.rename("/f", gone)), 409);
    }
    sandbox.rename("/f", "/renamed").unwrap();
    assert_eq!(sandbox.get("/renamed").unwrap(), b"f");
    assert!(fs::symlink_metadata(sandbox.path("renamed")).unwrap().is_file());
    assert_eq!(sandbox.everything(), ["d", "d/in", "g", "nowhere", "outside", "renamed"]);
}

#[test]
fn two_ways_through_links_to_one_name_are_the_same_name() {
    let sandbox = Sandbox::new().with(&["d/f"]).linked(&[("link", "d")]);
    assert_eq!(status(sandbox.rename("/d/f", "/link/f")), 403);
    assert_eq!(status(sandbox.rename("/d/", "/link/inside/")), 409);
    assert_eq!(sandbox.get("/d/f").unwrap(), b"d/f");
}

#[test]
fn of_two_hard_links_the_old_name_goes() {
    let sandbox = Sandbox::new().with(&["f"]);
    fs::hard_link(sandbox.path("f"), sandbox.path("g")).unwrap();
    assert!(!sandbox.rename("/f", "/g").unwrap().created);
    assert_eq!(sandbox.everything(), ["g"]);
}
