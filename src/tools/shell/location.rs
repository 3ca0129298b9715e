//! Maps the arguments of a command to local files and names on the server.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::client::{Operand, RemoteName};
use crate::error::shown;

/// Returns the bytes of an argument.
pub fn bytes(argument: Option<&OsString>) -> &[u8] {
    argument.map(|argument| argument.as_bytes()).unwrap_or_default()
}

/// Returns an argument that can only be on the server.
pub fn stored(argument: Option<&OsString>) -> RemoteName {
    RemoteName::read(argument.map(OsString::as_os_str).unwrap_or_default())
}

/// Returns an argument that is a local file; `~/` is the home directory.
pub fn local(argument: Option<&OsString>) -> PathBuf {
    let path = Path::new(argument.map(OsString::as_os_str).unwrap_or_default());
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

/// Returns IN: a local file if there is one, else one on the server.
pub fn source(argument: Option<&OsString>) -> Operand {
    match argument.map(|argument| Operand::read(argument.clone())) {
        Some(Operand::Stored(name)) => Operand::Stored(name),
        _ if is_file(&local(argument)) || says_here(bytes(argument)) => Operand::Local(local(argument)),
        _ => Operand::Stored(stored(argument)),
    }
}

/// Returns OUT: on the server, unless it is written as a local path.
pub fn target(argument: Option<&OsString>) -> Operand {
    match says_here(bytes(argument)) {
        true => Operand::Local(local(argument)),
        false => Operand::Stored(stored(argument)),
    }
}

/// Returns whether there is a local file that can be read, and that is no directory.
fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_dir())
}

/// Returns whether an argument is written as a local path.
fn says_here(argument: &[u8]) -> bool {
    [&b"./"[..], b"../", b"/", b"~/"].iter().any(|start| argument.starts_with(start))
}

/// Formats a path for a message.
pub fn shown_os(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

/// Formats an operand for a message: the name alone.
pub fn shown_operand(operand: &Operand) -> String {
    match operand {
        Operand::Stored(name) => shown(&name.bare()),
        Operand::Local(path) => shown_os(path),
        Operand::Standard => "-".to_owned(),
    }
}
