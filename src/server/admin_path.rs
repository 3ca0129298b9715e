//! The directories of files that an admin names: which directory that is, and whether this process may write to it.

use std::path::Path;

use nix::unistd::{AccessFlags, eaccess};

/// The directory that contains a file, or is to contain it.
pub fn above(file: &Path) -> &Path {
    file.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks that files may be created and removed in a directory; the error is the system's.
pub fn require_change(directory: &Path) -> nix::Result<()> {
    eaccess(directory, AccessFlags::W_OK | AccessFlags::X_OK)
}
