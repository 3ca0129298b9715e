//! `list`.

use std::fs;

use cfp::store::{Detail, Store};
use nix::sys::stat::Mode;

use super::sandbox::{Sandbox, Verbs, name, status};

#[test]
fn a_list_has_what_a_client_can_open_and_nothing_else() {
    let sandbox = Sandbox::new()
        .with(&["f", "d/in", "d/sub/x", ".cfpd/health", ".cfpd-left", "d/.cfpd-left/x", "d/.cfpd"])
        .linked(&[("to-f", "f"), ("to-d", "d"), ("up", "d/../f"), ("d/up", "../f"), ("d/loop", "loop")])
        .linked(&[("outside", "../outside"), ("absolute", "/etc"), ("nowhere", "no"), ("d/back", "..")]);
    nix::unistd::mkfifo(&sandbox.path("fifo"), Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(sandbox.path("socket")).unwrap();
    assert_eq!(sandbox.list("/", false), ["d/", "f", "to-d/", "to-f", "up"]);
    let below = [".cfpd", "back/", "in", "sub/", "sub/x", "up"];
    assert_eq!(sandbox.list("/d/", true), below);
    assert_eq!(sandbox.list("/to-d/", true), below);
    assert_eq!(sandbox.list("/d", false), [".cfpd", "back/", "in", "sub/", "up"]);
    let all = ["d/", "d/.cfpd", "d/back/", "d/in", "d/sub/", "d/sub/x", "d/up", "f", "to-d/", "to-f", "up"];
    assert_eq!(sandbox.list("/", true), all);
    for (path, wanted) in [("/f", 404), ("/no/", 404), ("/outside/", 404), ("/fifo", 404)] {
        assert_eq!(status(sandbox.store.list(&name(path), true, Detail::Metadata)), wanted, "{path}");
    }
}

#[test]
fn an_entry_says_what_meta_says() {
    let sandbox = Sandbox::new().with(&["f", "d/in"]).linked(&[("link", "d/in")]);
    let mut seen = 0;
    for entry in sandbox.store.list(&name("/"), true, Detail::Metadata).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.is_link, entry.name == b"link");
        assert_eq!(sandbox.meta(std::str::from_utf8(&entry.name).unwrap()).unwrap(), entry.meta.unwrap());
        seen += 1;
    }
    assert_eq!(seen, 4);
    for entry in sandbox.store.list(&name("/"), true, Detail::Sizes).unwrap() {
        let entry = entry.unwrap();
        let meta = sandbox.meta(std::str::from_utf8(&entry.name).unwrap()).unwrap();
        assert_eq!((entry.kind, entry.stat.unwrap()), (meta.kind, meta.stat()));
    }
}

#[test]
fn a_list_goes_on_while_what_it_lists_goes_away() {
    let sandbox = Sandbox::new();
    for directory in 0..50 {
        fs::create_dir_all(sandbox.path(&format!("{directory}/sub"))).unwrap();
    }
    let mut entries = sandbox.store.list(&name("/"), true, Detail::Metadata).unwrap();
    entries.next().unwrap().unwrap();
    for directory in 0..50 {
        sandbox.delete(&format!("/{directory}/")).unwrap();
    }
    assert!(entries.all(|entry| entry.is_ok()));
}

#[test]
fn a_tree_deeper_than_a_name_can_be_is_listed_as_far_as_names_go() {
    let sandbox = Sandbox::new();
    let component = "x".repeat(250);
    let mut deep =
        nix::fcntl::open(&sandbox.path(""), nix::fcntl::OFlag::O_DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..30 {
        nix::sys::stat::mkdirat(&deep, component.as_str(), Mode::S_IRWXU).unwrap();
        deep = nix::fcntl::openat(&deep, component.as_str(), nix::fcntl::OFlag::O_DIRECTORY, Mode::empty())
            .unwrap();
    }
    let listed = sandbox.list("/", true).len();
    assert!((16..30).contains(&listed), "{listed}");
    assert_eq!(status(sandbox.copy(&format!("/{component}/"), "/copy/")), 400);
    sandbox.delete(&format!("/{component}/")).unwrap();
    assert_eq!(sandbox.everything(), [""; 0]);
}
