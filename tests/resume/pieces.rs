//! The requests of the protocol, and what an upload in pieces leaves under its name.

use std::fs;

use super::wire::{Wire, ask, begin_and_cut, bytes, digest, kept, look, patch};
use crate::common::Sandbox;

#[test]
fn an_upload_that_comes_in_one_go_is_a_put_like_any_other() {
    let sandbox = Sandbox::new();
    let mut wire = Wire::to(&sandbox);
    wire.head("PUT /f", "Content-Length: 4\nUpload-Complete: ?1\nUpload-Length: 4");
    let interim = wire.answer(false);
    assert_eq!((interim.status, interim.field("upload-draft-interop-version")), (104, "8"));
    let id = interim.field("location").strip_prefix("/.cfpd/uploads/").unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(interim.field("upload-limit"), "max-size=1099511627776, max-age=86400");
    let answer = wire.send(b"text").answer(true);
    assert_eq!((answer.state(), answer.field("location")), ("201 4 ?1".to_owned(), "/f"));
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"text");
    let again = wire.head("HEAD /f", "").answer(false);
    assert_eq!(again.field("etag"), answer.field("etag"));
    assert_eq!(again.field("repr-digest"), digest(b"text"));
    assert_eq!(kept(&sandbox), [""; 0]);
    assert!(xattr::list(sandbox.root().join("f")).unwrap().all(|name| name != "user.cfpd.upload"));
}

#[test]
fn an_upload_cut_anywhere_goes_on_where_it_stopped() {
    let sandbox = Sandbox::new();
    let all = bytes(200_000);
    for cut in [0, 1, 2, 1000, 16_384, 65_536, 65_537, 131_072, 199_999, 200_000 - 7] {
        let name = format!("f{cut}");
        let place = begin_and_cut(&sandbox, &name, "", all.len(), &all[..cut]);
        let state = look(&sandbox, &place);
        assert_eq!(state.state(), format!("204 {cut} ?0"));
        assert_eq!((state.field("upload-length"), state.field("cache-control")), ("200000", "no-store"));
        assert!(state.field("upload-limit").contains("max-age=8"), "{state:?}");
        assert!(!sandbox.root().join(&name).exists());
        let end = patch(&sandbox, &place, cut, "?1", "", &all[cut..]);
        assert_eq!(end.state(), "201 200000 ?1");
        assert_eq!(end.field("location"), format!("/{name}"));
        assert_eq!(fs::read(sandbox.root().join(&name)).unwrap(), all, "cut at {cut}");
        let stored = ask(&sandbox, &format!("HEAD /{name}"), "", b"");
        assert_eq!((stored.field("etag"), stored.field("repr-digest")), (end.field("etag"), &*digest(&all)));
    }
    assert_eq!(kept(&sandbox), [""; 0]);
}

#[test]
fn a_content_without_a_known_length_comes_in_pieces() {
    let sandbox = Sandbox::new();
    let all = bytes(100_000);
    let begun = ask(&sandbox, "PUT /f", "Upload-Complete: ?0", &all[..10]);
    assert_eq!(begun.state(), "201 10 ?0");
    let place = begun.field("location").to_owned();
    assert_eq!(look(&sandbox, &place).field("upload-length"), "-");
    assert_eq!(patch(&sandbox, &place, 10, "?0", "", &all[10..50_000]).state(), "204 50000 ?0");
    assert_eq!(patch(&sandbox, &place, 50_000, "?0", "", b"").state(), "204 50000 ?0");
    let mut wire = Wire::to(&sandbox);
    wire.head(
        &format!("PATCH {place}"),
        "Content-Type: application/partial-upload\nUpload-Offset: 50000\nUpload-Complete: ?0
         Transfer-Encoding: chunked",
    );
    wire.send(b"c350\r\n").send(&all[50_000..]).send(b"\r\n0\r\n\r\n");
    assert_eq!(wire.answer(true).state(), "204 100000 ?0");
    assert_eq!(patch(&sandbox, &place, 100_000, "?1", "", b"").state(), "201 100000 ?1");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), all);
}

#[test]
fn what_has_ended_is_remembered_for_who_missed_the_answer() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    let end = patch(&sandbox, &place, 2, "?1", "", b"xt");
    let state = look(&sandbox, &place);
    assert_eq!((state.state(), state.field("etag")), ("204 4 ?1".into(), end.field("etag")));
    let more = patch(&sandbox, &place, 4, "?1", "Accept: application/problem+json", b"");
    assert_eq!(more.status, 400);
    assert!(more.body.contains("http-problem-types#completed-upload"), "{more:?}");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"text");
}

