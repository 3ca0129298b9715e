//! Write locks (RFC 4918 §6, §7, §9.10, §9.11) at the real daemon: who is kept out of what, by which token, and until when.

use std::fs;

use nix::sys::signal::Signal;

use crate::common::watch::Watch;
use crate::common::{Sandbox, need};
use crate::webdav::locker::{Locker, submitting, token_of};

/// Fields by name.
type Named<'a> = &'a [(&'a str, &'a str)];
/// A request that changes `d` or something in it, and what then answers it with the token.
type Row<'a> = (&'a str, &'a str, Named<'a>, Option<&'a str>, u16);

/// Every way to change what is beneath `/d/`.
const WRITES: &[Row<'_>] = &[
    ("PUT", "/d/f", &[], Some("new"), 204),
    ("PUT", "/d/new", &[], Some("new"), 201),
    ("PUT", "/d/f?reverse", &[], Some("a b"), 204),
    ("PUT", "/d/up", &[("Upload-Complete", "?1")], Some("all"), 201),
    ("COPY", "/e", &[("Destination", "/d/copy")], None, 201),
    ("COPY", "/e", &[("Destination", "/d/f")], None, 204),
    ("COPY", "/e?reverse", &[("Destination", "/d/turned")], None, 201),
    ("COPY", "/d/f?replace=b&with=x", &[("Destination", "/d/f")], None, 204),
    ("COPY", "/o/", &[("Destination", "/d/o/")], None, 201),
    ("MOVE", "/e", &[("Destination", "/d/e")], None, 201),
    ("MOVE", "/d/f", &[("Destination", "/out")], None, 201),
    ("MOVE", "/d/", &[("Destination", "/out/")], None, 201),
    ("MOVE", "/o/", &[("Destination", "/d/")], None, 204),
    ("DELETE", "/d/f", &[], None, 204),
    ("DELETE", "/d/sub/", &[], None, 204),
    ("DELETE", "/d/", &[], None, 204),
    ("MKCOL", "/d/m/", &[], None, 201),
    ("PROPPATCH", "/d/f", &[], Some(PROPERTY), 207),
    ("PROPPATCH", "/d/", &[], Some(PROPERTY), 207),
];

/// The body of a PROPPATCH.
const PROPERTY: &str =
    "<propertyupdate xmlns='DAV:'><set><prop><a xmlns='urn:a'>b</a></prop></set></propertyupdate>";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with(&["--no-sync"]);
    fill(&sandbox);
    sandbox
}

fn fill(sandbox: &Sandbox) {
    for name in ["d/f", "d/sub/g", "e", "o/f"] {
        sandbox.keep(name, "a b");
    }
}

/// Everything that is served: names and contents.
fn contents(sandbox: &Sandbox) -> Vec<(String, Option<Vec<u8>>)> {
    let names = sandbox.all_stored().into_iter().filter(|name| !name.starts_with(".cfpd-"));
    names.map(|name| (name.clone(), fs::read(sandbox.root().join(&name)).ok())).collect()
}

#[test]
fn a_lock_keeps_every_writing_method_out_and_its_token_lets_each_in() {
    for (method, target, fields, body, status) in WRITES {
        let sandbox = sandbox();
        let mut client = Locker::at(sandbox.address());
        let token = client.lock("/d", &[("Depth", "infinity")]);
        let before = contents(&sandbox);
        let body = body.map(str::as_bytes);
        if *method != "LOCK" {
            let refused = client.ask(method, target, fields, body);
            assert_eq!(refused.status, 423, "{method} {target} {fields:?}: {}", refused.text());
            assert!(
                refused.text().starts_with("/d/: is locked by another client, for "),
                "{}",
                refused.text()
            );
            let other = [fields, &[("If", "(<urn:uuid:0>) (Not <DAV:no-lock>)")][..]].concat();
            assert_eq!(client.status(method, target, &other, body), 423, "{method} {target} {fields:?}");
            assert_eq!(contents(&sandbox), before, "{method} {target} {fields:?}");
        }
        let tagged = format!("</d/> (<{token}>)");
        let with = [fields, &[("If", tagged.as_str())][..]].concat();
        let allowed = client.ask(method, target, &with, body);
        assert_eq!(allowed.status, *status, "{method} {target} {fields:?}: {}", allowed.text());
    }
}

