//! The lowest versions that Cargo.toml allows are the ones that the tests are built with: the Rust of `rust-version`, and
//! each direct dependency as Cargo.lock has it. So every build of the lock file is the build with minimal versions.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::need;

const RUST: &str = env!("CARGO_PKG_RUST_VERSION");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The name and lowest version of each direct dependency in a Cargo.toml.
fn lower_bounds(manifest: &str) -> Vec<(&str, &str)> {
    let sections = manifest.split("\n[").filter_map(|section| section.split_once("]\n"));
    let dependencies = sections.filter(|(name, _)| name.ends_with("dependencies"));
    let lines = dependencies.flat_map(|(_, lines)| lines.lines()).filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, rest) = line.split_once(" = ")?;
            let quoted = |start: &str| rest.split_once(start)?.1.split('"').next();
            let version = quoted("version = \"").or_else(|| rest.split('"').nth(1))?;
            Some((quoted("package = \"").unwrap_or(name), version))
        })
        .collect()
}

#[test]
fn the_lock_file_has_the_lowest_version_of_each_direct_dependency() {
    let (manifest, lock) = (read("Cargo.toml"), read("Cargo.lock"));
    let bounds = lower_bounds(&manifest);
    assert!(bounds.len() > 30, "{bounds:?}");
    for (name, version) in bounds {
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&locked), "Cargo.toml allows {name} {version}, which Cargo.lock has not");
    }
}

#[test]
fn the_oldest_rust_allowed_is_the_one_that_builds_the_tests() {
    let said = Command::new(env!("CARGO")).arg("--version").output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    if !said.starts_with(&format!("cargo {RUST}.")) {
        need::left_out(format_args!("Cargo.toml allows Rust {RUST}, this is {}", said.trim_end()));
    }
}

#[test]
fn the_papers_name_the_oldest_rust_allowed() {
    for name in ["README.md", "docs/operating.md"] {
        assert!(read(name).contains(&format!("Rust {RUST} or newer")), "{name}");
    }
}
