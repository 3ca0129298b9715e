//! What an argument of a command names: a file here, or one on the server.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::client::{Name, Operand};
use crate::error::shown;

/// An argument as it was typed.
pub fn bytes(argument: Option<&OsString>) -> &[u8] {
    argument.map(|argument| argument.as_bytes()).unwrap_or_default()
}

/// An argument that can only be on the server.
pub fn stored(argument: Option<&OsString>) -> Name {
    Name::read(argument.map(OsString::as_os_str).unwrap_or_default())
}

/// An argument that is a local file; `~/` is the home directory.
pub fn local(argument: Option<&OsString>) -> PathBuf {
    let path = Path::new(argument.map(OsString::as_os_str).unwrap_or_default());
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path.to_owned(),
    }
}

/// IN: a local file if there is one, else one on the server.
pub fn source(argument: Option<&OsString>) -> Operand {
    match argument.map(|argument| Operand::read(argument.clone())) {
        Some(Operand::Stored(name)) => Operand::Stored(name),
        _ if is_file(&local(argument)) || says_here(bytes(argument)) => Operand::Local(local(argument)),
        _ => Operand::Stored(stored(argument)),
    }
}

/// OUT: on the server, unless it is written as a local path.
pub fn target(argument: Option<&OsString>) -> Operand {
    match says_here(bytes(argument)) {
        true => Operand::Local(local(argument)),
        false => Operand::Stored(stored(argument)),
    }
}

/// Whether there is something here that can be read; a directory cannot.
fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| !meta.is_dir())
}

/// Whether an argument is written as a local path.
fn says_here(argument: &[u8]) -> bool {
    [&b"./"[..], b"../", b"/", b"~/"].iter().any(|start| argument.starts_with(start))
}

/// A path in a sentence.
pub fn shown_os(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

/// An operand in a sentence: the name alone.
pub fn shown_operand(operand: &Operand) -> String {
    match operand {
        Operand::Stored(name) => shown(&name.bare()),
        Operand::Local(path) => shown_os(path),
        Operand::Standard => "-".to_owned(),
    }
}
