//! Ways out of the root, and things that are no files.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cfp::error::ErrorKind;
use cfp::store::{Detail, Kind, Name, Store};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::sandbox::{Sandbox, Verbs, any, name, only_new, put, status, unwatched};

#[test]
fn a_link_leads_as_far_as_the_root_and_no_farther() {
    let sandbox = Sandbox::new().with(&["f", "d/in", "d/sub/"]);
    let absolute = sandbox.path("f");
    let rows = [
        ("f", Some(Kind::File)),
        ("d/in", Some(Kind::File)),
        ("d", Some(Kind::Directory)),
        (".", Some(Kind::Directory)),
        ("d/../f", Some(Kind::File)),
        ("d/sub/../../f", Some(Kind::File)),
        ("..", None),
        ("../outside/secret", None),
        ("../root/f", None),
        ("d/../../root/f", None),
        ("/etc/passwd", None),
        ("/", None),
        (absolute.to_str().unwrap(), None),
        ("/proc/self/root", None),
        ("/proc/self/cwd", None),
        ("/dev/stdin", None),
        ("link", None),
        ("no", None),
        ("f/", None),
        ("f/x", None),
    ];
    for (target, kind) in rows {
        symlink(target, sandbox.path("link")).unwrap();
        let meta = sandbox.meta("/link");
        match kind {
            Some(kind) => assert_eq!(meta.unwrap().kind, kind, "{target}"),
            None => {
                assert_eq!(meta.unwrap_err().to_string(), "/link: is not there", "{target}");
                let refused = [
                    status(sandbox.open("/link")),
                    status(sandbox.store.list(&name("/link/"), true, Detail::Metadata)),
                    status(sandbox.delete("/link")),
                    status(sandbox.rename("/link", "/x")),
                    status(sandbox.copy("/link", "/x")),
                    status(sandbox.put("/link", b"x")),
                    status(sandbox.put("/link/x", b"x")),
                    status(sandbox.make_directory("/link/x/")),
                    status(sandbox.rename("/f", "/link/x")),
                    status(sandbox.meta("/link/secret")),
                ];
                assert_eq!(refused, [404, 404, 404, 404, 404, 409, 409, 409, 409, 404], "{target}");
            }
        }
        fs::remove_file(sandbox.path("link")).unwrap();
    }
    assert_eq!(sandbox.everything(), ["d", "d/in", "d/sub", "f"]);
}

#[test]
fn a_content_is_written_to_what_a_link_leads_to_and_a_name_takes_the_place_of_the_link() {
    let links = [("link", "d/f"), ("to-d", "d"), ("d/up", "../link"), ("through", "to-d/up"), ("none", "no")];
    let sandbox = Sandbox::new().with(&["d/f", "e/x"]).linked(&links);
    let is_link = |path: &str| fs::symlink_metadata(sandbox.path(path)).unwrap().is_symlink();
    for (path, bytes) in [("/link", b"1"), ("/d/up", b"2"), ("/through", b"3"), ("/to-d/up", b"4")] {
        let written = sandbox.put(path, bytes).unwrap();
        assert!(!written.created && is_link(&path[1..]), "{path}");
        assert_eq!(
            (sandbox.get("/d/f").unwrap(), sandbox.meta("/d/f").unwrap()),
            (bytes.to_vec(), written.meta)
        );
    }
    assert!(!sandbox.copy("/e/x", "/through").unwrap().created && is_link("through"));
    assert_eq!(sandbox.get("/d/f").unwrap(), b"e/x");
    assert_eq!(status(sandbox.copy("/link", "/d/f")), 403);
    assert_eq!(status(sandbox.copy("/d/f", "/through")), 403);
    assert_eq!(status(sandbox.put("/none", b"new")), 409);
    sandbox.copy("/e/", "/to-d/").unwrap();
    assert!(is_link("to-d"));
    assert_eq!(sandbox.list("/d/", true), ["x"]);
    sandbox.put("/d/f", b"again").unwrap();
    // A new name is given to what is named.
    sandbox.rename("/e/x", "/link").unwrap();
    assert!(!is_link("link"));
    assert_eq!(sandbox.get("/d/f").unwrap(), b"again");
    assert_eq!(status(sandbox.put("/to-d", b"new")), 409);
    assert!(sandbox.put("/to-d/g", b"g").unwrap().created);
    assert_eq!(sandbox.get("/d/g").unwrap(), b"g");
}

