//! Globs on names: which of the names beneath a directory are meant. Here stands what a glob means, for lists and
//! searches; where the names come from it does not know.
//!
//! A glob is held against a name below the directory that was asked for. `?` is any byte and `*` any bytes but a slash,
//! `**` is any directories, `[a-z]` and `[!a-z]` are one of these bytes and none of them, `{a,b}` is either; a backslash
//! takes the meaning of what follows it away. A glob without a slash is held against each component, one with a slash
//! against the whole name; one that ends in a slash means directories alone. One that means a directory means all
//! beneath it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobMatcher};

use crate::error::{Error, Result};

/// How long a glob may be, in bytes: braces in braces take stack.
const GLOB_MAX: usize = 1024;

/// Which names are meant.
#[derive(Debug, Default)]
pub struct Globs {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
}

/// One glob.
#[derive(Debug)]
struct Glob {
    matcher: GlobMatcher,
    /// Whether it is held against the whole name.
    is_whole: bool,
    /// Whether it means directories alone.
    is_directory: bool,
}

impl Globs {
    /// The names that one of `include` means, any where there is none, but for those that one of `exclude` means.
    /// Errors have kind `Invalid`.
    pub fn new<'a>(
        include: impl IntoIterator<Item = &'a [u8]>,
        exclude: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self> {
        let include = include.into_iter().map(Glob::parse).collect::<Result<_>>()?;
        let exclude = exclude.into_iter().map(Glob::parse).collect::<Result<_>>()?;
        Ok(Globs { include, exclude })
    }

    /// Whether a name is meant; components joined by `/`.
    pub fn mean(&self, name: &[u8], is_directory: bool) -> bool {
        let any = |globs: &[Glob]| globs.iter().any(|glob| glob.means(name, is_directory));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

impl Glob {
    fn parse(text: &[u8]) -> Result<Self> {
        let wrong = |what: String| Error::invalid(text, what);
        if text.len() > GLOB_MAX {
            return Err(Error::invalid("glob", format!("is longer than {GLOB_MAX} bytes")));
        }
        let glob = std::str::from_utf8(text).map_err(|_| wrong("is a glob that is no UTF-8".to_owned()))?;
        let rest = glob.strip_suffix('/').unwrap_or(glob);
        let is_whole = rest.contains('/');
        let inner = rest.strip_prefix('/').unwrap_or(rest);
        if inner.is_empty() {
            return Err(wrong("is an empty glob".to_owned()));
        }
        let built = GlobBuilder::new(inner).literal_separator(true).backslash_escape(true).build();
        let built = built.map_err(|error| wrong(format!("is no glob: {}", error.kind())))?;
        Ok(Glob { matcher: built.compile_matcher(), is_whole, is_directory: rest.len() < glob.len() })
    }

    /// Whether it means the name, or a directory above it.
    fn means(&self, name: &[u8], is_directory: bool) -> bool {
        let ends = memchr::memchr_iter(b'/', name).chain([name.len()]);
        let mut start = 0;
        for end in ends {
            let part = name.get(if self.is_whole { 0 } else { start }..end).unwrap_or_default();
            let may_mean = !self.is_directory || end < name.len() || is_directory;
            if may_mean && self.matcher.is_match(Path::new(OsStr::from_bytes(part))) {
                return true;
            }
            start = end + 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::error::shown;

    fn globs(include: &[&str], exclude: &[&str]) -> Globs {
        let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
        let (include, exclude) = (bytes(include), bytes(exclude));
        Globs::new(include.iter().map(Vec::as_slice), exclude.iter().map(Vec::as_slice)).unwrap()
    }

    #[test]
    fn a_glob_means_names_as_the_page_says() {
        let rows = [
            ("*.txt", "a.txt", true),
            ("*.txt", "d/e/a.txt", true),
            ("*.txt", "a.txt.gz", false),
            ("d", "d/e/a.txt", true),
            ("d", "e/d/a", true),
            ("d/", "d", false),
            ("d/", "d/a", true),
            ("d/*.txt", "d/a.txt", true),
            ("d/*.txt", "d/e/a.txt", false),
            ("d/*.txt", "c/d/a.txt", false),
            ("d/**/*.txt", "d/e/f/a.txt", true),
            ("d/**/*.txt", "d/a.txt", true),
            ("/a", "a", true),
            ("/a", "d/a", false),
            ("**/a", "d/e/a", true),
            ("[a-c]?", "bx", true),
            ("[!a-c]?", "bx", false),
            ("{a,b}.md", "b.md", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("?", "\u{1}", true),
        ];
        for (glob, name, means) in rows {
            assert_eq!(globs(&[glob], &[]).mean(name.as_bytes(), false), means, "{glob} on {name}");
        }
        assert!(globs(&["d/"], &[]).mean(b"d", true));
        assert!(globs(&["*"], &[]).mean(b"\xff", false) && globs(&["a*"], &[]).mean(b"a\xff", false));
    }

    #[test]
    fn what_is_excluded_is_left_out_of_what_is_included() {
        let some = globs(&["*.rs", "*.md"], &["target/", "old*"]);
        let rows =
            [("a.rs", true), ("b.md", true), ("c.txt", false), ("target/a.rs", false), ("old.md", false)];
        for (name, means) in rows {
            assert_eq!(some.mean(name.as_bytes(), false), means, "{name}");
        }
        assert!(Globs::default().mean(b"anything", false));
        assert!(!globs(&[], &["*"]).mean(b"anything", false));
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        let long = [b'a'; GLOB_MAX + 1];
        for text in [&b""[..], b"/", b"[a", b"{a", b"\xff", &long] {
            assert_eq!(Globs::new([text], []).unwrap_err().kind(), ErrorKind::Invalid, "{}", shown(text));
        }
    }
}
