//! What a test needs of the machine. Without it the test is left out, and says so; with `CFP_ALL=1` it fails instead.

// Each test program has its own needs.
#![allow(dead_code)]

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Leaves this test, or a part of it, out and says why; fails it with `CFP_ALL=1`, which .ci/run sets.
pub fn left_out(why: impl Display) {
    let all = std::env::var_os("CFP_ALL").is_some_and(|all| all == "1");
    assert!(!all, "left out, although CFP_ALL=1: {why}");
    out_of_reach(why);
}

/// The same for what no package of the machine's system brings: it never fails the test.
pub fn out_of_reach(why: impl Display) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    // Past the harness, which keeps what a passing test prints. A test that cannot say it is left out all the same.
    let _ = writeln!(std::io::stderr(), "LEFT OUT {test}: {why}");
    // `make test` prints what stands there, as its last line.
    let notes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("left_out");
    let notes = File::options().create(true).append(true).open(notes);
    let _ = notes.and_then(|mut notes| notes.write_all(format!("{why}\t{test}\n").as_bytes()));
}

/// Whether this is root.
pub fn root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        left_out("only root may do that");
    }
    is_root
}

/// Whether all of these programs are here, those of an admin too.
pub fn programs(names: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<_> = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let is_missing = |name: &&&str| !places.iter().any(|place| Path::new(place).join(name).is_file());
    let missing: Vec<_> = names.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() {
        left_out(format_args!("no {} here", missing.join(", no ")));
    }
    missing.is_empty()
}

/// The folder beneath target/tools that tests/tools installs packages of npm into, if this one is in it.
pub fn package(folder: &str, name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(folder);
    let is_there = folder.join(name).is_dir();
    if !is_there {
        left_out(format_args!("no {name} here: tests/tools installs it"));
    }
    is_there.then_some(folder)
}

/// A program beneath target/tools that tests/tools installs, if it is there.
pub fn tool(path: &str) -> Option<PathBuf> {
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools").join(path);
    let is_there = tool.is_file();
    if !is_there {
        left_out(format_args!("no {} here: tests/tools installs it", tool.display()));
    }
    is_there.then_some(tool)
}

/// Whether files in this directory can have attributes of a user, in which cfpd keeps digests and what it knows of an
/// upload that was cut.
fn takes_attributes(place: &Path) -> bool {
    tempfile::NamedTempFile::new_in(place)
        .is_ok_and(|file| xattr::set(file.path(), "user.cfpd.test", b"").is_ok())
}

/// Where directories of tests are made: the usual place, or, where that is in memory of a kernel before 6.6, another one.
pub fn place_with_attributes() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let usual = std::env::temp_dir();
        let other = PathBuf::from("/var/tmp");
        if takes_attributes(&usual) || !takes_attributes(&other) { usual } else { other }
    })
}

/// Whether files of tests can have attributes; says nothing of it.
pub fn has_attributes() -> bool {
    takes_attributes(place_with_attributes())
}

/// Whether files of tests can have attributes.
pub fn attributes() -> bool {
    if !has_attributes() {
        left_out("files have no extended attributes here");
    }
    has_attributes()
}

/// Whether files of tests are on a file system whose files cfpd keeps in memory.
pub fn cacheable() -> bool {
    use nix::sys::statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, XFS_SUPER_MAGIC, statfs};
    let cached = [BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, XFS_SUPER_MAGIC];
    let is_cached =
        statfs(&std::env::temp_dir()).is_ok_and(|found| cached.contains(&found.filesystem_type()));
    if !is_cached {
        left_out("files are not cached on this file system");
    }
    is_cached
}

/// Whether this is root, and all of these programs are here.
pub fn root_and(names: &[&str]) -> bool {
    root() && programs(names)
}
