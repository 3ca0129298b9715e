//! A backup as docs/operating.md describes it: the two commands of that page, run around a daemon that is in use, and
//! a second daemon on what they bring back.

use std::fs;
use std::path::Path;

use crate::common::Sandbox;
use crate::common::raw::{request, request_with};

/// The command of the page that begins like this, for other directories.
fn command(begins: &str, root: &Path, archive: &Path) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md");
    let page = fs::read_to_string(page).unwrap();
    let line = page.lines().find(|line| line.trim_start().starts_with(begins)).expect(begins);
    let here = line.replace("/var/lib/cfpd", root.to_str().unwrap());
    here.replace("cfpd.tar.gz", archive.to_str().unwrap())
}

#[test]
fn a_restored_backup_serves_the_same_files_and_takes_new_ones() {
    let sandbox = Sandbox::new();
    let files = [("/notes.txt", "to be or not to be\n"), ("/d%C3%A4/empty", ""), ("/d%C3%A4/100%25", "all")];
    let mut raw = sandbox.connect();
    raw.ask(request("MKCOL", "/d%C3%A4/", ""));
    for (name, content) in files {
        assert_eq!(raw.ask(request_with("PUT", name, "", content)).status, 201, "{name}");
    }
    let rating = r#"<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><rating xmlns="urn:any">5</rating></D:prop></D:set></D:propertyupdate>"#;
    assert_eq!(raw.ask(request_with("PROPPATCH", "/notes.txt", "", rating)).status, 207);
    let tags = files.map(|(name, _)| raw.ask(request("GET", name, "")).field("etag").to_owned());
    // An upload that was cut is kept for its client, and is no file.
    let mut cut = sandbox.connect();
    cut.send(request(
        "PUT",
        "/cut",
        "Upload-Draft-Interop-Version: 8\r\nUpload-Complete: ?1\r\nContent-Length: 9\r\n",
    ));
    cut.send("half");
    cut.end();
    cut.rest();

    let archive = sandbox.work().join("archive");
    sandbox.sh(&command("tar -C /var/lib/cfpd --xattrs --exclude", &sandbox.root(), &archive)).success();
    let restored = Sandbox::prepared(&[], |root| {
        sandbox.sh(&command("tar -C /var/lib/cfpd --xattrs --xattrs-include", root, &archive)).success();
    });
    assert_eq!(restored.all_stored(), ["dä", "dä/100%", "dä/empty", "notes.txt"]);
    let mut raw = restored.connect();
    for ((name, content), tag) in files.into_iter().zip(tags) {
        let answer = raw.ask(request("GET", name, "Want-Repr-Digest: sha-256=1\r\n"));
        assert_eq!(answer.text(), content, "{name}");
        assert_ne!(answer.field("etag"), tag, "{name}");
        assert!(answer.field("repr-digest").starts_with("sha-256=:"), "{name}");
    }
    let asked = r#"<D:propfind xmlns:D="DAV:"><D:prop><rating xmlns="urn:any"/></D:prop></D:propfind>"#;
    let found = raw.ask(request_with("PROPFIND", "/notes.txt", "Depth: 0\r\n", asked)).text();
    assert!(found.contains(">5</"), "{found}");
    assert_eq!(raw.ask(request_with("PUT", "/notes.txt", "", "new")).status, 204);
}