#[test]
fn a_wrong_offset_is_refused_with_the_right_one() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    for offset in [0, 1, 3, 4, 5] {
        let wrong = patch(&sandbox, &place, offset, "?1", "Accept: application/problem+json", b"x");
        assert_eq!((wrong.status, wrong.field("upload-offset")), (409, "2"));
        for part in
            ["#mismatching-upload-offset", "\"expected-offset\":2", &format!("\"provided-offset\":{offset}")]
        {
            assert!(wrong.body.contains(part), "{wrong:?}");
        }
    }
    let plain = patch(&sandbox, &place, 3, "?1", "", b"t");
    assert_eq!(plain.body, "upload: is at offset 2, not 3\n");
    assert_eq!(look(&sandbox, &place).state(), "204 2 ?0");
}

#[test]
fn a_field_of_a_part_that_is_malformed_is_not_said_to_be_missing() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    let rows = [
        ("", "Upload-Offset: is missing\n"),
        ("Upload-Offset: -1", "Upload-Offset: is not a number of bytes\n"),
        ("Upload-Offset: 2", "Upload-Complete: is missing\n"),
        ("Upload-Offset: 2\nUpload-Complete: yes", "Upload-Complete: is neither ?0 nor ?1\n"),
    ];
    for (fields, said) in rows {
        let fields = format!("Content-Type: application/partial-upload\n{fields}");
        let answer = ask(&sandbox, &format!("PATCH {place}"), fields.trim_end(), b"x");
        assert_eq!((answer.status, answer.body.as_str()), (400, said));
    }
}

#[test]
fn two_lengths_that_cannot_both_be_true_are_refused() {
    let sandbox = Sandbox::new();
    let asked = "Accept: application/problem+json\nUpload-Complete: ?1\nUpload-Length: 5";
    let wrong = ask(&sandbox, "PUT /f", asked, b"text");
    assert!(wrong.status == 400 && wrong.body.contains("#inconsistent-upload-length"), "{wrong:?}");
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"x").status, 400);
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xts").status, 400);
    assert_eq!(patch(&sandbox, &place, 2, "?0", "Upload-Length: 5", b"x").status, 400);
    assert_eq!(look(&sandbox, &place).state(), "204 2 ?0");
    // One that is longer than it said it would be, and finds out on the way, is none any more.
    let mut wire = Wire::to(&sandbox);
    wire.head(
        &format!("PATCH {place}"),
        "Content-Type: application/partial-upload\nUpload-Offset: 2\nUpload-Complete: ?0\nTransfer-Encoding: chunked",
    );
    wire.send(b"3\r\nxts\r\n0\r\n\r\n");
    assert_eq!(wire.answer(true).status, 400);
    assert_eq!(look(&sandbox, &place).status, 404);
    assert!(kept(&sandbox).is_empty() && !sandbox.root().join("f").exists());
}

#[test]
fn what_is_no_piece_is_refused_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    let partial = "Content-Type: application/partial-upload";
    let rows = [
        ("PATCH", "Upload-Offset: 2\nUpload-Complete: ?1".to_owned(), 415),
        ("PATCH", "Content-Type: text/plain\nUpload-Offset: 2\nUpload-Complete: ?1".to_owned(), 415),
        ("PATCH", format!("{partial}\nUpload-Offset: 2\nUpload-Complete: ?1\nContent-Encoding: zstd"), 415),
        ("PATCH", format!("{partial}\nUpload-Complete: ?1"), 400),
        ("PATCH", format!("{partial}\nUpload-Offset: 2"), 400),
        ("PATCH", format!("{partial}\nUpload-Offset: -2\nUpload-Complete: ?1"), 400),
        ("PATCH", format!("{partial}\nUpload-Offset: 2\nUpload-Complete: yes"), 400),
        ("GET", String::new(), 405),
        ("PUT", String::new(), 405),
    ];
    for (method, fields, status) in rows {
        let answer = ask(&sandbox, &format!("{method} {place}"), &fields, b"xt");
        assert_eq!(answer.status, status, "{method} {fields}");
        match status {
            405 => assert_eq!(answer.field("allow"), "HEAD, PATCH, DELETE"),
            415 => assert_eq!(answer.field("accept-patch"), "application/partial-upload"),
            _ => {}
        }
    }
    assert_eq!(look(&sandbox, &place).state(), "204 2 ?0");
    for unknown in ["0123456789abcdef0123456789abcdef", "..", "f", "%2e%2e", ""] {
        assert!(
            matches!(look(&sandbox, &format!("/.cfpd/uploads/{unknown}")).status, 403 | 404),
            "{unknown}"
        );
    }
}

