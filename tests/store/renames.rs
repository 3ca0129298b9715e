//! `rename`.

use std::fs;

use super::sandbox::{Sandbox, Verbs, status};

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
            format!("{to}: the symbolic link would lead to another file from there")
        );
        assert_eq!(sandbox.everything(), before);
    }
    sandbox.rename("/d/e/link", "/d/e/other").unwrap();
    assert_eq!(sandbox.get("/d/e/other").unwrap(), b"d/f");
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
