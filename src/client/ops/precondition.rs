//! Guards: what must hold on the server for a write to happen, so that two who work on one file cannot silently undo
//! each other. The server holds them in the same moment as it writes; here is only how they are said.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::client::call::call::Call;
use crate::error::{Error, Result, shown};

/// The conditions of a write. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// A name that is taken stays as it is.
    pub keep: bool,
    /// The version that must stand there: of the file that is replaced, renamed, copied or deleted.
    pub tag: Option<Tag>,
}

impl Precondition {
    /// With the version that must stand there, if there is one to be held to.
    pub fn on(tag: Option<Tag>) -> Self {
        Precondition { keep: false, tag }
    }

    /// Whether a second try means the same as the first. The first may have been carried out, and only its answer
    /// lost: then a condition fails by our own doing.
    pub fn may_repeat(&self) -> bool {
        *self == Precondition::default()
    }

    /// Whether a refusal needs no words: who asked that a taken name stays has got what he asked for.
    pub fn is_silent(&self) -> bool {
        self.keep && self.tag.is_none()
    }

    /// The call, if this version stands where it goes.
    pub fn hold(&self, call: Call) -> Call {
        match &self.tag {
            Some(Tag(tag)) => call.with("If-Match", tag),
            None => call,
        }
    }
}

/// A strong entity tag as a field carries it (RFC 9110 §8.8.3), or `*`, which is any version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// One that a server told, with its quotes; a weak one says no version.
    pub fn told(etag: String) -> Option<Self> {
        (etag.starts_with('"') && etag.len() > 1).then_some(Tag(etag))
    }

    /// Reads a tag, with its quotes or without.
    pub fn read(argument: &OsStr) -> Result<Self> {
        let bytes = argument.as_bytes();
        let inner = bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(bytes);
        let plain = inner.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
        match std::str::from_utf8(inner) {
            Ok("*") if inner == bytes => Ok(Tag("*".to_owned())),
            Ok(inner) if plain && !inner.is_empty() => Ok(Tag(format!("\"{inner}\""))),
            _ => Err(Error::usage(format!("--if-match {} is no tag of a version", shown(bytes)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_tag_is_taken_with_its_quotes_or_without() {
        for (argument, tag) in
            [("\"1a-2\"", "\"1a-2\""), ("1a-2", "\"1a-2\""), ("*", "*"), ("\"*\"", "\"*\"")]
        {
            assert_eq!(Tag::read(OsStr::new(argument)).unwrap(), Tag(tag.into()), "{argument}");
        }
        for argument in ["", "\"", "\"\"", "W/\"a\"", "\"a\", \"b\"", "a b", "a\n", "é"] {
            assert_eq!(Tag::read(OsStr::new(argument)).unwrap_err().kind(), ErrorKind::Usage, "{argument}");
        }
    }
}
