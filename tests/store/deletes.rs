//! `delete`.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};

use cfp::store::Store;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};

use super::sandbox::{Sandbox, Verbs, name, status};

#[test]
fn a_link_is_deleted_itself_and_nothing_it_leads_to() {
    let sandbox = Sandbox::new().with(&["f", "d/in", "e/x"]).linked(&[
        ("to-f", "f"),
        ("to-d", "d"),
        ("outside", "../outside"),
        ("nowhere", "no"),
        ("e/d", "../d"),
        ("e/outside", "../../outside"),
    ]);
    for (path, wanted) in [
        ("/to-f", 200),
        ("/to-d", 409),
        ("/to-d/", 200),
        ("/outside", 404),
        ("/outside/", 404),
        ("/nowhere", 404),
    ] {
        assert_eq!(status(sandbox.delete(path)), wanted, "{path}");
    }
    sandbox.delete("/e/").unwrap();
    assert_eq!(sandbox.everything(), ["d", "d/in", "f", "nowhere", "outside"]);
    assert_eq!(fs::read(sandbox.outside("secret")).unwrap(), b"secret");
}

#[test]
fn a_tree_of_any_depth_goes_with_a_handful_of_descriptors() {
    let sandbox = Sandbox::new().with(&["d/"]);
    let mut deep: OwnedFd = open(&sandbox.path("d"), OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    for level in 0..5000 {
        deep = make_level(deep.as_fd(), level % 7 == 0);
    }
    assert_eq!(sandbox.list("/d/", false), ["d/", "side/"]);
    sandbox.delete("/d/").unwrap();
    assert_eq!(sandbox.everything(), [""; 0]);
}

fn make_level(parent: impl AsFd + Copy, side: bool) -> OwnedFd {
    if side {
        mkdirat(parent, "side", Mode::S_IRWXU).unwrap();
    }
    mkdirat(parent, "d", Mode::S_IRWXU).unwrap();
    openat(parent, "d", OFlag::O_DIRECTORY, Mode::empty()).unwrap()
}

#[test]
fn a_wide_tree_goes_whole() {
    let sandbox = Sandbox::new();
    for file in 0..2000 {
        let directory = sandbox.path(&format!("d/{}/{}", file % 40, file % 7));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(file.to_string()), "").unwrap();
    }
    sandbox.delete("/d/").unwrap();
    assert_eq!(sandbox.everything(), [""; 0]);
}

#[test]
fn of_many_that_delete_one_thing_one_does() {
    for path in ["/f", "/d/"] {
        let sandbox = Sandbox::new().with(&["f", "d/a/b/c", "d/x"]);
        let (first, second) = (&sandbox.store, &sandbox.second());
        let gone = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|turn| if turn % 2 == 0 { first } else { second })
                .map(|store| {
                    scope.spawn(|| {
                        status(store.delete(&name(path), &super::sandbox::any, &super::sandbox::unwatched))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&status| status == 200).count()
        });
        assert_eq!(gone, 1, "{path}");
        assert!(sandbox.meta(path).is_err());
    }
}
