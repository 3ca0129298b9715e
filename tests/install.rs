//! `make install` and `make uninstall`, of the programs that `make` builds, into a directory of its own. It knows where
//! a Debian system looks for programs, pages and completions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::common::release;

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

/// Makes a target with everything beneath a directory.
fn make(target: &str, destination: &Path) {
    let mut make = release::make();
    make.args([target, "PREFIX=/usr"]).arg(format!("DESTDIR={}", destination.display()));
    make.env("CARGO_TARGET_DIR", release::directory().parent().unwrap());
    assert_cmd::Command::from_std(make).assert().success();
}

/// The programs in a directory.
fn programs(directory: &Path) -> Vec<PathBuf> {
    let names = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let programs: Vec<_> = names
        .filter(|path| path.is_file() && path.extension().is_none())
        .filter(|path| !path.ends_with(".cargo-lock"))
        .collect();
    assert_eq!(programs.len(), 13, "{programs:?}");
    programs
}

/// The tools start from wherever bin and lib stand beside each other, and where they were built; cfpd also alone.
#[test]
fn the_programs_and_the_libraries_of_the_tools_take_25_mib_together() {
    let directory = tempfile::tempdir().unwrap();
    make("install", directory.path());
    let moved = directory.path().join("else where");
    std::fs::rename(directory.path().join("usr"), &moved).unwrap();
    let alone = directory.path().join("cfpd");
    std::fs::copy(moved.join("bin/cfpd"), &alone).unwrap();
    for program in [programs(&moved.join("bin")), programs(release::directory()), vec![alone]].concat() {
        let said = format!("{} {}\n", program.file_name().unwrap().display(), env!("CARGO_PKG_VERSION"));
        assert_cmd::Command::new(&program).env_clear().arg("--version").assert().success().stdout(said);
    }
    let mut installed = BTreeSet::new();
    files(&moved.join("bin"), &mut installed);
    files(&moved.join("lib/cfp"), &mut installed);
    let size: u64 = installed.iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(size <= 25 << 20, "{size} bytes: {installed:#?}");
}

#[test]
fn uninstall_removes_what_install_put_there_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let destination = directory.path().join("to");
    let strange = ["usr/bin/not-ours", "usr/lib/cfp/not-ours.so"].map(|name| destination.join(name));
    for path in &strange {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    // An earlier compiler's.
    std::fs::write(destination.join("usr/lib/cfp/libstd-0.so"), "").unwrap();
    let make = |target: &str| {
        make(target, &destination);
        let mut found = BTreeSet::new();
        files(&destination, &mut found);
        found
    };

    let installed = make("install");
    for name in [
        "usr/bin/cfpd",
        "usr/bin/cfp-shell",
        "usr/lib/cfp/libcfp.so",
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
    assert!(!installed.contains(&destination.join("usr/lib/cfp/libstd-0.so")));
    assert_eq!(make("uninstall"), BTreeSet::from(strange.clone()));

    // What an admin wrote is his.
    let config = destination.join("etc/cfpd/cfpd.conf");
    std::fs::write(&config, "root /srv\n").unwrap();
    make("install");
    let left = strange.into_iter().chain([config.clone()]).collect();
    assert_eq!(make("uninstall"), left);
    assert_eq!(std::fs::read_to_string(config).unwrap(), "root /srv\n");
}
