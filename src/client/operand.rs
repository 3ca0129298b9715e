//! Operands: the file that an argument means. `:name` is on the server, `-` is standard input or output, anything else
//! is local. The server decides whether a name is valid.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::error::{Error, Result};

/// What an argument means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Standard input or standard output.
    Standard,
    /// A local file.
    Local(PathBuf),
    /// A file on the server.
    Stored(RemoteName),
}

impl Operand {
    /// Parses an argument.
    pub fn read(argument: OsString) -> Self {
        match argument.as_bytes() {
            b"-" => Operand::Standard,
            [b':', name @ ..] => Operand::Stored(RemoteName::parse(name)),
            _ => Operand::Local(argument.into()),
        }
    }

    /// Returns the name in error messages.
    pub fn shown(&self) -> OsString {
        match self {
            Operand::Standard => "-".into(),
            Operand::Local(path) => path.clone().into(),
            Operand::Stored(name) => OsString::from_vec([b":".to_vec(), name.bare()].concat()),
        }
    }
}

/// A name on the server, from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemoteName {
    /// The components; empty for the root.
    pub components: Vec<Vec<u8>>,
    /// Whether it ends with a slash, and so names a directory.
    pub directory: bool,
}

impl RemoteName {
    /// Parses an argument that can only be a name on the server: the colon may be left out.
    pub fn read(argument: &OsStr) -> Self {
        let bytes = argument.as_bytes();
        RemoteName::parse(bytes.strip_prefix(b":").unwrap_or(bytes))
    }

    /// Splits a name at slashes. A leading slash is ignored, a final one names a directory.
    pub fn parse(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"/").unwrap_or(bytes);
        if bytes.is_empty() {
            return RemoteName { components: Vec::new(), directory: true };
        }
        let path = bytes.strip_suffix(b"/").unwrap_or(bytes);
        let components = path.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
        RemoteName { components, directory: path.len() < bytes.len() }
    }

    /// Returns whether it is the root.
    pub fn is_root(&self) -> bool {
        self.components.is_empty()
    }

    /// Returns the last component.
    pub fn base(&self) -> Option<&OsStr> {
        self.components.last().map(|last| OsStr::from_bytes(last))
    }

    /// Returns the name as a directory.
    pub fn as_directory(mut self) -> Self {
        self.directory = true;
        self
    }

    /// Returns the name of a relative path beneath it.
    pub fn join(&self, relative: &RemoteName) -> Self {
        let components = [self.components.as_slice(), &relative.components].concat();
        RemoteName { components, directory: relative.directory }
    }

    /// Returns the directories above it, from the root, without the root.
    pub fn parents(&self) -> impl Iterator<Item = RemoteName> {
        let depth = self.components.len();
        (1..depth).filter_map(|end| {
            let components = self.components.get(..end)?.to_vec();
            Some(RemoteName { components, directory: true })
        })
    }

    /// Returns the name as a user types it, without the colon.
    pub fn bare(&self) -> Vec<u8> {
        let mut bare = self.components.join(&b'/');
        if self.directory && !self.is_root() {
            bare.push(b'/');
        }
        bare
    }

    /// Returns the name as a relative path.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.components.join(&b'/')))
    }

    /// Returns the name in messages: with its colon, and the root with its slash.
    pub fn shown(&self) -> Vec<u8> {
        let slash: &[u8] = if self.is_root() { b"/" } else { b"" };
        [b":", slash, &self.bare()].concat()
    }

    /// Returns a name in a message of the server, `/name`, as a user types it. Other things have no slash before them.
    pub fn shown_as_typed(name: &str) -> String {
        match name.strip_prefix('/') {
            Some("") => ":/".to_owned(),
            Some(rest) => format!(":{rest}"),
            None => name.to_owned(),
        }
    }

    /// Refuses a typed name that no server accepts.
    pub fn refuse_none(&self) -> Result<()> {
        let has = |error: &[&[u8]]| self.components.iter().any(|part| error.contains(&part.as_slice()));
        let what = match () {
            () if has(&[b""]) => "a name cannot have an empty part between two slashes",
            () if has(&[b".", b".."]) => "`.` and `..` are not names",
            () => return Ok(()),
        };
        Err(Error::invalid(self.shown(), what))
    }

    /// Refuses a name from the server that would leave the directory it is stored beneath.
    pub fn refuse_escape(&self) -> Result<()> {
        let has_nul = self.components.iter().any(|part| part.contains(&0));
        match self.refuse_none().is_err() || has_nul {
            true => Err(Error::bad_response(self.shown(), "is not a name for a local file")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_colon_means_the_server_and_a_dash_the_standard_stream() {
        let stored = |name: &[u8]| Operand::Stored(RemoteName::parse(name));
        let rows = [
            ("-", Operand::Standard),
            ("f", Operand::Local("f".into())),
            ("./:f", Operand::Local("./:f".into())),
            (":f", stored(b"f")),
            (":", stored(b"")),
            (":-", stored(b"-")),
        ];
        for (argument, operand) in rows {
            assert_eq!(Operand::read(argument.into()), operand);
        }
    }

    #[test]
    fn a_name_is_its_components_and_perhaps_a_slash() {
        let rows: [(&str, &[&str], bool, &str); 8] = [
            ("a/b", &["a", "b"], false, ":a/b"),
            (":a/", &["a"], true, ":a/"),
            ("/a", &["a"], false, ":a"),
            ("", &[], true, ":/"),
            ("/", &[], true, ":/"),
            ("a//b", &["a", "", "b"], false, ":a//b"),
            ("../a", &["..", "a"], false, ":../a"),
            ("::a", &[":a"], false, "::a"),
        ];
        for (text, components, directory, shown) in rows {
            let name = RemoteName::read(OsStr::new(text));
            let parts: Vec<_> = components.iter().map(|part| part.as_bytes().to_vec()).collect();
            assert_eq!((&name.components, name.directory), (&parts, directory), "{text}");
            assert_eq!(name.shown(), shown.as_bytes(), "{text}");
        }
        let parents: Vec<_> = RemoteName::parse(b"a/b/c").parents().map(|name| name.bare()).collect();
        assert_eq!(parents, [b"a/".to_vec(), b"a/b/".to_vec()]);
    }

    #[test]
    fn a_name_from_a_server_cannot_leave_its_directory() {
        for name in [&b"../a"[..], b"a/../b", b"a//b", b"./a", b"a\0"] {
            assert_eq!(RemoteName::parse(name).refuse_escape().unwrap_err().kind(), ErrorKind::BadResponse);
        }
        assert!(RemoteName::parse(b"a/..b/c.").refuse_escape().is_ok());
        for (name, what) in [
            (&b"a//b"[..], ":a//b: a name cannot have an empty part"),
            (b"./a", ":./a: `.` and"),
            (b"..", ":..: "),
        ] {
            let error = RemoteName::parse(name).refuse_none().unwrap_err();
            assert!(error.kind() == ErrorKind::Invalid && error.to_string().starts_with(what), "{error}");
        }
    }
}
