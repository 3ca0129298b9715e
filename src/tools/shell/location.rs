//! Maps the operands of a command to local files and names on the server, as seen from the directories that `cd` and
//! `lcd` chose. It opens nothing.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::client::{Operand, RemoteName};
use crate::error::{Error, Result, shown};

/// An operand: what it means, and how a message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved<T> {
    /// What it means.
    pub value: T,
    /// As the user typed it, with its colon if it is on the server.
    pub typed: String,
}

impl<T> Resolved<T> {
    /// Returns another meaning of the same operand.
    pub fn map<U>(self, mean: impl FnOnce(T) -> U) -> Resolved<U> {
        Resolved { value: mean(self.value), typed: self.typed }
    }
}

impl Resolved<RemoteName> {
    /// Makes an error about the name on the server one about what the user typed.
    pub fn blame(&self, error: Error) -> Error {
        let shown = shown(&self.value.shown());
        match error {
            Error::Failed { kind, name, what }
                if name.trim_end_matches('/') == shown.trim_end_matches('/') =>
            {
                Error::Failed { kind, name: self.typed.clone(), what }
            }
            other => other,
        }
    }
}

impl Resolved<Operand> {
    /// Makes an error about a name on the server one about what the user typed.
    pub fn blame(&self, error: Error) -> Error {
        match &self.value {
            Operand::Stored(name) => Resolved { value: name.clone(), typed: self.typed.clone() }.blame(error),
            _ => error,
        }
    }
}

/// The directory on the server that names begin at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkingDirectory(Vec<Vec<u8>>);

impl WorkingDirectory {
    /// Makes the directory of a name.
    pub fn at(name: RemoteName) -> Self {
        WorkingDirectory(name.components)
    }

    /// Returns what a name without its colon means. `.` and `..` are resolved here: a server has no such names. One above the
    /// root remains, and is refused later.
    pub fn resolve(&self, name: &[u8]) -> RemoteName {
        let parsed = RemoteName::parse(name);
        let is_absolute = name.starts_with(b"/");
        let mut components = if is_absolute { Vec::new() } else { self.0.clone() };
        let mut directory = parsed.directory;
        for component in parsed.components {
            directory = parsed.directory || matches!(component.as_slice(), b"." | b"..");
            match component.as_slice() {
                b"." => {}
                b".." if !matches!(components.last().map(Vec::as_slice), None | Some(b"..")) => {
                    components.pop();
                }
                _ => components.push(component),
            }
        }
        RemoteName { directory: directory || components.is_empty(), components }
    }

    /// Returns what an operand means that can only be on the server: the colon may be left out.
    pub fn stored(&self, operand: &[u8]) -> Resolved<RemoteName> {
        let name = operand.strip_prefix(b":").unwrap_or(operand);
        Resolved { value: self.resolve(name), typed: format!(":{}", shown(name)) }
    }

    /// Returns what an operand means that may be on either side.
    pub fn either(&self, operand: &[u8]) -> Resolved<Operand> {
        match operand {
            b"-" => Resolved { value: Operand::Standard, typed: "-".to_owned() },
            [b':', ..] => {
                let Resolved { value, typed } = self.stored(operand);
                Resolved { value: Operand::Stored(value), typed }
            }
            _ => {
                let Resolved { value, typed } = local(operand);
                Resolved { value: Operand::Local(value), typed }
            }
        }
    }

    /// Returns it as a user types it.
    pub fn shown(&self) -> String {
        format!(":/{}", shown(&self.0.join(&b'/')))
    }
}

/// Returns what an operand means that can only be local; `~/` is the home directory. One with a colon is an error: it would
/// be on the server.
pub fn only_local(operand: &[u8]) -> Result<Resolved<PathBuf>> {
    match operand.starts_with(b":") {
        true => {
            let name = shown(operand);
            Err(Error::usage(format!("{name}: is on the server; a local file of that name is ./{name}")))
        }
        false => Ok(local(operand)),
    }
}

/// Returns a local operand.
pub fn local(operand: &[u8]) -> Resolved<PathBuf> {
    let path = Path::new(std::ffi::OsStr::from_bytes(operand));
    let value = match (path.strip_prefix("~"), home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    };
    Resolved { value, typed: shown(operand) }
}

/// Returns the home directory of the user.
pub fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// Returns a path as an operand.
pub fn bytes_of(path: PathBuf) -> Vec<u8> {
    OsString::from(path).into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_resolved_from_the_directory_that_was_chosen() {
        let rows: [(&str, &str, &str); 11] = [
            ("", "f", "f"),
            ("d/e", "f", "d/e/f"),
            ("d/e", "/f", "f"),
            ("d/e", "../f", "d/f"),
            ("d/e", "..", "d/"),
            ("d/e", "../..", ""),
            ("d", "../../f", "../f"),
            ("d", "./a/./b/", "d/a/b/"),
            ("d", "", "d/"),
            ("d", "/", ""),
            ("d", "a//b", "d/a//b"),
        ];
        for (directory, name, expected) in rows {
            let directory = WorkingDirectory::at(RemoteName::parse(directory.as_bytes()));
            let resolved = directory.resolve(name.as_bytes());
            assert_eq!(String::from_utf8(resolved.bare()).unwrap(), expected, "{directory:?} {name}");
            assert_eq!(directory.stored(format!(":{name}").as_bytes()).typed, format!(":{name}"));
        }
    }

    #[test]
    fn a_colon_means_the_server_and_nothing_else_does() {
        let directory = WorkingDirectory::at(RemoteName::parse(b"d"));
        assert_eq!(directory.either(b":f").value, Operand::Stored(RemoteName::parse(b"d/f")));
        assert_eq!(directory.either(b"f").value, Operand::Local("f".into()));
        assert_eq!(directory.either(b"-").value, Operand::Standard);
        assert!(only_local(b":f").is_err() && only_local(b"./:f").is_ok());
        assert_eq!(directory.shown(), ":/d");
    }
}