#[test]
fn what_cannot_be_gone_on_with_is_taken_as_any_put() {
    let sandbox = Sandbox::new();
    let rows = [
        ("/f?reverse", "Upload-Complete: ?1"),
        ("/f", "Upload-Complete: 1"),
        ("/f", "Upload-Complete: ?1\nUpload-Draft-Interop-Version: 5"),
    ];
    for (target, fields) in rows {
        let mut wire = Wire::to(&sandbox);
        wire.head(&format!("PUT {target}"), &format!("{fields}\nContent-Length: 4")).send(b"text");
        assert!(matches!(wire.answer(true).status, 201 | 204), "{target} {fields}");
    }
    // A piece must not be taken for the whole.
    let part = ask(&sandbox, "PUT /f?reverse", "Upload-Complete: ?0", b"te");
    assert_eq!(part.status, 400);
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"text");
}

#[test]
fn conditions_of_the_beginning_hold_at_the_end() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "If-None-Match: *", 4, b"te");
    sandbox.keep("f", "theirs");
    let end = patch(&sandbox, &place, 2, "?1", "", b"xt");
    assert_eq!(end.state(), "412 - ?1");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"theirs");
    assert_eq!(look(&sandbox, &place).status, 404);

    let etag = ask(&sandbox, "HEAD /f", "", b"").field("etag").to_owned();
    let place = begin_and_cut(&sandbox, "f", &format!("If-Match: {etag}"), 4, b"te");
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xt").state(), "204 4 ?1");
    let place = {
        let etag = ask(&sandbox, "HEAD /f", "", b"").field("etag").to_owned();
        begin_and_cut(&sandbox, "f", &format!("If-Match: {etag}"), 4, b"TE")
    };
    ask(&sandbox, "PUT /f", "", b"theirs");
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"XT").state(), "412 - ?1");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"theirs");
    assert_eq!(kept(&sandbox), [""; 0]);
}

#[test]
fn a_digest_that_is_not_that_of_the_whole_leaves_nothing() {
    let sandbox = Sandbox::new();
    let right = format!("Repr-Digest: {}", digest(b"text"));
    let wrong = format!("Repr-Digest: {}", digest(b"tint"));
    for (begin, end, status) in
        [(&*wrong, "", 400), ("", &*wrong, 400), (&*right, "", 201), ("", &*right, 204)]
    {
        let place = begin_and_cut(&sandbox, "f", begin, 4, b"te");
        let answer = patch(&sandbox, &place, 2, "?1", end, b"xt");
        let offset = if status == 400 { "-" } else { "4" };
        assert_eq!(answer.state(), format!("{status} {offset} ?1"), "{begin} {end}");
        assert_eq!((kept(&sandbox).len(), sandbox.root().join("f").exists()), (0, status != 400));
    }
    // In the trailer section of the last piece.
    for (whole, status) in [(&b"tint"[..], 400), (b"text", 204)] {
        let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
        let mut wire = Wire::to(&sandbox);
        wire.head(
            &format!("PATCH {place}"),
            "Content-Type: application/partial-upload\nUpload-Offset: 2\nUpload-Complete: ?1
             Transfer-Encoding: chunked\nTrailer: Repr-Digest",
        );
        wire.send(format!("2\r\nxt\r\n0\r\nRepr-Digest: {}\r\n\r\n", digest(whole)).as_bytes());
        assert_eq!(wire.answer(true).status, status);
    }
    // One of a piece alone: the piece is as if it had not come.
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    let said = format!("Content-Digest: {}", digest(b"xx"));
    assert_eq!(patch(&sandbox, &place, 2, "?1", &said, b"xt").status, 400);
    assert_eq!(look(&sandbox, &place).state(), "204 2 ?0");
    let said = format!("Content-Digest: {}", digest(b"xt"));
    assert_eq!(patch(&sandbox, &place, 2, "?1", &said, b"xt").status, 204);
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"text");
}

#[test]
fn what_is_kept_is_seen_by_nobody() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "d", "", 4, b"te");
    let id = place.rsplit('/').next().unwrap();
    assert_eq!(kept(&sandbox), [id]);
    for list in ["GET /", "GET /?recursive"] {
        assert_eq!(ask(&sandbox, list, "", b"").body, "");
    }
    for name in [".cfpd-uploads/", ".cfpd-uploads", &format!(".cfpd-uploads/{id}")] {
        assert_eq!(ask(&sandbox, &format!("GET /{name}"), "", b"").status, 403, "{name}");
        assert_eq!(ask(&sandbox, &format!("DELETE /{name}"), "", b"").status, 403, "{name}");
    }
}

