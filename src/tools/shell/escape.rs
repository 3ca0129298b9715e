//! `!COMMAND`: runs a command of this machine with the user's own shell language. Nothing of it goes to the server.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::tools::shell::interrupts::Interrupts;

/// Returns the command of a line that begins with `!`.
pub fn command(line: &[u8]) -> Option<&[u8]> {
    line.trim_ascii_start().strip_prefix(b"!").map(<[u8]>::trim_ascii)
}

/// Runs a command, or an interactive shell where it is empty, and returns its exit status. At a terminal ^C ends it;
/// elsewhere it reads nothing where the standard input has the commands.
pub fn run(command: &[u8], terminal: Option<&Interrupts>, input_is_free: bool) -> Result<u8> {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty() && command.is_empty());
    let mut process = Command::new(shell.as_deref().unwrap_or(OsStr::new("sh")));
    if !command.is_empty() {
        process.arg("-c").arg(OsStr::from_bytes(command));
    }
    if !input_is_free {
        process.stdin(Stdio::null());
    }
    let child = match terminal {
        Some(interrupts) => interrupts.spawn(&mut process),
        None => process.spawn(),
    };
    let ended = child.and_then(|mut child| child.wait()).map_err(|error| Error::io("sh", error))?;
    let code = ended.code().or_else(|| ended.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}
