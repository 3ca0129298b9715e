//! A daemon that is not root, on directories and files that it may not read or write as it likes: what it can do it
//! does, and says what was done. They need root, to be somebody else.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::common::raw::{request, request_with};
use crate::common::{Runner, Sandbox, need};
use nix::unistd::User;

/// A daemon that is nobody; `prepare` is given the root, which is nobody's too, and who that is.
fn of_nobody(prepare: impl FnOnce(&Path, &dyn Fn(&Path, u32))) -> Option<Sandbox> {
    if !need::root() {
        return None;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let uid = nobody.uid.as_raw();
    let own = |path: &Path, mode: u32| {
        chown(path, Some(uid), None).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let runner = Runner { user: Some(nobody), ..Runner::default() };
    Some(Sandbox::run_by(runner, &[], |root| {
        own(root, 0o755);
        prepare(root, &own);
    }))
}

#[test]
fn a_root_that_cannot_be_written_serves_filters_of_bodies_all_the_same() {
    let sandbox = of_nobody(|root, own| {
        chown(root, Some(0), None).unwrap();
        own(&root.with_file_name("tmp"), 0o700);
    });
    let Some(sandbox) = sandbox else { return };
    let mut raw = sandbox.connect();
    let body = "one two\n".repeat(1 << 18);
    let answer = raw.ask(request_with("POST", "/?reverse", "", &body));
    assert_eq!((answer.status, answer.text()), (200, "two one\n".repeat(1 << 18)));
    let answer = raw.ask(request_with("POST", "/?replace=one&with=three", "", &body));
    assert_eq!((answer.status, answer.text()), (200, "three two\n".repeat(1 << 18)));
    assert_eq!(raw.ask(request_with("PUT", "/new", "", "text")).status, 403);
    assert_eq!(fs::read_dir(sandbox.root().with_file_name("tmp")).unwrap().count(), 0);
}

#[test]
fn a_directory_that_may_be_written_and_not_read_takes_files() {
    let sandbox = of_nobody(|root, own| {
        fs::create_dir(root.join("box")).unwrap();
        own(&root.join("box"), 0o300);
    });
    let Some(sandbox) = sandbox else { return };
    let mut raw = sandbox.connect();
    assert_eq!(raw.ask(request_with("PUT", "/box/f", "", "text")).status, 201);
    assert_eq!(raw.ask(request("MKCOL", "/box/d/", "")).status, 201);
    assert_eq!(raw.ask(request("MOVE", "/box/f", "Destination: /box/g\r\n")).status, 201);
    assert_eq!(raw.ask(request("DELETE", "/box/g", "")).status, 204);
    assert_eq!(sandbox.all_stored(), ["box", "box/d"]);
}

#[test]
fn a_file_that_nobody_may_write_keeps_its_mode_and_has_its_digest_and_no_note() {
    let sandbox = of_nobody(|root, own| {
        fs::write(root.join("f"), "old").unwrap();
        own(&root.join("f"), 0o444);
    });
    let Some(sandbox) = sandbox else { return };
    let mut raw = sandbox.connect();
    let mut is_as_it_should = |name: &str| {
        let answer = raw.ask(request("HEAD", name, ""));
        assert!(answer.field("repr-digest").starts_with("sha-256=:"), "{name}");
        let stored = sandbox.root().join(&name[1..]);
        assert_eq!(fs::metadata(&stored).unwrap().permissions().mode() & 0o777, 0o444, "{name}");
        let kept: Vec<_> = xattr::list(stored).unwrap().collect();
        assert_eq!(kept, ["user.cfpd.sha256"], "{name}");
    };
    sandbox.sh("echo new | cfp-put - --as f").success();
    is_as_it_should("/f");
    // So large that it could be gone on with.
    sandbox.sh("head -c 20000000 /dev/zero > large; cfp-put large --as f").success();
    is_as_it_should("/f");
    sandbox.run("cfp-cp", ["f", "g"]).success();
    is_as_it_should("/g");
}