#[test]
fn an_upload_in_parts_is_stored_only_with_the_token() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let part = [("Upload-Complete", "?0")];
    let begin = || {
        let mut raw = sandbox.connect();
        raw.send("PUT /d/f HTTP/1.1\r\nHost: h\r\nUpload-Complete: ?0\r\nContent-Length: 3\r\n\r\nnew");
        let answer = raw.answer();
        assert_eq!(answer.status, 201);
        let location = answer.field("location").to_owned();
        location[location.find("/.cfpd").unwrap()..].to_owned()
    };
    let end = |client: &mut Locker, upload: &str, condition: Option<&str>| {
        let mut fields = vec![
            ("Upload-Complete", "?1"),
            ("Upload-Offset", "3"),
            ("Content-Type", "application/partial-upload"),
        ];
        fields.extend(condition.map(|condition| ("If", condition)));
        client.status("PATCH", upload, &fields, Some(b"er"))
    };
    let upload = begin();
    let token = client.lock("/d/f", &[]);
    assert_eq!(end(&mut client, &upload, None), 423);
    assert_eq!(sandbox.stored("d/f"), b"a b");
    assert_eq!(client.status("PUT", "/d/f", &part, Some(b"new")), 423, "nor is one begun");
    assert_eq!(client.unlock("/d/f", &token), 204);
    let upload = begin();
    let token = client.lock("/d/f", &[]);
    assert_eq!(end(&mut client, &upload, Some(&submitting(&token))), 204);
    assert_eq!(sandbox.stored("d/f"), b"newer");
}

#[test]
fn a_directory_does_not_go_from_under_a_lock_on_something_in_it() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let token = client.lock("/d/sub/g", &[]);
    let before = contents(&sandbox);
    let rows: [(&str, &str, Named<'_>); 5] = [
        ("DELETE", "/d/", &[]),
        ("DELETE", "/d/sub/", &[]),
        ("MOVE", "/d/", &[("Destination", "/out/")]),
        ("MOVE", "/o/", &[("Destination", "/d/")]),
        ("COPY", "/o/", &[("Destination", "/d/")]),
    ];
    for (method, target, fields) in rows {
        let refused = client.ask(method, target, fields, None);
        assert_eq!(refused.status, 423, "{method} {target}");
        assert!(refused.text().starts_with("/d/sub/g: is locked"), "{}", refused.text());
        assert_eq!(contents(&sandbox), before);
    }
    assert_eq!(client.put("/d/f", "new"), 204, "what is beside it is free");
    let changed = client.status("PROPPATCH", "/d/", &[], Some(PROPERTY.as_bytes()));
    assert_eq!(
        (changed, client.put("/d/sub/g", "new")),
        (207, 423),
        "so are the properties of the directory"
    );
    let condition = format!("</d/sub/g> (<{token}>)");
    assert_eq!(client.status("DELETE", "/d/", &[("If", &condition)], None), 204);
    assert_eq!(client.put("/d", "new"), 201);
    assert_eq!(client.unlock("/d/sub/g", &token), 409, "the lock went with its name");
}

#[test]
fn a_lock_on_a_directory_alone_keeps_its_names_and_not_the_contents() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let token = client.lock("/d/", &[("Depth", "0")]);
    let rows: [(&str, &str, Named<'_>, u16); 8] = [
        ("PUT", "/d/f", &[], 204),
        ("PUT", "/d/sub/new", &[], 201),
        ("PUT", "/d/new", &[], 423),
        ("MKCOL", "/d/m/", &[], 423),
        ("DELETE", "/d/f", &[], 423),
        ("MOVE", "/d/f", &[("Destination", "/f")], 423),
        ("MOVE", "/e", &[("Destination", "/d/e")], 423),
        ("COPY", "/e", &[("Destination", "/d/e")], 423),
    ];
    for (method, target, fields, status) in rows {
        let body = (method == "PUT").then_some(&b"new"[..]);
        assert_eq!(client.status(method, target, fields, body), status, "{method} {target}");
    }
    let locked = client.try_lock("/d/new", "exclusive", &[]);
    assert_eq!(locked.status, 423, "a lock would add the name");
    assert_eq!(client.put_with("/d/new", &token, "new"), 201);
}

