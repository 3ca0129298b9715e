//! The names that a tool works on: operands, and with `--files-from` those that a file lists. It does not know what a
//! name means.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::arguments::{Arguments, refuse_empty};
use super::option::{ProgramOption, options};
use crate::client::standard_streams::{self, STDIN};
use crate::error::{Error, Result, shown};

/// `--files-from` of a tool that takes names.
pub const FILES_FROM: &[ProgramOption] = options! {
    /// Take names from FILE too, one a line; `-` is standard input.
    ///
    /// A name is written as on the command line, after which it comes; none is an option. A file that lists no name is no
    /// error.
    "", "--files-from" = "FILE" File;
};

/// `-0` of a tool that ends no names of its own with it.
pub const NULL: &[ProgramOption] = options! {
    /// With --files-from: a NUL byte ends each name, not a newline.
    "-0", "--null";
};

/// Names from the command line and from a file.
#[derive(Debug)]
pub struct NameList {
    /// The names, which may be none.
    pub names: Vec<OsString>,
    /// Whether a file was to list some.
    is_listed: bool,
}

impl NameList {
    /// Joins the operands and the names of a file. An empty name is wrong use.
    pub fn new(operands: Vec<OsString>, listed: Option<Vec<OsString>>, what: &str) -> Result<Self> {
        let is_listed = listed.is_some();
        let names: Vec<_> = operands.into_iter().chain(listed.unwrap_or_default()).collect();
        refuse_empty(&names, what).map(|()| NameList { names, is_listed })
    }

    /// Returns the names; `default` if no operand and no list was given.
    pub fn or(self, default: &str) -> Vec<OsString> {
        match self.names.is_empty() && !self.is_listed {
            true => vec![default.into()],
            false => self.names,
        }
    }

    /// Returns the names. It is wrong use to give no operand and no list.
    pub fn required(self, what: &str) -> Result<Vec<OsString>> {
        match self.names.is_empty() && !self.is_listed {
            true => Err(Error::usage(format!("no {what} given"))),
            false => Ok(self.names),
        }
    }
}

impl Arguments {
    /// Returns what is left, where each operand is a name, and the names of `--files-from`.
    pub fn name_list(mut self, what: &str) -> Result<NameList> {
        let null = self.flag("--null");
        let listed = self.listed_names(null)?;
        NameList::new(self.operands()?, listed, what)
    }

    /// Takes `--files-from FILE`, and reads the names in it, each of which ends in a newline, or with `null` in a NUL byte.
    pub fn listed_names(&mut self, null: bool) -> Result<Option<Vec<OsString>>> {
        let Some(list) = self.name("--files-from")? else { return Ok(None) };
        let (name, file) = match list.as_bytes() {
            b"-" => (STDIN.to_owned(), standard_streams::input()),
            bytes => (shown(bytes), File::open(&list).map_err(|error| Error::io(shown(bytes), error))),
        };
        let mut bytes = Vec::new();
        file?.read_to_end(&mut bytes).map_err(|error| Error::io(name, error))?;
        Ok(Some(split(&bytes, if null { 0 } else { b'\n' })))
    }
}

/// Splits a list of names. The last one may lack its end.
fn split(bytes: &[u8], end: u8) -> Vec<OsString> {
    let bytes = bytes.strip_suffix(&[end]).unwrap_or(bytes);
    match bytes.is_empty() {
        true => Vec::new(),
        false => bytes.split(|&byte| byte == end).map(|name| OsString::from_vec(name.to_vec())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_its_ends() {
        let rows: [(&[u8], u8, &[&str]); 6] = [
            (b"", b'\n', &[]),
            (b"\n", b'\n', &[]),
            (b"a\nb c\n", b'\n', &["a", "b c"]),
            (b"a\n\nb", b'\n', &["a", "", "b"]),
            (b"a\nb\0c\0", 0, &["a\nb", "c"]),
            (b"a\0b\n", b'\n', &["a\0b"]),
        ];
        for (bytes, end, names) in rows {
            assert_eq!(split(bytes, end), names, "{bytes:?}");
        }
    }

    #[test]
    fn no_name_is_wrong_use_unless_a_list_was_given() {
        let list = |listed| NameList::new(Vec::new(), listed, "FILE").unwrap();
        assert_eq!(list(None).or(":"), [":"]);
        assert_eq!(list(Some(Vec::new())).or(":"), [""; 0]);
        assert!(list(None).required("FILE").is_err());
        assert_eq!(list(Some(vec!["a".into()])).required("FILE").unwrap(), ["a"]);
        assert!(NameList::new(Vec::new(), Some(vec!["".into()]), "FILE").is_err());
    }
}
