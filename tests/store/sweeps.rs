//! `sweep`.

use std::fs;
use std::io::Write;

use cfp::store::{Store, Upkeep};

use super::sandbox::{Sandbox, Verbs, any, name};

#[test]
fn a_sweep_removes_what_a_dead_daemon_left_and_nothing_else() {
    let sandbox = Sandbox::new().with(&[
        "f",
        "d/in",
        ".cfpd-0123456789abcdef",
        "d/.cfpd-0000000000000001/a/b",
        "d/.cfpd-0000000000000001/.cfpd-x",
        "d/e/.cfpd-00000000000000ff",
        ".cfpd/mine",
        "cfpd-not",
    ]);
    assert_eq!(sandbox.store.sweep().unwrap(), 3);
    assert_eq!(sandbox.everything(), [".cfpd", ".cfpd/mine", "cfpd-not", "d", "d/e", "d/in", "f"]);
    assert_eq!(sandbox.store.sweep().unwrap(), 0);
}

#[test]
fn what_only_begins_like_a_name_of_the_daemon_belongs_to_somebody_else_and_stays() {
    let theirs = [
        ".cfpd-users",
        ".cfpd-backup/2026/db.sql",
        ".cfpd-uploads/notes.txt",
        ".cfpd-0123456789ABCDEF",
        "d/.cfpd-notes.txt",
        "d/.cfpd-0123456789abcdef0",
        "d/.cfpd-0123456789abcde/f",
    ];
    let sandbox = Sandbox::new().with(&theirs);
    let store = sandbox.second().keeping_partials(1, std::time::Duration::from_nanos(1));
    let before = sandbox.everything();
    assert_eq!((store.sweep().unwrap(), store.expire().unwrap()), (0, 0));
    assert_eq!(sandbox.everything(), before);
}

#[test]
fn what_another_daemon_is_writing_stays() {
    let sandbox = Sandbox::new().with(&["d/"]);
    let mut draft = sandbox.store.create(&name("/d/f"), None, &|_| Ok(())).unwrap();
    draft.write_all(b"slowly").unwrap();
    assert_eq!(sandbox.second().sweep().unwrap(), 0);
    draft.commit(None, &any).unwrap();
    assert_eq!(sandbox.get("/d/f").unwrap(), b"slowly");
}

#[test]
fn what_is_being_deleted_is_no_leftover() {
    let sandbox = Sandbox::new().with(&["d/a/a/f", "d/a/b/f", "d/b/f", "kept"]);
    let other = sandbox.second();
    let sweep = |_, _| {
        assert_eq!((sandbox.store.sweep().unwrap(), other.sweep().unwrap()), (0, 0));
        Ok(())
    };
    assert!(sandbox.store.delete(&name("/d/"), &any, &sweep).unwrap().is_none());
    assert_eq!(sandbox.everything(), ["kept"]);
}

#[test]
fn a_sweep_follows_no_link() {
    let sandbox = Sandbox::new().linked(&[(".cfpd-0123456789abcdef", "../outside"), ("d", "../outside")]);
    fs::write(sandbox.outside(".cfpd-0123456789abcdef"), "").unwrap();
    sandbox.store.sweep().unwrap();
    assert!(sandbox.outside(".cfpd-0123456789abcdef").exists() && sandbox.outside("secret").exists());
}

#[test]
fn writers_and_a_sweep_do_not_disturb_each_other() {
    let sandbox = Sandbox::new().with(&["d/in"]);
    let second = sandbox.second();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    for _ in 0..200 {
                        sandbox.put(&format!("/{writer}"), b"whole").unwrap();
                        sandbox.copy("/d/", &format!("/copy{writer}/")).unwrap();
                    }
                })
            })
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            second.sweep().unwrap();
        }
    });
    for writer in 0..3 {
        assert_eq!(sandbox.get(&format!("/{writer}")).unwrap(), b"whole");
        assert_eq!(sandbox.get(&format!("/copy{writer}/in")).unwrap(), b"d/in");
    }
    assert!(sandbox.everything().iter().all(|name| !name.contains(".cfpd-")));
}
