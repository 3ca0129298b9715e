//! Names of files as clients write them. HTTP decodes them; this file validates the components, once.

use crate::error::{Error, Result};

/// The directory name of the daemon's own resources; nothing can be stored beneath it.
pub const RESERVED: &[u8] = b".cfpd";

/// The prefix of the names of the daemon's temporary files, in any directory.
pub(super) const TEMPORARY: &[u8] = b".cfpd-";

/// How much of a name that is too long an error repeats, in bytes.
const TOO_LONG_SHOWN: usize = 64;

/// The longest name of a directory entry on Linux, in bytes (NAME_MAX).
pub(super) const COMPONENT_MAX: usize = 255;

/// The most bytes of a path in a system call of Linux, with the NUL at its end.
const PATH_MAX: usize = 4096;

/// The name of a stored file or directory: its components from the root down, none of them `.`, `..` or empty,
/// none with a NUL or a slash in it. No components at all is the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    components: Vec<Vec<u8>>,
    directory: bool,
}

impl Name {
    /// Validates decoded components. `directory` says whether the name ended with a slash.
    ///
    /// Errors have kind `Invalid` for what can be no name, `Forbidden` for the daemon's own.
    pub fn new(components: Vec<Vec<u8>>, directory: bool) -> Result<Self> {
        let name = Name { directory: directory || components.is_empty(), components };
        for component in &name.components {
            let error = match component.as_slice() {
                b"" => "a name cannot have an empty part between two slashes",
                b"." | b".." => "`.` and `..` are not names",
                part if part.contains(&0) => "a name cannot contain a NUL",
                part if part.contains(&b'/') => "a name cannot contain an encoded slash",
                _ => continue,
            };
            return Err(Error::invalid(name.shown(), error));
        }
        let reserved = name.components.first().is_some_and(|first| first == RESERVED)
            || name.components.iter().any(|component| component.starts_with(TEMPORARY));
        if reserved {
            return Err(Error::forbidden(name.shown(), "belongs to the daemon"));
        }
        Ok(name)
    }

    /// Parses what [`Name::shown`] has written of a file.
    pub(super) fn parse_shown(shown: &[u8]) -> Option<Self> {
        let components = shown.strip_prefix(b"/")?.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
        Name::new(components, false).ok()
    }

    /// Makes the name of one of the daemon's own resources, which can be named in rules and not be stored.
    pub fn internal(below: &[u8]) -> Self {
        Name { components: vec![RESERVED.to_vec(), below.to_vec()], directory: false }
    }

    /// Validates the name in an access rule: as [`Name::new`], but the daemon's own resources are valid too.
    pub fn of_rule(components: Vec<Vec<u8>>, directory: bool) -> Result<Self> {
        match components.as_slice() {
            [own] if own == RESERVED => Ok(Name { components, directory }),
            [own, _] if own == RESERVED => Ok(Name { components, directory }),
            _ => Name::new(components, directory),
        }
    }

    /// Returns the directory above all others.
    pub fn root() -> Self {
        Name { components: Vec::new(), directory: true }
    }

    /// Returns the same name with the final slash: a directory and everything in it.
    pub fn as_directory(&self) -> Self {
        Name { components: self.components.clone(), directory: true }
    }

    /// Returns the same name without the final slash; the root stays as it is.
    pub fn as_file(&self) -> Self {
        Name { components: self.components.clone(), directory: self.components.is_empty() }
    }

    /// Returns the name of an entry that a list of this directory names `below`: components joined by `/`.
    pub fn join(&self, below: &[u8], directory: bool) -> Self {
        let below = below.split(|&byte| byte == b'/').map(<[u8]>::to_vec);
        Name { components: self.components.iter().cloned().chain(below).collect(), directory }
    }

    /// Returns whether the name is longer than a system call of Linux takes: nothing of that name can be opened, though a list of
    /// a directory above may have it.
    pub fn is_too_long(&self) -> bool {
        let lengths = || self.components.iter().map(Vec::len);
        lengths().any(|length| length > COMPONENT_MAX)
            || lengths().map(|length| length + 1).sum::<usize>() > PATH_MAX
    }

    /// Returns the components, from the root down.
    pub fn components(&self) -> &[Vec<u8>] {
        &self.components
    }