#[test]
fn what_is_no_file_is_not_there_and_blocks_nobody() {
    let sandbox = Sandbox::new();
    nix::unistd::mkfifo(&sandbox.path("fifo"), Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
    let mut names = vec!["/fifo", "/socket"];
    // Only root may make a device.
    if mknod(&sandbox.path("null"), SFlag::S_IFCHR, Mode::S_IRWXU, makedev(1, 3)).is_ok() {
        names.push("/null");
    }
    let before = sandbox.everything();
    for path in names {
        assert_eq!(status(sandbox.meta(path)), 404, "{path}");
        assert_eq!(status(sandbox.open(path)), 404, "{path}");
        assert_eq!(status(sandbox.delete(path)), 404, "{path}");
        assert_eq!(status(sandbox.copy(path, "/x")), 404, "{path}");
        assert_eq!(status(sandbox.rename(path, "/x")), 404, "{path}");
        assert_eq!(status(sandbox.put(path, b"x")), 409, "{path}");
        assert_eq!(status(sandbox.make_directory(path)), 405, "{path}");
    }
    assert_eq!(sandbox.everything(), before);
}

#[test]
fn a_name_swapped_for_a_link_outside_while_it_is_used_never_leads_there() {
    let sandbox = Sandbox::new().with(&["d/mine"]);
    symlink(sandbox.outside(""), sandbox.path("evil")).unwrap();
    thread::scope(|scope| {
        let user = scope.spawn(|| (0..3000).for_each(|_| use_all_verbs(&sandbox)));
        while !user.is_finished() {
            let (d, evil) = (sandbox.path("d"), sandbox.path("evil"));
            renameat2(AT_FDCWD, &d, AT_FDCWD, &evil, RenameFlags::RENAME_EXCHANGE).unwrap();
        }
    });
    let outside: Vec<_> =
        fs::read_dir(sandbox.outside("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["secret"]);
    assert_eq!(fs::read(sandbox.outside("secret")).unwrap(), b"secret");
}

/// Whether each succeeds is chance; what it must not do is see or change what is outside.
fn use_all_verbs(sandbox: &Sandbox) {
    assert_eq!(status(sandbox.get("/d/secret")), 404);
    let _ = sandbox.put("/d/planted", b"x");
    let _ = sandbox.make_directory("/d/made/");
    let _ = sandbox.rename("/d/planted", "/d/made/planted");
    let _ = sandbox.copy("/d/made/", "/d/copied/");
    for entry in sandbox.store.list(&name("/"), true, Detail::Metadata).unwrap() {
        assert!(!entry.unwrap().name.ends_with(b"secret"));
    }
    for path in ["/d/made/", "/d/copied/", "/d/planted"] {
        let _ = sandbox.delete(path);
    }
}

#[test]
fn a_tree_is_deleted_without_following_what_is_swapped_into_it() {
    for _ in 0..50 {
        let sandbox = Sandbox::new().with(&["d/a/x", "d/b/y", "d/c/z"]);
        let (open, done) = (fs::File::open(sandbox.path("d")).unwrap(), AtomicBool::new(false));
        let outside = sandbox.outside("");
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = nix::unistd::symlinkat(outside.as_path(), &open, "a");
                    let _ = nix::sys::stat::mkdirat(&open, "b", Mode::S_IRWXU);
                }
            });
            let _ = sandbox.delete("/d/");
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(fs::read(sandbox.outside("secret")).unwrap(), b"secret");
    }
}

#[test]
fn a_name_that_could_lead_out_can_not_be_made() {
    for component in ["..", ".", "", "a/b", "../x", "a\0"] {
        assert_eq!(
            Name::new(vec![component.into()], false).unwrap_err().kind(),
            ErrorKind::Invalid,
            "{component:?}"
        );
    }
}

#[test]
fn no_line_of_an_error_names_a_path_of_the_machine() {
    let sandbox = Sandbox::new().with(&["f", "d/"]).linked(&[("outside", "../outside")]);
    let errors = [
        sandbox.meta("/outside").unwrap_err(),
        sandbox.open("/d").err().unwrap(),
        sandbox.put("/a/b", b"").unwrap_err(),
        sandbox.put("/outside", b"").unwrap_err(),
        sandbox.delete("/d").unwrap_err(),
        sandbox.rename("/f", "/f/x").unwrap_err(),
        sandbox.copy("/f", "/d").unwrap_err(),
        sandbox.make_directory("/f/x/").unwrap_err(),
    ];
    for error in errors {
        let line = error.to_string();
        assert!(line.starts_with('/') && !line.contains("root") && !line.contains("tmp"), "{line}");
    }
}

#[test]
fn a_name_taken_by_what_is_not_served_is_not_new() {
    let sandbox = Sandbox::new().linked(&[("nowhere", "no")]);
    let draft = sandbox.store.create(&name("/f"), None, &|_| Ok(())).unwrap();
    symlink("no", sandbox.path("f")).unwrap();
    assert_eq!(status(draft.commit(None, &only_new)), 409);
    assert_eq!(status(put(&sandbox.store, "/nowhere", b"")), 409);
    assert_eq!(status(sandbox.store.delete(&name("/nowhere"), &any, &unwatched)), 404);
}
