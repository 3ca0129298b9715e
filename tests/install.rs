//! `make install` and `make uninstall`, on the programs as they were built for the tests, into a directory of its
//! own. It knows where a Debian system looks for programs, pages and completions.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything beneath a directory that is not a directory.
fn files(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in directory.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, found);
        } else {
            found.insert(path);
        }
    }
}

#[test]
fn uninstall_removes_what_install_put_there_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let (built, destination) = (directory.path().join("built"), directory.path().join("to"));
    std::fs::create_dir(&built).unwrap();
    symlink(Path::new(env!("CARGO_BIN_EXE_cfpd")).parent().unwrap(), built.join("release")).unwrap();
    let strange = destination.join("usr/bin/not-ours");
    std::fs::create_dir_all(strange.parent().unwrap()).unwrap();
    std::fs::write(&strange, "").unwrap();
    let make = |target: &str| {
        let mut make = Command::new("make");
        make.args([target, "PREFIX=/usr"]).arg(format!("DESTDIR={}", destination.display()));
        make.env("CARGO_TARGET_DIR", &built).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert_cmd::Command::from_std(make).assert().success();
        let mut found = BTreeSet::new();
        files(&destination, &mut found);
        found
    };

    let installed = make("install");
    for name in [
        "usr/bin/cfpd",
        "usr/bin/cfp-shell",
        "usr/share/man/man1/cfp-search.1",
        "usr/share/man/man7/cfp.7",
        "usr/share/man/man8/cfpd.8",
        "usr/share/bash-completion/completions/cfp-search",
        "usr/share/zsh/site-functions/_cfp",
        "usr/share/fish/vendor_completions.d/cfpd.fish",
        "usr/share/man/man5/cfpd.conf.5",
        "etc/cfpd/cfpd.conf",
    ] {
        let path = destination.join(name);
        assert!(installed.contains(&path) && path.exists(), "{name} is not installed, or leads nowhere");
    }
    assert_eq!(make("uninstall"), BTreeSet::from([strange.clone()]));

    // What an admin wrote is his.
    let config = destination.join("etc/cfpd/cfpd.conf");
    std::fs::write(&config, "root /srv\n").unwrap();
    make("install");
    assert_eq!(make("uninstall"), BTreeSet::from([strange, config.clone()]));
    assert_eq!(std::fs::read_to_string(config).unwrap(), "root /srv\n");
}
