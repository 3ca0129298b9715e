//! A file that an admin configures: reading it, the path of its directory, and whether this process may write to that.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::{O_NOCTTY, O_NONBLOCK};
use nix::unistd::{AccessFlags, eaccess};

use crate::error::{Error, Result, shown};

/// Reads a file. A named pipe is an error: to open it would block until somebody writes to it, and HUP could not read it again.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    let name = file.as_os_str().as_encoded_bytes();
    let read = || {
        let mut opened = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(file)?;
        if opened.metadata()?.file_type().is_fifo() {
            let what = "is a pipe: name a file, which can be read again";
            return Err(Error::usage(format!("{}: {what}", shown(name))).into());
        }
        let mut text = Vec::new();
        opened.read_to_end(&mut text).map(|_| text)
    };
    read().map_err(|error: io::Error| Error::io(name, error))
}

/// Returns the parent directory of a file that exists or is to be created; `.` for a bare name.
pub fn parent_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks with eaccess(3) that files may be created and removed in a directory.
pub fn require_writable(directory: &Path) -> nix::Result<()> {
    eaccess(directory, AccessFlags::W_OK | AccessFlags::X_OK)
}
