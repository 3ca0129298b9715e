//! What a content takes over besides its name: owner, mode, ACL and user attributes of what it replaces or is a copy of,
//! group and default ACL of the directory where it is new.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use cfp::store::Store;

use super::sandbox::{Sandbox, Verbs, any, name};
use crate::common::need;

fn setfacl(entries: &str, path: &Path) -> bool {
    let status = Command::new("setfacl").args(["-m", entries]).arg(path).status();
    let has_acls = status.unwrap().success();
    if !has_acls {
        need::left_out("files have no ACLs here");
    }
    has_acls
}

fn acl(path: &Path) -> String {
    let got = Command::new("getfacl").arg("-cpE").arg(path).output().unwrap();
    String::from_utf8(got.stdout).unwrap()
}

/// A file whose group may read, and a user write.
fn make(sandbox: &Sandbox, below: &str) -> bool {
    let path = sandbox.path(below);
    fs::write(&path, below).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let _ = xattr::set(&path, "user.note", below.as_bytes());
    setfacl("u:65534:rw", &path)
}

const ACL: &str = "user::rw-\nuser:65534:rw-\ngroup::r--\nmask::rw-\nother::---\n\n";

#[test]
fn an_acl_outlives_the_content_and_widens_nothing_in_a_copy() {
    if !need::programs(&["setfacl", "getfacl"]) {
        return;
    }
    let sandbox = Sandbox::new().with(&["plain", "d/", "e/"]);
    if !make(&sandbox, "f") || !make(&sandbox, "d/in") || !setfacl("u:65534:rwx", &sandbox.path("d")) {
        return;
    }
    let plain = acl(&sandbox.path("plain"));
    sandbox.put("/f", b"new").unwrap();
    assert_eq!(acl(&sandbox.path("f")), acl_named(ACL));
    sandbox.copy("/plain", "/f").unwrap();
    assert_eq!(acl(&sandbox.path("f")), acl_named(ACL));
    sandbox.copy("/f", "/new").unwrap();
    sandbox.copy("/f", "/plain").unwrap();
    assert_eq!((acl(&sandbox.path("new")), acl(&sandbox.path("plain"))), (acl_named(ACL), plain));
    let directory = acl(&sandbox.path("d"));
    for to in ["/e/", "/g/"] {
        sandbox.copy("/d/", to).unwrap();
        assert_eq!(acl(&sandbox.path(&to[1..])), directory);
        assert_eq!(acl(&sandbox.path(&format!("{}in", &to[1..]))), acl_named(ACL));
    }
}

/// The same with the name of the user where it has one.
fn acl_named(text: &str) -> String {
    let named = nix::unistd::User::from_uid(65534.into()).unwrap().map(|user| user.name);
    named.map_or(text.to_owned(), |named| text.replace("65534", &named))
}

#[test]
fn user_attributes_and_the_owner_outlive_the_content() {
    let sandbox = Sandbox::new().with(&["f", "other"]);
    let path = sandbox.path("f");
    let has_attributes = xattr::set(&path, "user.note", b"kept").is_ok();
    let owner = if nix::unistd::geteuid().is_root() { 65534 } else { fs::metadata(&path).unwrap().uid() };
    chown(&path, Some(owner), None).unwrap();
    for turn in 0..2 {
        match turn {
            0 => sandbox.put("/f", b"new").unwrap(),
            _ => sandbox.copy("/other", "/f").unwrap(),
        };
        assert_eq!(fs::metadata(&path).unwrap().uid(), owner);
        assert!(!has_attributes || xattr::get(&path, "user.note").unwrap() == Some(b"kept".to_vec()));
    }
    sandbox.copy("/f", "/copy").unwrap();
    let copy = sandbox.path("copy");
    assert!(!has_attributes || xattr::get(&copy, "user.note").unwrap() == Some(b"kept".to_vec()));
    assert_eq!(fs::metadata(&copy).unwrap().uid(), nix::unistd::geteuid().as_raw());
}

#[test]
fn a_new_content_has_group_and_acl_of_its_directory_as_any_new_file() {
    if !need::programs(&["setfacl", "getfacl"]) {
        return;
    }
    let sandbox = Sandbox::new().with(&["d/", "old"]);
    let store = sandbox.second().keeping_partials(8, std::time::Duration::from_secs(60));
    let directory = sandbox.path("d");
    if nix::unistd::geteuid().is_root() {
        chown(&directory, None, Some(65534)).unwrap();
    }
    fs::set_permissions(&directory, Permissions::from_mode(0o2775)).unwrap();
    let defaults = ["u::rw", "d:u:65534:rwx,d:g::r,d:o::-"];
    for (turn, entries) in defaults.into_iter().enumerate() {
        if !setfacl(entries, &directory) {
            return;
        }
        let usual = directory.join(format!("usual{turn}"));
        fs::write(&usual, "").unwrap();
        let looks = |path: &Path| (acl(path), fs::metadata(path).unwrap().gid());
        sandbox.put(&format!("/d/small{turn}"), b"new").unwrap();
        assert_eq!(looks(&directory.join(format!("small{turn}"))), looks(&usual));
        let large = name(&format!("/d/large{turn}"));
        if let Some(mut partial) = store.create_partial(&large, None, &|_| Ok(()), b"").unwrap() {
            partial.write_all(b"new").unwrap();
            partial.commit(None, &any).unwrap();
            assert_eq!(looks(&directory.join(format!("large{turn}"))), looks(&usual));
        }
        // What a default ACL gives to a new file is not given to one that stood before.
        fs::copy(sandbox.path("old"), directory.join("old")).unwrap();
        Command::new("setfacl").arg("-b").arg(directory.join("old")).status().unwrap();
        let before = acl(&directory.join("old"));
        sandbox.put("/d/old", b"new").unwrap();
        assert_eq!(acl(&directory.join("old")), before);
    }
}

#[test]
fn a_content_on_its_way_is_its_owners_alone() {
    let sandbox = Sandbox::new().with(&["f"]);
    let store = sandbox.second().keeping_partials(8, std::time::Duration::from_secs(60));
    fs::set_permissions(sandbox.path("f"), Permissions::from_mode(0o644)).unwrap();
    let own = || sandbox.everything().into_iter().filter(|name| name.contains(".cfpd-")).collect::<Vec<_>>();
    let mut draft = store.create(&name("/f"), None, &|_| Ok(())).unwrap();
    let mut partial = store.create_partial(&name("/f"), None, &|_| Ok(()), b"").unwrap();
    draft.write_all(b"secret").unwrap();
    partial.iter_mut().for_each(|partial| partial.write_all(b"secret").unwrap());
    assert!(!own().is_empty());
    for name in own() {
        let mode = fs::metadata(sandbox.path(&name)).unwrap().mode() & 0o7777;
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
    draft.commit(None, &any).unwrap();
    assert_eq!(fs::metadata(sandbox.path("f")).unwrap().mode() & 0o7777, 0o644);
}
