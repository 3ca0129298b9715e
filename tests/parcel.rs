//! The Debian package, installed, used and removed: what it brings works at once, and a purge leaves the data and
//! nothing else. It is made by cargo-deb of the programs that `make` builds, and lives on a copy of this machine's
//! files (parcel/copy.sh); where there can be none, on the machine itself, but only if that is a container.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/need.rs"]
mod need;
#[path = "common/release.rs"]
mod release;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const TOP: &str = env!("CARGO_MANIFEST_DIR");

/// What `parcel/copy.sh` ends with where the system allows no copy.
const NO_COPY: i32 = 77;

/// Without the libraries of the tests, which cargo would have every program use.
fn output(program: &str, arguments: &[&str]) -> Option<Output> {
    Command::new(program).args(arguments).current_dir(TOP).env_remove("LD_LIBRARY_PATH").output().ok()
}

fn works(program: &str, arguments: &[&str]) -> bool {
    output(program, arguments).is_some_and(|output| output.status.success())
}

/// Why the package cannot be tried here.
fn reason_to_skip() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        Some("only root installs packages")
    } else if !works("dpkg", &["--version"]) {
        Some("no dpkg here")
    } else if !works("cargo-deb", &["--version"]) {
        Some("no cargo-deb here; make deb installs it")
    } else if works("dpkg", &["--status", "cfp"]) {
        Some("cfp is installed here")
    } else {
        None
    }
}

/// A directory for what is built here. What earlier runs left goes; that of one that still runs stays.
fn directory_of_this_run() -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in place.read_dir().unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let of_run = name.strip_prefix("parcel-");
        if of_run.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let directory = place.join(format!("parcel-{}", std::process::id()));
    fs::create_dir(&directory).unwrap();
    directory
}

/// The package, in a directory of this run; nothing, and said, where it cannot be tried.
fn package() -> Option<&'static Path> {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    if let Some(reason) = reason_to_skip() {
        need::left_out(reason);
        return None;
    }
    Some(PACKAGE.get_or_init(|| {
        let directory = directory_of_this_run();
        symlink(release::directory(), directory.join("release")).unwrap();
        let mut make = release::make();
        // Not `build`, which would build beneath that directory.
        make.args(["--old-file=build", "deb", "DEB=--fast"]).env("CARGO_TARGET_DIR", &directory);
        assert_cmd::Command::from_std(make).assert().success();
        directory.join("debian").read_dir().unwrap().next().unwrap().unwrap().path()
    }))
}

fn assert_lived(lived: &Output) {
    let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(lived.status.success(), "{}\n{}", said(&lived.stdout), said(&lived.stderr));
}

#[test]
fn a_package_works_at_once_and_a_purge_leaves_the_data_and_nothing_else() {
    let Some(package) = package().and_then(Path::to_str) else { return };
    let life = "tests/parcel/life.sh";
    let mut lived = output("sh", &["tests/parcel/copy.sh", "plain", life, package]).unwrap();
    if lived.status.code() == Some(NO_COPY) {
        // What an admin has is not for tests to change.
        if Path::new("/run/systemd/system").exists() {
            return need::left_out("no copy of this machine's files can be made");
        }
        if Path::new("/var/lib/cfpd").exists() {
            return need::left_out("/var/lib/cfpd is there, and no copy of this machine's files can be made");
        }
        lived = output("sh", &[life, package]).unwrap();
    }
    assert_lived(&lived);
}

#[test]
fn under_systemd_a_package_serves_at_once_and_an_upgrade_refuses_no_client() {
    let Some(package) = package().and_then(Path::to_str) else { return };
    let booted = ["tests/parcel/copy.sh", "booted", "tests/parcel/booted.sh", package];
    let lived = output("sh", &booted).unwrap();
    match lived.status.code() {
        Some(NO_COPY) => need::left_out("systemd cannot be started here"),
        _ => assert_lived(&lived),
    }
}
