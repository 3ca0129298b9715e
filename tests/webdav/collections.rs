//! COPY, MOVE and DELETE of WebDAV clients, by the letter of RFC 4918, and that other clients keep the rules of before.

use crate::common::Sandbox;
use crate::common::client::Client;

/// Fields by name.
type Named<'a> = &'a [(&'a str, &'a str)];
/// A request with its destination and fields, its status, and what is stored then.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, Named<'a>, u16, &'a [&'a str]);

#[test]
fn webdav_clients_copy_move_and_delete_directories_by_the_letter() {
    const OVER: &str = "http://h/";
    let to = |name: &str| format!("{OVER}{name}");
    let rows: [Row<'_>; 13] = [
        ("COPY", "/f", Some("d"), &[("Overwrite", "T")], 204, &["d", "e", "e/in", "f"]),
        ("COPY", "/f", Some("d/"), &[("Overwrite", "T")], 204, &["d", "e", "e/in", "f"]),
        ("MOVE", "/f", Some("d"), &[("Overwrite", "T")], 204, &["d", "e", "e/in"]),
        ("MOVE", "/e", Some("f"), &[("Overwrite", "T")], 204, &["d", "d/x", "f", "f/in"]),
        ("MOVE", "/e", Some("d"), &[("Overwrite", "T")], 204, &["d", "d/in", "f"]),
        ("COPY", "/e", Some("n"), &[("Overwrite", "T")], 201, &["d", "d/x", "e", "e/in", "f", "n", "n/in"]),
        ("COPY", "/e", Some("d"), &[("Depth", "0")], 204, &["d", "e", "e/in", "f"]),
        ("COPY", "/e", Some("d"), &[("Depth", "1")], 400, &["d", "d/x", "e", "e/in", "f"]),
        (
            "COPY",
            "/e",
            Some("d"),
            &[("Depth", "0"), ("Overwrite", "F")],
            412,
            &["d", "d/x", "e", "e/in", "f"],
        ),
        ("MOVE", "/e/", Some("n"), &[("Depth", "0")], 400, &["d", "d/x", "e", "e/in", "f"]),
        ("DELETE", "/d", None, &[("Depth", "infinity")], 204, &["e", "e/in", "f"]),
        ("DELETE", "/d", None, &[("Translate", "f")], 204, &["e", "e/in", "f"]),
        ("DELETE", "/d/", None, &[("Depth", "0")], 400, &["d", "d/x", "e", "e/in", "f"]),
    ];
    for (method, target, destination, fields, status, left) in rows {
        let sandbox = Sandbox::with(&["--no-sync"]);
        for name in ["d/x", "e/in", "f"] {
            sandbox.keep(name, "text");
        }
        let destination = destination.map(to);
        let mut all: Vec<_> = destination.iter().map(|to| ("Destination", to.as_str())).collect();
        all.extend(fields);
        let mut client = Client::connect(sandbox.address()).unwrap();
        let answer = client.ask(method, target, &all, None).unwrap();
        assert_eq!(answer.status, status, "{method} {target} {all:?}");
        let mut stored = sandbox.all_stored();
        stored.retain(|name| !name.starts_with(".cfpd"));
        assert_eq!(stored, left, "{method} {target} {all:?}");
    }
}

#[test]
fn other_clients_need_the_final_slash() {
    let rows: [(&str, &str, Named<'_>); 4] = [
        ("DELETE", "/d", &[]),
        ("COPY", "/d", &[("Destination", "/n")]),
        ("COPY", "/f", &[("Destination", "/d"), ("Overwrite", "T")]),
        ("MOVE", "/f", &[("Destination", "/d"), ("Overwrite", "T")]),
    ];
    let sandbox = Sandbox::new();
    sandbox.keep("d/x", "text");
    sandbox.keep("f", "text");
    for (method, target, fields) in rows {
        let answer = Client::connect(sandbox.address()).unwrap().ask(method, target, fields, None).unwrap();
        assert_eq!(answer.status, 409, "{method} {target}");
    }
    assert_eq!(sandbox.all_stored(), ["d", "d/x", "f"]);
}
