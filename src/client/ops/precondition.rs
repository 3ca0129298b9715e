//! Preconditions of a write, so that two users of one file cannot silently overwrite each other's changes. The server
//! evaluates them atomically with the write; this file only formats them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::error::{Error, Result, shown};

/// The preconditions of a write. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    /// An existing file is kept.
    pub keep: bool,
    /// The entity tag that the file to be replaced, renamed, copied or deleted must have.
    pub tag: Option<Tag>,
}

impl Precondition {
    /// Sets the required entity tag, if there is one.
    pub fn on(tag: Option<Tag>) -> Self {
        Precondition { keep: false, tag }
    }

    /// Returns whether the request may be sent again. With a precondition it may not: if the first one was performed and
    /// only its response was lost, its own change makes the precondition false.
    pub fn may_resend(&self) -> bool {
        *self == Precondition::default()
    }

    /// Returns whether a refusal is no error: the user asked to keep an existing file.
    pub fn is_silent(&self) -> bool {
        self.keep && self.tag.is_none()
    }

    /// Returns the field that demands this version of the target.
    pub(crate) fn field(&self) -> Option<(&'static str, Vec<u8>)> {
        self.tag.as_ref().map(|Tag(tag)| ("If-Match", tag.clone().into_bytes()))
    }
}

/// A strong entity tag in a field (RFC 9110 §8.8.3), or `*`, which is any version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// Makes one from the server's, with its quotes; a weak one identifies no version.
    pub fn from_server(etag: String) -> Option<Self> {
        (etag.starts_with('"') && etag.len() > 1).then_some(Tag(etag))
    }

    /// Parses a tag, with or without quotes.
    pub fn read(argument: &OsStr) -> Result<Self> {
        let bytes = argument.as_bytes();
        let inner = bytes.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(bytes);
        let plain = inner.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
        match std::str::from_utf8(inner) {
            Ok("*") if inner == bytes => Ok(Tag("*".to_owned())),
            Ok(inner) if plain && !inner.is_empty() => Ok(Tag(format!("\"{inner}\""))),
            _ => Err(Error::usage(format!("--if-match {} is not an entity tag", shown(bytes)))),
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
