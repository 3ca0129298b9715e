//! What lies on the disk beneath a served directory, the daemon's temporaries too, and waiting for it to be so.

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::common::{HANG, Sandbox, client::Client};

/// All files beneath a directory, sorted; a directory that is empty is there with its slash.
pub fn files_beneath(root: &Path) -> Vec<String> {
    let mut names = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        // What is being swept may go between two looks.
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        let before = (names.len(), waiting.len());
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                _ => names.push(shown(root, &entry.path())),
            }
        }
        if before == (names.len(), waiting.len()) && directory != root {
            names.push(shown(root, &directory) + "/");
        }
    }
    names.sort();
    names
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_string_lossy().into_owned()
}

/// Waits until a fact is so; the daemon must answer all the while.
pub fn wait_until(sandbox: &Sandbox, what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + HANG;
    let mut pulse = Client::connect(sandbox.address()).unwrap();
    while !is_so() {
        assert!(Instant::now() < end, "{what}: never came; {:?}", files_beneath(&sandbox.root()));
        assert_eq!(pulse.ask("GET", "/.cfpd/health", &[], None).unwrap().text(), "ok\n");
    }
}

/// Waits until exactly these files are on the disk.
pub fn wait_for_files(sandbox: &Sandbox, names: &[&str]) {
    wait_until(sandbox, "the files", || files_beneath(&sandbox.root()) == names);
}

/// Some bytes that are the same for the same seed only, in lines of words.
pub fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = format!("text {seed} of {length} ").into_bytes();
    while bytes.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(
            format!("{:x}{}", state >> 20, [" ", "\n"][usize::from(state.is_multiple_of(8))]).as_bytes(),
        );
    }
    bytes.truncate(length);
    bytes
}
