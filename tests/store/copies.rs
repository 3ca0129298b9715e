//! `copy`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::sandbox::{Sandbox, Verbs, status};

#[test]
fn a_copy_has_the_bytes_and_the_mode_of_the_first() {
    let sandbox = Sandbox::new().with(&["d/in"]);
    let bytes: Vec<u8> = (0..1_000_000u32).flat_map(u32::to_le_bytes).collect();
    for (path, bytes) in [("/f", bytes.as_slice()), ("/empty", b"")] {
        sandbox.put(path, bytes).unwrap();
        sandbox.copy(path, "/copy").unwrap();
        assert!(sandbox.get("/copy").unwrap() == bytes, "{path}");
    }
    for (path, mode) in [("f", 0o750), ("d/in", 0o440), ("d", 0o555)] {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    sandbox.copy("/f", "/fresh").unwrap();
    sandbox.copy("/d/", "/e/").unwrap();
    let mode = |path: &str| fs::metadata(sandbox.path(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode("fresh"), mode("e/in"), mode("e")), (0o750, 0o440, 0o755));
    fs::set_permissions(sandbox.path("d"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_copied_directory_has_its_links_and_not_what_is_not_served() {
    let sandbox = Sandbox::new().with(&["d/in", "d/sub/x", "d/.cfpd-left"]).linked(&[
        ("d/link", "sub/x"),
        ("d/loop", "."),
        ("d/outside", "/etc"),
        ("d/nowhere", "no"),
        ("to-d", "d"),
    ]);
    nix::unistd::mkfifo(&sandbox.path("d/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for from in ["/d/", "/to-d/"] {
        sandbox.copy(from, "/e/").unwrap();
        assert_eq!(sandbox.list("/e/", true), ["in", "link", "loop/", "sub/", "sub/x"]);
        assert_eq!(sandbox.get("/e/link").unwrap(), b"d/sub/x");
        assert!(fs::symlink_metadata(sandbox.path("e/loop")).unwrap().is_symlink());
        sandbox.delete("/e/").unwrap();
    }
}

#[test]
fn a_copied_directory_leads_nowhere_else_than_the_first() {
    let sandbox = Sandbox::new().with(&["f", "pub/f", "pub/d/in"]).linked(&[("pub/d/link", "../f")]);
    sandbox.copy("/pub/d/", "/copy/").unwrap();
    assert!(fs::symlink_metadata(sandbox.path("copy/link")).unwrap().is_file());
    assert_eq!(sandbox.get("/copy/link").unwrap(), b"pub/f");
    let sandbox = sandbox.linked(&[("pub/d/up", "..")]);
    let before = sandbox.everything();
    assert_eq!(
        sandbox.copy("/pub/d/", "/other/").unwrap_err().to_string(),
        "/pub/d/up: is a link to a directory outside of what is copied"
    );
    assert_eq!(sandbox.everything(), before);
}

#[test]
fn a_copied_link_to_a_file_is_a_file() {
    let sandbox = Sandbox::new().with(&["f"]).linked(&[("link", "f")]);
    sandbox.copy("/link", "/copy").unwrap();
    assert!(fs::symlink_metadata(sandbox.path("copy")).unwrap().is_file());
    assert_eq!(sandbox.get("/copy").unwrap(), b"f");
}

#[test]
fn a_directory_copied_into_itself_through_a_link_ends() {
    let sandbox = Sandbox::new().with(&["d/in"]).linked(&[("link", "d")]);
    sandbox.copy("/d/", "/link/again/").unwrap();
    assert_eq!(sandbox.everything(), ["d", "d/again", "d/again/in", "d/in", "link"]);
    assert_eq!(status(sandbox.copy("/d/in", "/link/in")), 403);
}
