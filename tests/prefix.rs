//! cfpd beneath a path of another site (`--prefix`): every target, `Destination`, `Location` and link has it.

use std::fs;

use crate::common::Sandbox;
use crate::common::raw::{request, request_with};

fn beneath(prefix: &str) -> Sandbox {
    let sandbox = Sandbox::with(&["--prefix", prefix, "--log", "log"]);
    assert!(sandbox.url().ends_with(prefix), "{}", sandbox.url());
    sandbox
}

#[test]
fn a_target_a_destination_and_a_location_have_the_prefix() {
    let sandbox = beneath("/files");
    sandbox.keep("d/f", "text\n");
    sandbox.keep("files/f", "another\n");
    let mut raw = sandbox.connect();
    let to = |destination: &str| format!("Destination: {destination}\r\n");
    let rows = [
        ("GET", "/files/d/f", String::new(), 200, ""),
        ("GET", "/files/files/f", String::new(), 200, ""),
        ("GET", "http://localhost/files/d/f", String::new(), 200, ""),
        ("GET", "/files", String::new(), 301, "/files/"),
        ("GET", "/files?format=json", String::new(), 301, "/files/?format=json"),
        ("GET", "/files/d", String::new(), 301, "/files/d/"),
        ("OPTIONS", "*", String::new(), 200, ""),
        ("OPTIONS", "/files/", String::new(), 200, ""),
        ("OPTIONS", "/files", String::new(), 200, ""),
        ("PROPFIND", "/files", "Depth: 0\r\n".to_owned(), 207, ""),
        ("HEAD", "/files", String::new(), 301, "/files/"),
        ("GET", "/files/.cfpd/health", String::new(), 200, ""),
        ("PUT", "/files/new", String::new(), 201, "/files/new"),
        ("MKCOL", "/files/e/", String::new(), 201, "/files/e/"),
        ("COPY", "/files/d/f", to("/files/copy"), 201, "/files/copy"),
        ("MOVE", "/files/copy", to("http://elsewhere/files/moved"), 201, "/files/moved"),
        ("COPY", "/files/d/f", to("/copy"), 400, ""),
        ("COPY", "/files/d/f", to("/files"), 403, ""),
        ("GET", "/", String::new(), 404, ""),
        ("GET", "/d/f", String::new(), 404, ""),
        ("GET", "/filesystem", String::new(), 404, ""),
        ("PUT", "/new", String::new(), 404, ""),
        ("DELETE", "/d/f", String::new(), 404, ""),
        ("GET", "/.cfpd/health", String::new(), 404, ""),
        ("GET", "/files/../d/f", String::new(), 400, ""),
    ];
    for (method, target, fields, status, location) in rows {
        let fields = if method == "PUT" { "Content-Length: 0\r\n".to_owned() } else { fields };
        let answer = raw.ask(request(method, target, &fields));
        assert_eq!((answer.status, answer.field("location")), (status, location), "{method} {target}");
    }
    for (target, named) in
        [("/files", "/files/"), ("/files/", ""), ("/files/d", "/files/d/"), ("/files/d/", "")]
    {
        let answer = raw.ask(request("PROPFIND", target, "Depth: 0\r\n"));
        assert_eq!((answer.status, answer.field("content-location")), (207, named), "{target}");
    }
    let moved = raw.ask(request("GET", "/files", ""));
    assert_eq!(moved.field("cache-control"), "no-cache");
    let elsewhere = raw.ask(request("GET", "/d/f", ""));
    assert_eq!(elsewhere.text(), "/d/f: is not beneath /files/\n");
    // A message names a file by the name that the tools give it.
    let missing = raw.ask(request("GET", "/files/none", ""));
    assert_eq!(missing.text(), "/none: is not there\n");
    let begun = "Upload-Complete: ?0\r\nUpload-Draft-Interop-Version: 8\r\n";
    raw.send(request_with("PUT", "/files/large", begun, "part"));
    for status in [104, 201] {
        let answer = raw.answer();
        let url = answer.field("location");
        assert_eq!(
            (answer.status, url.starts_with("http://localhost/files/.cfpd/uploads/")),
            (status, true),
            "{url}"
        );
    }
    assert_eq!(sandbox.stored("moved"), b"text\n");
    // The log has what was received.
    sandbox
        .sh("until grep -q 'GET /files/d/f HTTP' log && grep -q 'GET /d/f HTTP' log; do :; done")
        .success();
}

#[test]
fn the_tools_work_beneath_a_prefix_that_their_url_has() {
    let sandbox = beneath("/a%20b/c");
    sandbox.write("f", "a lamp\n");
    sandbox.write("tree/g", "a lamp\n");
    sandbox.write("large", vec![b'x'; 9 << 20]);
    sandbox
        .sh("cfp-put f large; cfp-put -r tree; cfp-mv f d/g; cfp-cp d/g :e; cfp-search -r lamp :
            cfp-replace --in-place lamp torch :e; cfp-get e -o - ; cfp-sync tree :synced/; cfp-rm -r tree
            cat f | cfp-put - --as piped; cfp-shell -c 'cd d' -c 'rename g h' -c 'display :h'; cfp-ls -R")
        .success()
        .stdout(
            "3\n:e: 1 replaced\na torch\n1 sent (7 bytes), 0 deleted, 0 unchanged\n:g is now :h.\na lamp\n\
             d/\nd/h\ne\nlarge\npiped\nsynced/\nsynced/g\n",
        );
    assert_eq!(fs::read(sandbox.root().join("piped")).unwrap(), b"a lamp\n");
    sandbox.run("cfp-cat", [":none"]).code(2).stderr("cfp-cat: :none: is not there\n");
    let outside = sandbox.url().trim_end_matches("/a%20b/c");
    sandbox.run("cfp-ls", ["-s", outside]).code(2);
}

#[test]
fn a_prefix_that_is_no_path_is_refused() {
    let sandbox = Sandbox::new();
    for (argv, said) in [
        (&["--prefix", "files"][..], "--prefix files: is not a path such as /files"),
        (&["--prefix", "/a/../b"], "--prefix /a/../b: is not a path such as /files"),
        (&["--prefix", "/files", "--", "true"], "--prefix cannot be used with a COMMAND"),
    ] {
        let argv = [&["-r", ".", "-l", "127.0.0.1:0"], argv].concat();
        sandbox.run("cfpd", argv).code(2).stderr(predicates::str::contains(said));
    }
}