#[test]
fn the_if_header_is_a_condition_of_every_write() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let token = client.lock("/d/f", &[]);
    let tag = client.ask("HEAD", "/d/f", &[], None).field("etag").to_owned();
    let (other, none) = ("urn:uuid:0", "DAV:no-lock");
    let rows = [
        (format!("(<{token}>)"), 204),
        (format!("(<{token}> [\"x\"])"), 412),
        (format!("(<{other}>)"), 412),
        (format!("(<{none}>)"), 412),
        (format!("(Not <{none}>)"), 423),
        (format!("(<{other}>) (<{token}>)"), 204),
        (format!("(Not <{token}>)"), 412),
        (format!("<http://h/d/f> (<{token}>)"), 204),
        (format!("</e> (<{token}>)"), 412),
        (format!("</nothing> (Not <{token}>)"), 204),
        (format!("<//> (Not [{tag}]) (<{token}>)"), 204),
        ("()".to_owned(), 400),
        ("(<a".to_owned(), 400),
        (format!("(<{token}>)").repeat(1001), 400),
    ];
    for (condition, status) in &rows {
        let asked = client.status("PUT", "/d/f", &[("If", condition)], Some(b"new"));
        assert_eq!(asked, *status, "{condition:.80}");
    }
    let tag = client.ask("HEAD", "/d/f", &[], None).field("etag").to_owned();
    let current = format!("(<{token}> [{tag}])");
    assert_eq!(client.status("PUT", "/d/f", &[("If", &current)], Some(b"newer")), 204);
    assert_eq!(client.status("PUT", "/d/f", &[("If", &current)], Some(b"newest")), 412);
    for (method, target, fields) in [
        ("DELETE", "/e", &[][..]),
        ("COPY", "/e", &[("Destination", "/x")][..]),
        ("MOVE", "/e", &[("Destination", "/x")]),
        ("MKCOL", "/x/", &[]),
        ("UNLOCK", "/d/f", &[("Lock-Token", "<x:y>")]),
        ("LOCK", "/x", &[]),
    ] {
        let failing = [fields, &[("If", "(<DAV:no-lock>)")][..]].concat();
        assert_eq!(client.status(method, target, &failing, None), 412, "{method} {target}");
    }
    assert_eq!(contents(&sandbox).iter().filter(|(name, _)| name == "x").count(), 0);
}

#[test]
fn a_lock_is_told_refreshed_and_removed() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let made = client.try_lock("/new%20%26", "exclusive", &[("Timeout", "Extend, Second-100")]);
    assert_eq!((made.status, sandbox.stored("new &")), (201, Vec::new()));
    let (token, told) = (token_of(&made), made.text());
    for part in [
        "<D:lockscope><D:exclusive/></D:lockscope>",
        "<D:depth>infinity</D:depth>",
        ">a test</l:owner>",
        "<D:timeout>Second-100</D:timeout>",
        &format!("<D:locktoken><D:href>{token}</D:href></D:locktoken>"),
        "<D:lockroot><D:href>/new%20%26</D:href></D:lockroot>",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let condition = format!("(<{token}>)");
    let fields = [("If", condition.as_str()), ("Timeout", "Second-1000")];
    let refreshed = client.ask("LOCK", "/new%20%26", &fields, None);
    assert_eq!((refreshed.status, refreshed.field("lock-token")), (200, ""));
    assert!(refreshed.text().contains("Second-1000<"), "{}", refreshed.text());
    let refused = client.try_lock("/new%20%26", "shared", &[]);
    assert_eq!(refused.status, 423);
    let conflict = "<D:no-conflicting-lock><D:href>/new%20%26</D:href></D:no-conflicting-lock>";
    assert!(refused.text().contains(conflict), "{}", refused.text());
    let locked = client.ask("PUT", "/new%20%26", &[("If", "(Not <DAV:no-lock>)")], Some(b"x"));
    let submitted = "<D:lock-token-submitted><D:href>/new%20%26</D:href></D:lock-token-submitted>";
    assert!(locked.text().contains(submitted), "{}", locked.text());
    assert_eq!(client.unlock("/new%20%26", "urn:uuid:0"), 409);
    assert_eq!(client.unlock("/e", &token), 409, "it is no lock of that name");
    assert_eq!(client.status("UNLOCK", "/e", &[], None), 400);
    assert_eq!(client.status("UNLOCK", "/e", &[("Lock-Token", "x")], None), 400);
    assert_eq!(client.unlock("/new%20%26", &token), 204);
    assert_eq!(client.put("/new%20%26", "x"), 204);
    let gone = client.ask("LOCK", "/new%20%26", &[("If", "(<urn:uuid:0>) (Not <DAV:no-lock>)")], None);
    assert_eq!(gone.status, 412);
    assert!(gone.text().contains("<D:lock-token-matches-request-uri/>"));
    assert_eq!(client.status("LOCK", "/e", &[], None), 400, "nothing is said of what is to be locked");
    assert_eq!(client.try_lock("/e", "exclusive", &[("Depth", "1")]).status, 400);
    for (target, status) in [("/none/f", 409), ("/none/", 409), ("/.cfpd-dav-locks", 403), ("/.cfpd/x", 403)]
    {
        assert_eq!(client.try_lock(target, "exclusive", &[]).status, status, "{target}");
    }
}

