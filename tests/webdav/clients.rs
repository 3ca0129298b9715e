//! Programs that open a WebDAV server as people use them: cadaver, and mounts by rclone and davfs2.

use std::path::Path;

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::{contains, ends_with, starts_with};

use crate::common::{Sandbox, need};

#[test]
fn cadaver_stores_copies_locks_and_describes() {
    if !need::programs(&["cadaver"]) || !need::attributes() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.write("f", "a lamp\n");
    sandbox.write("g", "another\n");
    sandbox
        .sh(r#"export HOME=$PWD
            cadaver "$CFP_SERVER/" <<'END'
mkcol d
put f d/f
copy d/f d/e
move d/e d/h
propset d/h color blue
propget d/h color
lock d/h
put g d/h
unlock d/h
delete d/f
ls d
get d/h back
END
            cmp g back
            cfp-ls -R"#)
        .success()
        .stdout(
            contains("Value of color is: blue").and(contains("failed").not()).and(ends_with("\nd/\nd/h\n")),
        );
}

/// A mount beneath the folder where the test works; unmounted when dropped.
struct Mount<'a>(&'a Sandbox);

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.work().join("m")).output();
    }
}

fn can_mount(programs: &[&str]) -> bool {
    if !need::root_and(programs) {
        return false;
    }
    let is_there = Path::new("/dev/fuse").exists();
    if !is_there {
        need::out_of_reach("no FUSE here");
    }
    is_there
}

/// What each mount is used for, by names alone.
const BY_NAME: &str = r#"cat m/there
            mkdir m/d
            echo more > m/d/f
            until [ "$(cfp-cat :d/f 2>&1)" = more ]; do sleep 0.05; done
            mv m/d/f m/d/g
            rm m/there"#;

#[test]
fn rclone_mounts_it_as_a_drive() {
    if !can_mount(&["rclone", "fusermount3"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("there", "text\n");
    let _mount = Mount(&sandbox);
    sandbox
        .sh(&format!(
            r#"mkdir m
            rclone --config /dev/null mount ":webdav,url='$CFP_SERVER',vendor=owncloud:" m \
                --cache-dir cache --vfs-cache-mode writes --vfs-write-back 0s --dir-cache-time 0s --daemon
            {BY_NAME}
            ls m m/d
            fusermount3 -u m
            cfp-ls -R
            cfp-cat :d/g"#
        ))
        .success()
        .stdout("text\nm:\nd\n\nm/d:\ng\nd/\nd/g\nmore\n");
}

/// It lists no directory of any server on Linux 6.18, so all is done by names.
#[test]
fn davfs2_mounts_it_as_a_drive() {
    if !can_mount(&["mount.davfs"]) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.keep("there", "text\n");
    sandbox.write("davfs2.conf", "ask_auth 0\ndelay_upload 0\nuse_locks 1\n");
    let _mount = Mount(&sandbox);
    sandbox
        .sh(&format!(
            r#"mkdir m
            mount.davfs -o "conf=$PWD/davfs2.conf" "$CFP_SERVER/" "$PWD/m" </dev/null
            {BY_NAME}
            umount m
            cfp-ls -R
            cfp-cat :d/g"#
        ))
        .success()
        .stdout(starts_with("text\n").and(ends_with("d/\nd/g\nmore\n")));
}
