//! What an upload's `Location` is to different clients: a URL where scheme and host are known for sure, else a path.

use super::wire::{Wire, ask, look, patch};
use crate::common::Sandbox;

/// The place of a new upload, as both the 104 and the 201 say it.
fn place(sandbox: &Sandbox, fields: &str) -> String {
    let mut wire = Wire::to(sandbox);
    let fields = format!("{fields}\nUpload-Complete: ?0\nUpload-Draft-Interop-Version: 8\nContent-Length: 1");
    wire.bare_head("PUT /f", &fields).send(b"a");
    let (interim, answer) = (wire.answer(false), wire.answer(true));
    assert_eq!((interim.status, answer.status), (104, 201));
    assert_eq!(interim.field("location"), answer.field("location"));
    answer.field("location").to_owned()
}

/// What stands before the path.
fn origin(sandbox: &Sandbox, fields: &str) -> String {
    let place = place(sandbox, fields);
    let (origin, id) = place.split_once("/.cfpd/uploads/").unwrap();
    assert_eq!(id.len(), 32, "{place}");
    origin.to_owned()
}

#[test]
fn on_loopback_an_upload_has_a_url_unless_a_proxy_may_stand_between() {
    let sandbox = Sandbox::with(&["--host", "files.example"]);
    let rows = [
        ("Host: localhost:8080", "http://localhost:8080"),
        ("Host: 127.0.0.1", "http://127.0.0.1"),
        ("Host: [::1]:80", "http://[::1]:80"),
        ("Host: files.example", ""),
        ("Host: localhost\nVia: 1.1 proxy", ""),
        ("Host: localhost\nX-Forwarded-Proto: https", ""),
        ("Host: localhost\nForwarded: proto=https", ""),
        // Nobody is believed about another host.
        ("Host: localhost\nX-Forwarded-Host: outside.example", "http://localhost"),
    ];
    for (fields, expected) in rows {
        assert_eq!(origin(&sandbox, fields), expected, "{fields}");
    }
}

#[test]
fn a_trusted_proxy_tells_the_url_of_an_upload() {
    let sandbox = Sandbox::with(&["--trusted-proxy", "127.0.0.1", "--host", "files.example"]);
    let rows = [
        ("X-Forwarded-Proto: https", "https://files.example"),
        ("X-Forwarded-Proto: http", "http://files.example"),
        ("Forwarded: for=203.0.113.7;proto=https", "https://files.example"),
        ("X-Forwarded-Proto: https\nX-Forwarded-Host: site.example:8443", "https://site.example:8443"),
        ("X-Forwarded-Proto: https\nX-Forwarded-Host: site.example, files.example", ""),
        ("X-Forwarded-Proto: https\nX-Forwarded-Host: user@site.example", ""),
        ("X-Forwarded-Proto: https, http", ""),
        ("", ""),
    ];
    for (fields, expected) in rows {
        assert_eq!(origin(&sandbox, &format!("Host: files.example\n{fields}")), expected, "{fields}");
    }
}

#[test]
fn an_upload_is_gone_on_with_at_its_url_and_ends_in_the_path_of_the_file() {
    let sandbox = Sandbox::new();
    let url = place(&sandbox, "Host: localhost");
    assert!(url.starts_with("http://localhost/.cfpd/uploads/"), "{url}");
    assert_eq!(look(&sandbox, &url).state(), "204 1 ?0");
    let end = patch(&sandbox, &url, 1, "?1", "", b"bc");
    assert_eq!((end.state(), end.field("location")), ("201 3 ?1".to_owned(), "/f"));
    assert_eq!(ask(&sandbox, "GET /f", "", b"").body, "abc");
}
