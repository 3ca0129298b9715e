//! The directory of a file that an admin configures: its path, and whether this process may write to it.

use std::path::Path;

use nix::unistd::{AccessFlags, eaccess};

/// Returns the parent directory of a file that exists or is to be created; `.` for a bare name.
pub fn parent_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks with eaccess(3) that files may be created and removed in a directory.
pub fn require_writable(directory: &Path) -> nix::Result<()> {
    eaccess(directory, AccessFlags::W_OK | AccessFlags::X_OK)
}
