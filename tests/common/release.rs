//! The programs as `make` builds them, which is how they are installed. `make test` has built them before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `make` in the project's directory, as from a shell: without what cargo and another make tell their children.
pub fn make() -> Command {
    let mut make = Command::new("make");
    make.current_dir(env!("CARGO_MANIFEST_DIR"));
    for (name, _) in std::env::vars_os() {
        let of_cargo =
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix));
        if of_cargo
            || ["LD_LIBRARY_PATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"].iter().any(|other| name == *other)
        {
            make.env_remove(name);
        }
    }
    make
}

/// The directory they are in, with lib/cfp beside them.
pub fn directory() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let build = make().arg("build").env("CARGO_TARGET_DIR", target).output().unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        target.join("release")
    })
}