#[test]
fn shared_locks_are_on_one_name_together_and_a_deep_one_meets_those_beneath() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let tokens = [(); 2].map(|()| token_of(&client.try_lock("/d/f", "shared", &[])));
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(client.put("/d/f", "x"), 423);
    for token in &tokens {
        assert_eq!(client.put_with("/d/f", token, "x"), 204);
    }
    let deep = client.try_lock("/d", "exclusive", &[]);
    assert_eq!(deep.status, 207);
    for part in ["<D:href>/d/f</D:href><D:status>HTTP/1.1 423", "<D:href>/d</D:href><D:status>HTTP/1.1 424"] {
        assert!(deep.text().contains(part), "{}", deep.text());
    }
    assert_eq!(client.put("/d/new", "x"), 201, "that one is not locked");
    assert_eq!(client.try_lock("/d", "exclusive", &[("Depth", "0")]).status, 200);
}

#[test]
fn a_lock_stays_with_its_name_and_a_copy_has_none() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let token = client.lock("/d/f", &[]);
    assert_eq!(client.status("COPY", "/d/f", &[("Destination", "/copy")], None), 201);
    assert_eq!(client.put("/copy", "x"), 204);
    let submitted = submitting(&token);
    assert_eq!(client.status("MOVE", "/d/f", &[("Destination", "/moved"), ("If", &submitted)], None), 201);
    assert_eq!((client.put("/moved", "x"), client.put("/d/f", "x")), (204, 201));
    let token = client.lock("/d/f", &[]);
    assert_eq!(
        client.status("COPY", "/e", &[("Destination", "/d/f"), ("If", &submitting(&token))], None),
        204
    );
    assert_eq!(client.put("/d/f", "x"), 423, "what was replaced is still locked");
}

#[test]
fn the_tools_say_what_is_locked() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let token = client.lock("/d", &[]);
    sandbox.write("f", "new");
    let rows: [(&str, &[&str]); 5] = [
        ("cfp-put", &["f", "--as", ":d/f"]),
        ("cfp-rm", &["-r", ":d"]),
        ("cfp-mv", &[":d/f", ":out"]),
        ("cfp-cp", &[":e", ":d/e"]),
        ("cfp-replace", &["--in-place", "a", "x", ":d/f"]),
    ];
    for (program, args) in rows {
        let run = sandbox.run(program, args).code(2);
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(said.contains("is locked by another client, for "), "{program}: {said}");
    }
    assert_eq!(client.unlock("/d", &token), 204);
    sandbox.run("cfp-rm", ["-r", ":d"]).success();
}

#[test]
fn a_lock_of_one_user_is_none_of_another() {
    let sandbox = Sandbox::guarded(&[], "allow all @users /\nallow read,list * /\n");
    sandbox.keep("f", "x");
    let mut client = Locker::at(sandbox.address());
    let [alice, bob] = ["YWxpY2U6d29uZGVybGFuZA==", "Ym9iOmJ1aWxkZXI="].map(|pair| format!("Basic {pair}"));
    let token = client.lock("/f", &[("Authorization", &alice)]);
    let submitted = submitting(&token);
    let write = |client: &mut Locker, who: &str| {
        client.status("PUT", "/f", &[("Authorization", who), ("If", &submitted)], Some(b"y"))
    };
    assert_eq!((write(&mut client, &bob), write(&mut client, &alice)), (423, 204));
    let lock_token = format!("<{token}>");
    let unlock = |client: &mut Locker, who: &str| {
        client.status("UNLOCK", "/f", &[("Authorization", who), ("Lock-Token", &lock_token)], None)
    };
    let refresh = [("Authorization", bob.as_str()), ("If", submitted.as_str())];
    assert_eq!(client.status("LOCK", "/f", &refresh, None), 412);
    assert_eq!((unlock(&mut client, &bob), unlock(&mut client, &alice)), (403, 204));
    assert_eq!(client.try_lock("/f", "exclusive", &[]).status, 401, "who may not write may not lock");
}

