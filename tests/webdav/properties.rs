//! PROPFIND and PROPPATCH at the real daemon: what is told to whom, names of any bytes, and bodies that are made to harm.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::common::client::Client;
use crate::common::{Sandbox, need};

fn ask(sandbox: &Sandbox, method: &str, target: &str, depth: &str, body: &str) -> (u16, String) {
    let mut client = Client::connect(sandbox.address()).unwrap();
    let answer = client.ask(method, target, &[("Depth", depth)], Some(body.as_bytes())).unwrap();
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

fn propfind(sandbox: &Sandbox, target: &str, depth: &str) -> (u16, String) {
    ask(sandbox, "PROPFIND", target, depth, "")
}

/// The paths that a multi-status response names, sorted.
fn hrefs(body: &str) -> Vec<&str> {
    let mut hrefs: Vec<_> = body
        .split("<D:response><D:href>")
        .skip(1)
        .map(|rest| rest.split_once("</D:href>").unwrap().0)
        .collect();
    hrefs.sort_unstable();
    hrefs
}

#[test]
fn propfind_tells_no_more_than_a_list() {
    let rules = "allow list * /pub/\nallow read * /secret/\nallow list,read * /some/open\n";
    let sandbox = Sandbox::guarded(&[], rules);
    for name in ["pub/f", "secret/f", "some/open", "some/hidden", "top"] {
        sandbox.keep(name, "text");
    }
    let rows: [(&str, &str, u16, &[&str]); 9] = [
        ("/pub/", "1", 207, &["/pub/", "/pub/f"]),
        ("/pub/f", "0", 207, &["/pub/f"]),
        ("/some/", "1", 207, &["/some/", "/some/open"]),
        ("/some/hidden", "0", 401, &[]),
        ("/some/none", "0", 401, &[]),
        ("/secret/", "1", 401, &[]),
        ("/secret/f", "0", 401, &[]),
        ("/none", "0", 401, &[]),
        ("/", "1", 207, &["/", "/pub/", "/some/"]),
    ];
    for (target, depth, status, named) in rows {
        let (answered, body) = propfind(&sandbox, target, depth);
        assert_eq!((answered, hrefs(&body).as_slice()), (status, named), "{target}: {body}");
    }
    // To set a property is to replace: nobody may here without a login.
    let set = "<propertyupdate xmlns='DAV:'><set><prop><a xmlns='u'/></prop></set></propertyupdate>";
    assert_eq!(ask(&sandbox, "PROPPATCH", "/pub/f", "0", set).0, 401);
    assert_eq!(ask(&sandbox, "PROPPATCH", "/none", "0", set).0, 401);
}

#[test]
fn a_read_only_server_changes_no_property() {
    let sandbox = Sandbox::with(&["--read-only"]);
    sandbox.keep("f", "text");
    let set = "<propertyupdate xmlns='DAV:'><set><prop><a xmlns='u'/></prop></set></propertyupdate>";
    assert_eq!(ask(&sandbox, "PROPPATCH", "/f", "0", set).0, 403);
    assert_eq!(propfind(&sandbox, "/f", "0").0, 207);
}

#[test]
fn names_of_any_bytes_are_paths_that_lead_back() {
    let sandbox = Sandbox::new();
    let name = b"a b&<\xff\x01%.txt";
    fs::create_dir(sandbox.root().join("d")).unwrap();
    fs::write(sandbox.root().join("d").join(OsStr::from_bytes(name)), "text").unwrap();
    let (status, body) = propfind(&sandbox, "/d/", "1");
    assert_eq!((status, hrefs(&body)), (207, vec!["/d/", "/d/a%20b%26%3C%FF%01%25.txt"]));
    assert!(body.contains("<D:displayname>a b&amp;&lt;\u{fffd}\u{fffd}%.txt</D:displayname>"), "{body}");
    assert_eq!(propfind(&sandbox, "/d/a%20b%26%3C%FF%01%25.txt", "0").0, 207);
}

#[test]
fn paths_have_the_prefix() {
    let sandbox = Sandbox::with(&["--prefix", "/files"]);
    sandbox.keep("d/f", "text");
    let (_, body) = propfind(&sandbox, "/files/d", "1");
    assert_eq!(hrefs(&body), ["/files/d/", "/files/d/f"]);
}

#[test]
fn bodies_that_are_made_to_harm_are_refused_and_harm_nothing() {
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let laughs = "<!DOCTYPE l [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">\
                  <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><propfind xmlns=\"DAV:\"><prop>&c;</prop></propfind>";
    let outside = "<!DOCTYPE p [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><propfind xmlns=\"DAV:\"><prop>&f;</prop></propfind>";
    let inside = |inner: &str| format!("<propfind xmlns=\"DAV:\"><prop>{inner}</prop></propfind>");
    let deep = inside(&("<a>".repeat(9000) + &"</a>".repeat(9000)));
    let declaring: String = (0..2000).map(|at| format!("<a xmlns:p{at}='u'>")).collect();
    let rows = [
        (laughs.to_owned(), 400),
        (outside.to_owned(), 400),
        (deep, 400),
        (inside(&declaring), 400),
        (inside(&"<a/>".repeat(257)), 400),
        (inside(&"<a/>".repeat(10_000)), 400),
        (inside(&" ".repeat(70_000)), 413),
        (inside("<x:a/>"), 400),
        (inside("<a xmlns:x=''/>"), 400),
        ("\u{feff}not XML".to_owned(), 400),
    ];
    for (body, status) in rows {
        for method in ["PROPFIND", "PROPPATCH", "LOCK"] {
            let start = body.get(..60).unwrap_or(&body);
            assert_eq!(ask(&sandbox, method, "/f", "0", &body).0, status, "{method} {start}");
        }
    }
    assert_eq!(propfind(&sandbox, "/f", "0").0, 207);
    assert_eq!(sandbox.stored("f"), b"text");
}

#[test]
fn the_properties_of_a_file_have_a_limit_and_what_is_past_it_changes_nothing() {
    if !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("f", "text");
    let set = |value: &str| {
        let body = format!(
            "<propertyupdate xmlns='DAV:'><set><prop><a xmlns='u'>{value}</a></prop></set></propertyupdate>"
        );
        ask(&sandbox, "PROPPATCH", "/f", "0", &body).1
    };
    assert!(set("small").contains("200 OK"));
    assert!(set(&"x".repeat(40_000)).contains("507 Insufficient Storage"));
    let (_, body) = propfind(&sandbox, "/f", "0");
    assert!(body.contains("<a xmlns='u'>small</a>"), "{body}");
}
