//! The directories of files that an admin names: which one, and whether this process may change what is in it.

use std::path::Path;

use nix::unistd::{AccessFlags, eaccess};

/// The directory a file is in, or is to be in.
pub fn above(file: &Path) -> &Path {
    file.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether files may be made and removed in a directory, with the error the system gives where they may not.
pub fn require_change(directory: &Path) -> nix::Result<()> {
    eaccess(directory, AccessFlags::W_OK | AccessFlags::X_OK)
}