#[test]
fn a_lock_takes_the_right_to_what_it_keeps_others_from() {
    let rules = "deny replace,delete bob /\nallow all @users /d/\nallow create bob /new/\n";
    let sandbox = Sandbox::guarded(&[], rules);
    for name in ["d/f", "new/f", "g"] {
        sandbox.keep(name, "x");
    }
    let mut client = Locker::at(sandbox.address());
    let bob = ("Authorization", "Basic Ym9iOmJ1aWxkZXI=");
    let rows = [("/d/f", 403), ("/d/new", 201), ("/new/f", 403), ("/new/g", 201), ("/g", 403), ("/h", 403)];
    for (target, status) in rows {
        assert_eq!(client.try_lock(target, "exclusive", &[bob]).status, status, "{target}");
    }
    // Whoever may only create keeps nobody else from it.
    for (target, depth) in [("/d", "0"), ("/d/", "infinity"), ("/", "0"), ("/", "infinity")] {
        assert_eq!(client.try_lock(target, "shared", &[bob, ("Depth", depth)]).status, 403, "{target}");
    }
    let alice = ("Authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    assert_eq!(client.try_lock("/d", "shared", &[alice, ("Depth", "0")]).status, 200);
}

#[test]
fn who_may_create_and_not_replace_fills_the_file_that_a_lock_has_made_once() {
    let sandbox = Sandbox::guarded(&[], "allow create,read bob /new/\nallow all alice /\n");
    sandbox.keep("new/empty", "");
    let mut client = Locker::at(sandbox.address());
    let bob = ("Authorization", "Basic Ym9iOmJ1aWxkZXI=");
    let locked = client.try_lock("/new/f", "exclusive", &[bob]);
    assert_eq!(locked.status, 201);
    let held = format!("({})", locked.field("lock-token"));
    let mut put = |target: &str, held: &[(&str, &str)], body: &str| {
        client.ask("PUT", target, &[&[bob], held].concat(), Some(body.as_bytes())).status
    };
    assert_eq!(put("/new/f", &[], "x"), 403, "without the token");
    assert_eq!(put("/new/f", &[("If", &held)], "text"), 204);
    assert_eq!(put("/new/f", &[("If", &held)], "other"), 403);
    assert_eq!(put("/new/empty", &[], "x"), 403);
    assert_eq!(put("/new/empty", &[("If", &format!("</new/f> {held}"))], "x"), 403, "a lock on another file");
    assert_eq!((sandbox.stored("new/f"), sandbox.stored("new/empty")), (b"text".to_vec(), b"".to_vec()));
}

#[test]
fn who_may_not_write_keeps_nobody_out_and_learns_nothing_by_a_lock() {
    let sandbox = Sandbox::guarded(
        &[],
        "allow all alice /\nallow create * /drop/\nallow all bob /bob/\nallow create * /d\nallow delete bob /gone/\n",
    );
    for name in ["drop/old", "bob/f", "secret/f", "d/f", "gone/f"] {
        sandbox.keep(name, "text");
    }
    let mut client = Locker::at(sandbox.address());
    let alice = ("Authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    let bob = ("Authorization", "Basic Ym9iOmJ1aWxkZXI=");
    // A directory of which one may only create something, or that a rule for a file of its name is about.
    for target in ["/drop/", "/d", "/d/", "/drop/old"] {
        assert_eq!(client.try_lock(target, "exclusive", &[]).status, 401, "{target}");
    }
    // What is locked in it is not named to who may not list it.
    let kept = token_of(&client.try_lock("/gone/f", "exclusive", &[alice]));
    let refused = client.try_lock("/gone/", "exclusive", &[bob]);
    assert_eq!(refused.status, 423, "{}", refused.text());
    assert!(!refused.text().contains("/gone/f"), "{}", refused.text());
    assert_ne!(kept, "");
    // Nor is a tag of a file that one may not see told from another.
    let tag = client.ask("HEAD", "/secret/f", &[alice], None).field("etag").to_owned();
    for tag in [tag.as_str(), "\"none\""] {
        let held = format!("</secret/f> ([{tag}])");
        assert_eq!(client.ask("PUT", "/bob/x", &[bob, ("If", &held)], Some(b"x")).status, 412, "{tag}");
        for (method, field) in [("UNLOCK", ("Lock-Token", "<urn:x>")), ("LOCK", ("Timeout", "Infinite"))] {
            let answer = client.ask(method, "/secret/f", &[field, ("If", &format!("([{tag}])"))], None);
            assert_eq!(answer.status, 401, "{method}");
        }
    }
    // A right that is withdrawn ends what it was good for, but the lock can be given back.
    let locked = client.try_lock("/bob/", "exclusive", &[bob]);
    let (token, held) = (token_of(&locked), format!("({})", locked.field("lock-token")));
    assert_eq!(client.ask("LOCK", "/bob/", &[bob, ("If", &held)], None).status, 200);
    sandbox.write("access", "allow all alice /\n");
    sandbox.signal(Signal::SIGHUP);
    Watch::new(&sandbox).until("the reload", |_| sandbox.log().contains("cfpd: reloaded\n"));
    assert_eq!(client.ask("LOCK", "/bob/", &[bob, ("If", &held)], None).status, 403);
    let unlock = client.ask("UNLOCK", "/bob/", &[bob, ("Lock-Token", &format!("<{token}>"))], None);
    assert_eq!(unlock.status, 204, "{}", unlock.text());
}

#[test]
fn a_lock_that_is_sent_again_with_its_key_has_a_whole_answer() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let key = [("Idempotency-Key", "\"abc\"")];
    let tokens = [(); 2].map(|()| token_of(&client.try_lock("/a", "shared", &key)));
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(client.status("GET", "/a", &[], None), 200);
}

#[test]
fn a_lock_of_a_user_is_theirs_by_whatever_connection() {
    if !need::programs(&["curl"]) {
        return;
    }
    let sandbox = Sandbox::guarded(&["-l", "unix:socket"], "allow all @users /\n");
    let mut client = Locker::at(sandbox.address());
    let lock = |user: &str, name: &str| {
        let body = super::locker::info("exclusive", "a test");
        let curl = format!(
            "curl -s -i --unix-socket socket -u {user} -X LOCK -d @- -H 'Content-Type: text/xml' http://localhost/{name}"
        );
        let said = sandbox.feed("sh", ["-c", &curl], body).success();
        let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
        let token = said.lines().find_map(|line| line.strip_prefix("Lock-Token: <")).unwrap();
        token.trim_end().trim_end_matches('>').to_owned()
    };
    let token = lock("alice:wonderland", "a");
    // A change of any lock reads the record again.
    lock("bob:builder", "b");
    let alice = ("Authorization", "Basic YWxpY2U6d29uZGVybGFuZA==");
    let held = format!("(<{token}>)");
    assert_eq!(client.status("PUT", "/a", &[alice, ("If", &held)], Some(b"text")), 204);
    let unlock = [alice, ("Lock-Token", &format!("<{token}>"))];
    assert_eq!(client.status("UNLOCK", "/a", &unlock, None), 204);
}

#[test]
fn the_root_can_be_locked_with_all_in_it() {
    let sandbox = sandbox();
    let mut client = Locker::at(sandbox.address());
    let token = client.lock("/", &[]);
    assert_eq!((client.put("/d/f", "x"), client.put("/x", "x")), (423, 423));
    assert_eq!(client.put_with("/x", &token, "x"), 201);
    let asked = client.ask("PROPFIND", "/d/sub/", &[("Depth", "1")], None).text();
    assert_eq!(asked.matches(&format!("<D:href>{token}</D:href>")).count(), 2, "{asked}");
    assert_eq!(client.unlock("/d/f", &token), 204, "any name that it covers will do");
    assert_eq!(client.put("/x", "x"), 204);
}