#[test]
fn an_upload_that_is_given_up_is_gone() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    assert_eq!(ask(&sandbox, &format!("DELETE {place}"), "", b"").status, 204);
    assert_eq!(ask(&sandbox, &format!("DELETE {place}"), "", b"").status, 404);
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xt").status, 404);
    assert_eq!(kept(&sandbox), [""; 0]);
}

#[test]
fn options_say_that_uploads_can_be_gone_on_with() {
    let sandbox = Sandbox::new();
    let answer = ask(&sandbox, "OPTIONS /f", "", b"");
    assert_eq!(answer.field("accept-patch"), "application/partial-upload");
    assert_eq!(answer.field("upload-limit"), "max-size=1099511627776");
}

#[test]
fn the_versions_that_say_the_same_are_understood_and_who_says_none_hears_no_104() {
    let sandbox = Sandbox::new();
    for version in ["6", "7", "8"] {
        let mut wire = Wire::to(&sandbox);
        let fields =
            format!("Content-Length: 4\nUpload-Complete: ?1\nUpload-Draft-Interop-Version: {version}");
        wire.head("PUT /f", &fields);
        let interim = wire.answer(false);
        assert_eq!((interim.status, interim.field("upload-draft-interop-version")), (104, version));
        let answer = wire.send(b"text").answer(true);
        assert!(matches!(answer.status, 201 | 204));
        assert_eq!((answer.field("upload-complete"), answer.field("upload-offset")), ("?1", "4"));
    }
    for fields in ["", "Upload-Draft-Interop-Version: 3\n", "Upload-Draft-Interop-Version: 9\n"] {
        let mut wire = Wire::to(&sandbox);
        wire.plain_head("PUT /f", &format!("{fields}Content-Length: 4\nUpload-Complete: ?1")).send(b"text");
        assert_eq!(wire.answer(true).status, 204, "{fields}");
    }
}

#[test]
fn a_piece_is_told_of_before_it_comes_and_a_wrong_offset_that_more_is_to_follow() {
    let sandbox = Sandbox::new();
    let place = begin_and_cut(&sandbox, "f", "", 4, b"te");
    let wrong = patch(&sandbox, &place, 1, "?1", "", b"ext");
    assert_eq!(wrong.state(), "409 2 ?0");
    let mut wire = Wire::to(&sandbox);
    wire.head(
        &format!("PATCH {place}"),
        "Content-Type: application/partial-upload\nUpload-Offset: 2\nUpload-Complete: ?1\nContent-Length: 2\n\
         Upload-Draft-Interop-Version: 8",
    );
    let interim = wire.answer(false);
    assert_eq!((interim.status, interim.field("upload-offset")), (104, "2"));
    assert_eq!(wire.send(b"xt").answer(true).state(), "201 4 ?1");
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), b"text");
}

#[test]
fn a_post_to_a_name_begins_an_upload_as_a_put_does() {
    let sandbox = Sandbox::new();
    let begun = ask(&sandbox, "POST /f", "Upload-Complete: ?0", b"te");
    assert_eq!((begun.status, sandbox.root().join("f").exists()), (201, false));
    let place = begun.field("location").to_owned();
    assert_eq!(patch(&sandbox, &place, 2, "?1", "", b"xt").state(), "201 4 ?1");
    assert_eq!(ask(&sandbox, "POST /g", "Upload-Complete: ?1", b"text").status, 201);
    assert_eq!(fs::read(sandbox.root().join("f")).unwrap(), fs::read(sandbox.root().join("g")).unwrap());
    assert_eq!(ask(&sandbox, "POST /h", "", b"text").status, 405);
    assert_eq!(ask(&sandbox, "POST /d/", "Upload-Complete: ?1", b"text").status, 405);
}

#[test]
fn what_the_third_version_says_is_not_all_is_not_stored_as_if_it_were() {
    let sandbox = Sandbox::new();
    for line in ["PUT /f", "POST /f"] {
        for value in ["?1", "?0"] {
            let fields = format!("Upload-Draft-Interop-Version: 3\nUpload-Incomplete: {value}");
            assert!(matches!(ask(&sandbox, line, &fields, b"te").status, 400 | 405), "{line}");
        }
    }
    assert!(!sandbox.root().join("f").exists());
}
