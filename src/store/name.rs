//! Names: what a client may call a file. Decoding is HTTP's work; here the components are judged, once.

use crate::error::{Error, Result};

/// Where the daemon's own resources live; nothing can be stored beneath.
pub const RESERVED: &[u8] = b".cfpd";

/// The name of a stored file or directory: its components from the root down, none of them `.`, `..` or empty,
/// none with a NUL or a slash in it. No components at all is the root.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    components: Vec<Vec<u8>>,
    directory: bool,
}

impl Name {
    /// Judges decoded components. `directory` says whether the name ended with a slash.
    ///
    /// Errors have status 400 for what can be no name, 403 for the daemon's own.
    pub fn new(components: Vec<Vec<u8>>, directory: bool) -> Result<Self> {
        let name = Name { directory: directory || components.is_empty(), components };
        for component in &name.components {
            let wrong = match component.as_slice() {
                b"" => "an empty part between two slashes is no name",
                b"." | b".." => "`.` and `..` are no names",
                part if part.contains(&0) => "a NUL is no part of a name",
                part if part.contains(&b'/') => "an encoded slash is no part of a name",
                _ => continue,
            };
            return Err(Error::status(400, name.shown(), wrong));
        }
        match name.components.first() {
            Some(first) if first == RESERVED => {
                Err(Error::status(403, name.shown(), "belongs to the daemon"))
            }
            _ => Ok(name),
        }
    }

    /// The components, from the root down.
    pub fn components(&self) -> &[Vec<u8>] {
        &self.components
    }

    /// Whether it ends with a slash: it must then be a directory.
    pub fn is_directory(&self) -> bool {
        self.directory
    }

    /// The name as a client says it: `/d/f`, `/d/`.
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
}
