//! The path beneath which a server is reached, where a site has it beneath a path of its own. It knows targets; which
//! requests it is taken from, and which `Location` it is put before, is decided elsewhere.

use percent_encoding::percent_decode;

use super::authority;
use super::target::{self, Query, Target};
use crate::error::{Error, Result, shown};

/// A path prefix; without components none.
#[derive(Clone, Debug, Default)]
pub struct PathPrefix {
    components: Vec<Vec<u8>>,
    /// Encoded, with the slash before and without the one behind: `/files`.
    encoded: Vec<u8>,
}

impl PathPrefix {
    /// Parses `/PATH`, percent-encoded as in a URL. Errors are of usage.
    pub fn parse(text: &str) -> Result<Self> {
        let bad =
            || Error::usage(format!("--prefix {}: is not a path such as /files", shown(text.as_bytes())));
        let target = Some(text).filter(|text| text.starts_with('/')).ok_or_else(bad)?;
        let target = Target::parse(target.as_bytes()).map_err(|_| bad())?;
        let is_up = |component: &Vec<u8>| component.as_slice() == b"..";
        if target.query.names().next().is_some() || target.components.iter().any(is_up) {
            return Err(bad());
        }
        let components = target.components;
        let encoded = target::encode(&components, false, &Query::default());
        Ok(PathPrefix { encoded: if components.is_empty() { Vec::new() } else { encoded }, components })
    }

    /// Returns it as it stands in URLs, without a final slash; empty if there is none.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// Returns the part of a target beneath the prefix, from its slash on; empty, or a query, for the prefix itself without
    /// a slash. `None` for a target elsewhere.
    pub fn below<'t>(&self, target: &'t [u8]) -> Option<&'t [u8]> {
        if self.components.is_empty() || target == b"*" {
            return Some(target);
        }
        let mut rest = match authority::is_absolute(target) {
            // What is wrong with the authority is said when the target is parsed.
            true => match authority::split_absolute(target) {
                Some((_, path)) => path,
                None => return Some(target),
            },
            false => target,
        };
        for component in &self.components {
            let mut path = rest.strip_prefix(b"/")?;
            // Empty components and `.` are dropped, as in what follows the prefix.
            while let Some(behind) = path.strip_prefix(b"/").or_else(|| path.strip_prefix(b"./")) {
                path = behind;
            }
            let end = path.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(path.len());
            let (first, behind) = path.split_at_checked(end)?;
            if !percent_decode(first).eq(component.iter().copied()) {
                return None;
            }
            rest = behind;
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_beneath_a_prefix_is_what_follows_it() {
        let rows: [(&str, &str, Option<&str>); 19] = [
            ("/", "/files/f", Some("/files/f")),
            ("/files", "/files/f", Some("/f")),
            ("/files/", "/files/d/?a=/b", Some("/d/?a=/b")),
            ("/files", "/files/", Some("/")),
            ("/files", "/files", Some("")),
            ("/files", "/files?x", Some("?x")),
            ("/files", "*", Some("*")),
            ("/files", "/%66iles/f", Some("/f")),
            ("/files", "http://h/files/f", Some("/f")),
            ("/files", "http://a|b/f", Some("http://a|b/f")),
            ("/files", "//files/f", Some("/f")),
            ("/files", "/././/files/f", Some("/f")),
            ("/a%20b/c", "//a%20b/./c/f", Some("/f")),
            ("/files", "/.files/f", None),
            ("/files", "/filesystem/f", None),
            ("/files", "/other", None),
            ("/files", "/", None),
            ("/a%20b/c", "/a%20b/c/f", Some("/f")),
            ("/a%20b/c", "/a%20b/f", None),
        ];
        for (prefix, target, below) in rows {
            let prefix = PathPrefix::parse(prefix).unwrap();
            assert_eq!(prefix.below(target.as_bytes()), below.map(str::as_bytes), "{target}");
        }
        assert_eq!(PathPrefix::parse("/a b/c/").unwrap().encoded(), b"/a%20b/c");
        for wrong in ["files", "", "/a?b", "/a/../b", "/%", "http://h/files"] {
            assert!(PathPrefix::parse(wrong).is_err(), "{wrong}");
        }
    }
}
