//! contrib/shared-check: passes where several daemons may serve a directory, and names what a file system lacks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::nodes::Volume;
use crate::common::need;

/// The exit status, and the names of the checks that failed.
fn check(one: &Path, other: &Path) -> (Option<i32>, Vec<String>) {
    result_of(&mut Command::new("python3"), one, other)
}

/// The same by this command, which runs Python.
fn result_of(command: &mut Command, one: &Path, other: &Path) -> (Option<i32>, Vec<String>) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/shared-check");
    let output = command.arg(program).args([one, other]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let failed = said.lines().filter_map(|line| line.strip_prefix("FAIL  "));
    let failed = failed.map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(fs::read_dir(one).unwrap().count(), 0, "it leaves something behind");
    (output.status.code(), failed)
}

/// A directory mounted at another place by bindfs, with these options; unmounted when dropped.
struct Bound {
    place: PathBuf,
    _directory: TempDir,
}

impl Bound {
    fn of(below: &Path, options: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("bound");
        fs::create_dir(&place).unwrap();
        let is_bound =
            Command::new("bindfs").args(options).arg(below).arg(&place).status().unwrap().success();
        if !is_bound {
            need::left_out("FUSE cannot be used here");
        }
        is_bound.then_some(Bound { place, _directory: directory })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

#[test]
fn a_directory_given_twice_passes_and_two_directories_do_not() {
    if !need::programs(&["python3"]) || !need::attributes() {
        return;
    }
    let [one, other] = [0, 1].map(|_| tempfile::tempdir_in(need::place_with_attributes()).unwrap());
    assert_eq!(check(one.path(), one.path()), (Some(0), vec![]));
    assert_eq!(check(one.path(), other.path()), (Some(1), vec!["same files".to_owned()]));
    assert_eq!(one.path().metadata().unwrap().nlink(), 2);
}

#[test]
fn each_fault_of_a_mount_is_named() {
    if !need::root_and(&["bindfs", "umount", "python3"]) || !need::attributes() {
        return;
    }
    let below = tempfile::tempdir_in(need::place_with_attributes()).unwrap();
    let fresh = "attr_timeout=0,entry_timeout=0";
    let rows: [(&[&str], &[&str]); 4] = [
        (&["-o", "attr_timeout=60"], &["byte-range locks", "whole-file locks", "fresh attributes"]),
        (&["-o", &format!("{fresh},negative_timeout=60")], &["fresh lists"]),
        (&["-o", &format!("{fresh},kernel_cache")], &["fresh contents"]),
        (&["-o", fresh, "--xattr-none"], &["extended attributes"]),
    ];
    for (options, faults) in rows {
        let Some(bound) = Bound::of(below.path(), options) else { return };
        let (status, failed) = check(below.path(), &bound.place);
        assert_eq!(status, Some(1), "{options:?}");
        for fault in faults {
            assert!(failed.iter().any(|name| name == fault), "{options:?}: {failed:?}");
        }
    }
    let Some(bound) = Bound::of(below.path(), &[]) else { return };
    assert_eq!(check(&bound.place, &bound.place), (Some(1), vec!["exchange".to_owned()]));
}

/// The same for what a call does that the system lies about: the first whose line in a trace has these words.
#[test]
fn each_fault_of_a_call_is_named() {
    if !need::root_and(&["strace", "python3"]) || !need::attributes() {
        return;
    }
    let directory = tempfile::tempdir_in(need::place_with_attributes()).unwrap();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let run = |expression: String| {
        let mut command = Command::new("strace");
        command.args(["-y", "-e", &expression, "-o"]).arg(trace.path());
        result_of(command.arg("python3"), directory.path(), directory.path())
    };
    // A stat begins with the numbers of the device and of the inode.
    let rows: [(&str, &str, &str, &[&str]); 4] = [
        (
            "newfstatat",
            "/inode\"",
            "poke_exit=@arg3=00112233445566778899aabbccddeeff",
            &["same inode numbers"],
        ),
        ("renameat2", "RENAME_NOREPLACE", "error=EINVAL", &["rename without replacing"]),
        ("pread64", "/open", "error=ESTALE", &["open file replaced"]),
        ("utimensat", "/time\"", "retval=0", &["times to the nanosecond"]),
    ];
    for (call, words, lie, faults) in rows {
        assert_eq!(run(format!("trace={call}")), (Some(0), vec![]));
        let lines = fs::read_to_string(trace.path()).unwrap();
        let calls = lines.lines().filter(|line| line.starts_with(call));
        let when = calls.take_while(|line| !line.contains(words)).count() + 1;
        let (status, failed) = run(format!("inject={call}:{lie}:when={when}"));
        assert_eq!(
            (status, failed),
            (Some(1), faults.iter().map(|fault| fault.to_string()).collect()),
            "{call}"
        );
    }
}

#[test]
fn two_mounts_of_juicefs_pass() {
    let Some(volume) = Volume::<2>::mount() else { return };
    let [one, other] = volume.mounts();
    assert_eq!(check(&one, &other), (Some(0), vec![]));
}