    /// Returns whether it ends with a slash: it must then be a directory.
    pub fn is_directory(&self) -> bool {
        self.directory
    }

    /// Returns whether the other name is this one or beneath it.
    pub(super) fn contains(&self, other: &Name) -> bool {
        other.components.starts_with(&self.components)
    }

    /// Returns the name as a client writes it: `/d/f`, `/d/`.
    pub fn shown(&self) -> Vec<u8> {
        let mut shown = Vec::new();
        for component in &self.components {
            shown.push(b'/');
            shown.extend_from_slice(component);
        }
        if self.directory {
            shown.push(b'/');
        }
        shown
    }

    /// Returns the beginning of the name as a client writes it, for an error of one that is too long to be repeated.
    pub fn beginning(&self) -> Vec<u8> {
        let mut shown = self.shown();
        if shown.len() > TOO_LONG_SHOWN {
            let is_within_char = |at: &usize| shown.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
            let end = (0..=TOO_LONG_SHOWN).rev().find(|at| !is_within_char(at)).unwrap_or(TOO_LONG_SHOWN);
            shown.truncate(end);
            shown.extend_from_slice("…".as_bytes());
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn name(path: &str) -> Result<Name> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let directory = path.ends_with('/');
        let path = path.strip_suffix('/').unwrap_or(path);
        let components = match path {
            "" => Vec::new(),
            path => path.split('/').map(|part| part.as_bytes().to_vec()).collect(),
        };
        Name::new(components, directory)
    }

    #[test]
    fn a_name_is_shown_as_it_was_said() {
        for said in ["/", "/f", "/d/", "/d/f", "/d/.cfpd", "/.cfp", "/...", "/d/.cfpdx"] {
            assert_eq!(name(said).unwrap().shown(), said.as_bytes());
        }
    }

    #[test]
    fn the_beginning_of_a_long_name_ends_with_a_character() {
        let rows = [
            ("/d/".to_owned(), "/d/".to_owned()),
            (format!("/{}", "a".repeat(63)), format!("/{}", "a".repeat(63))),
            (format!("/{}", "a".repeat(64)), format!("/{}…", "a".repeat(63))),
            (format!("/{}", "é".repeat(64)), format!("/{}…", "é".repeat(31))),
        ];
        for (said, beginning) in rows {
            assert_eq!(name(&said).unwrap().beginning(), beginning.as_bytes(), "{said}");
        }
        assert!(!Name::new(vec![vec![0x80; 100]], false).unwrap().beginning().is_empty());
    }

    #[test]
    fn what_can_be_no_name_is_refused_and_so_is_the_daemons_own() {
        let rows = [
            ("/a//b", ErrorKind::Invalid),
            ("/.", ErrorKind::Invalid),
            ("/a/..", ErrorKind::Invalid),
            ("/a/../b", ErrorKind::Invalid),
            ("/a\0b", ErrorKind::Invalid),
            ("/.cfpd", ErrorKind::Forbidden),
            ("/.cfpd/", ErrorKind::Forbidden),
            ("/.cfpd/metrics", ErrorKind::Forbidden),
            ("/.cfpd-1", ErrorKind::Forbidden),
            ("/d/.cfpd-1/f", ErrorKind::Forbidden),
        ];
        for (said, kind) in rows {
            assert_eq!(name(said).unwrap_err().kind(), kind, "{said}");
        }
        assert_eq!(Name::new(vec![b"a/b".to_vec()], false).unwrap_err().kind(), ErrorKind::Invalid);
    }

    #[test]
    fn the_root_is_a_directory_however_it_is_said() {
        assert!(Name::new(Vec::new(), false).unwrap().is_directory());
    }

    #[test]
    fn a_directory_contains_itself_and_what_is_beneath_it() {
        let rows = [
            ("/", "/a", true),
            ("/a/", "/a", true),
            ("/a", "/a/b", true),
            ("/a", "/ab", false),
            ("/a/b", "/a", false),
        ];
        for (outer, inner, contains) in rows {
            assert_eq!(name(outer).unwrap().contains(&name(inner).unwrap()), contains, "{outer} {inner}");
        }
    }
}
