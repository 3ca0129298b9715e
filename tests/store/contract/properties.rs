//! `properties` and `change_properties`, on every engine.

use cfp::error::{Error, ErrorKind};
use cfp::store::Detail;

use super::{New, Subject};
use crate::common::need;
use crate::store::sandbox::{any, name, put, transfer};

contract!(properties_go_with_their_file, a_refused_change_leaves_the_properties_as_they_are);

impl Subject {
    fn set(&self, path: &str, value: &str) {
        self.store.change_properties(&name(path), &any, &|_| Ok(value.as_bytes().to_vec())).unwrap();
    }

    fn get(&self, path: &str) -> String {
        String::from_utf8(self.store.properties(&name(path)).unwrap()).unwrap()
    }
}

fn properties_go_with_their_file(new: New) {
    if !need::attributes() {
        return;
    }
    let subject = new().with(&["d/f", "g", "h"]);
    let tag = |path: &str| subject.store.meta(&name(path)).unwrap().etag;
    let before = tag("/d/f");
    subject.set("/d/f", "of f");
    subject.set("/d/", "of d");
    subject.set("/h", "of h");
    assert_eq!(
        (subject.get("/d/f"), subject.get("/d/"), tag("/d/f")),
        ("of f".into(), "of d".into(), before)
    );
    let listed = subject.store.list(&name("/d/"), false, Detail::Properties).unwrap();
    assert_eq!(listed.map(|entry| entry.unwrap().properties).collect::<Vec<_>>(), [b"of f"]);
    // New content keeps them.
    put(subject.store.as_ref(), "/d/f", b"other").unwrap();
    assert_eq!(subject.get("/d/f"), "of f");
    // A copy has those of its source, whatever it replaces, and so has a directory with all in it.
    subject.store.copy(transfer(&name("/d/f"), &name("/h"), &any, &any)).unwrap();
    subject.store.copy(transfer(&name("/d/"), &name("/e/"), &any, &any)).unwrap();
    assert_eq!(["/h", "/e/", "/e/f"].map(|path| subject.get(path)), ["of f", "of d", "of f"]);
    subject.store.copy(transfer(&name("/g"), &name("/h"), &any, &any)).unwrap();
    assert_eq!(subject.get("/h"), "");
    // A rename takes them along, and a name that is new has none.
    subject.store.rename(transfer(&name("/d/"), &name("/new/"), &any, &any)).unwrap();
    assert_eq!(["/new/", "/new/f"].map(|path| subject.get(path)), ["of d", "of f"]);
    subject.store.delete(&name("/new/f"), &any, &|_, _| Ok(())).unwrap();
    put(subject.store.as_ref(), "/new/f", b"new").unwrap();
    assert_eq!(subject.get("/new/f"), "");
}

fn a_refused_change_leaves_the_properties_as_they_are(new: New) {
    if !need::attributes() {
        return;
    }
    let subject = new().with(&["f"]);
    subject.set("/f", "kept");
    let refused = || Error::conflict("f", "no");
    let change = |path: &str, refuses_check: bool| {
        let check = |_: Option<&_>| if refuses_check { Err(refused()) } else { Ok(()) };
        let error = subject.store.change_properties(&name(path), &check, &|_| Err(refused())).unwrap_err();
        error.kind()
    };
    assert_eq!([change("/f", true), change("/f", false)], [ErrorKind::Conflict; 2]);
    assert_eq!([change("/no", false), change("/f/", false)], [ErrorKind::NotFound; 2]);
    assert_eq!(subject.get("/f"), "kept");
    subject.set("/f", "");
    assert_eq!(subject.get("/f"), "");
}
