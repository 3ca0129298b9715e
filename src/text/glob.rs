//! Globs: which of the names beneath a directory a list or a search includes. It does not know where the names come
//! from.
//!
//! A glob is matched against a name relative to the requested directory. `?` matches any character and `*` any characters but
//! a slash, `**` any directories, `[a-z]` one of these characters, `[!a-z]` any other, `{a,b}` either; a backslash escapes
//! the next character. In a name that is not UTF-8 each byte is a character, as for fnmatch(3). A glob without a slash is
//! matched against each component, one with a slash against the whole name; one that ends in a slash matches directories
//! only. A glob that matches a directory matches all beneath it.

use globset::GlobBuilder;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;

use crate::error::{Error, Result};

/// The most bytes of a glob: nested braces take stack.
const GLOB_MAX: usize = 1024;
/// The most bytes of a compiled glob, and of the states that it keeps while it is matched.
const PATTERN_MAX: usize = 1 << 20;
const STATES_MAX: usize = 128 << 10;

/// The globs that names are included and excluded by.
#[derive(Debug, Default)]
pub struct Globs {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
}

/// One glob.
#[derive(Debug)]
struct Glob {
    /// Matches bytes.
    matcher: Regex,
    /// Matches the characters of a name in UTF-8, where that is not the same.
    of_characters: Option<Regex>,
    /// Whether it is matched against the whole name, not against each component.
    is_whole: bool,
    /// Whether it matches directories only.
    is_directory: bool,
}

impl Globs {
    /// Includes the names that match one of `include` (all, if there is none) and none of `exclude`.
    /// Errors have kind `Invalid`.
    pub fn new<'a>(
        include: impl IntoIterator<Item = &'a [u8]>,
        exclude: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self> {
        let include = include.into_iter().map(Glob::parse).collect::<Result<_>>()?;
        let exclude = exclude.into_iter().map(Glob::parse).collect::<Result<_>>()?;
        Ok(Globs { include, exclude })
    }

    /// Returns whether a name, its components joined by `/`, is included.
    pub fn includes(&self, name: &[u8], is_directory: bool) -> bool {
        let is_chosen = self.include.iter().any(|glob| glob.matches(name, is_directory));
        (self.include.is_empty() || is_chosen) && !self.excludes(name, is_directory)
    }

    /// Returns whether a name is excluded, and with it all beneath.
    pub fn excludes(&self, name: &[u8], is_directory: bool) -> bool {
        self.exclude.iter().any(|glob| glob.matches(name, is_directory))
    }
}

impl Glob {
    fn parse(text: &[u8]) -> Result<Self> {
        let invalid = |what: String| Error::invalid(text, what);
        if text.len() > GLOB_MAX {
            return Err(Error::invalid("glob", format!("is longer than {GLOB_MAX} bytes")));
        }
        let glob =
            std::str::from_utf8(text).map_err(|_| invalid("is a glob that is not UTF-8".to_owned()))?;
        let rest = glob.strip_suffix('/').unwrap_or(glob);
        let is_whole = rest.contains('/');
        let inner = rest.strip_prefix('/').unwrap_or(rest);
        if inner.is_empty() {
            return Err(Error::invalid("glob", "is empty"));
        }
        let built = GlobBuilder::new(inner).literal_separator(true).backslash_escape(true).build();
        let built = built.map_err(|error| invalid(format!("is not a valid glob: {}", error.kind())))?;
        let compile = |pattern| matcher(pattern).ok_or_else(|| invalid("is too large a glob".to_owned()));
        let tells_characters_apart = inner.contains(['?', '[']);
        Ok(Glob {
            matcher: compile(built.regex())?,
            of_characters: match tells_characters_apart {
                true => Some(compile(&pattern_of_characters(built.regex()))?),
                false => None,
            },
            is_whole,
            is_directory: rest.len() < glob.len(),
        })
    }

    /// Returns whether it matches the name, or a directory above it.
    fn matches(&self, name: &[u8], is_directory: bool) -> bool {
        let ends = memchr::memchr_iter(b'/', name).chain([name.len()]);
        let mut start = 0;
        for end in ends {
            let part = name.get(if self.is_whole { 0 } else { start }..end).unwrap_or_default();
            let is_kind = !self.is_directory || end < name.len() || is_directory;
            let matcher = self.of_characters.as_ref().filter(|_| std::str::from_utf8(part).is_ok());
            if is_kind && matcher.unwrap_or(&self.matcher).is_match(part) {
                return true;
            }
            start = end + 1;
        }
        false
    }
}

/// Compiles a pattern of globset, whose own matcher may take 20 MiB for its states; `None` where it is too large.
fn matcher(pattern: &str) -> Option<Regex> {
    let config =
        Regex::config().utf8_empty(false).nfa_size_limit(Some(PATTERN_MAX)).hybrid_cache_capacity(STATES_MAX);
    let syntax = syntax::Config::new().utf8(false).dot_matches_new_line(true);
    Regex::builder().syntax(syntax).configure(config).build(pattern).ok()
}

/// Rewrites a pattern of globset, which matches bytes (`(?-u)[\xc3\xa9]`), to one that matches characters (`[é]`).
fn pattern_of_characters(pattern: &str) -> String {
    let mut rest = pattern.strip_prefix("(?-u)").unwrap_or(pattern).as_bytes();
    let mut text = Vec::with_capacity(rest.len());
    loop {
        let hex = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        rest = match rest {
            [] => return String::from_utf8_lossy(&text).into_owned(),
            [b'\\', b'x', high, low, after @ ..] => {
                text.extend(hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                text.extend([b'\\', *escaped]);
                after
            }
            [byte, after @ ..] => {
                text.push(*byte);
                after
            }
        };
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
            // A character of several bytes is one.
            ("?", "é", true),
            ("??", "é", false),
            ("?.txt", "d/è.txt", true),
            ("[é]", "é", true),
            ("[à-ü].txt", "è.txt", true),
            ("[à-ü].txt", "z.txt", false),
            ("[!z]", "è", true),
            ("[!é]", "é", false),
            ("é*", "éa", true),
            ("d?/[é]", "dè/é", true),
            ("\\\\x?", "\\xé", true),
            ("[]]", "]", true),
            ("?\n", "é\n", true),
        ];
        for (glob, name, means) in rows {
            assert_eq!(globs(&[glob], &[]).includes(name.as_bytes(), false), means, "{glob} on {name}");
        }
        assert!(globs(&["d/"], &[]).includes(b"d", true));
        // Where it is not UTF-8, each byte is one.
        assert!(
            globs(&["?"], &[]).includes(b"\xff", false)
                && globs(&["???"], &[]).includes(b"\xff\xc3\xa9", false)
        );
        assert!(globs(&["*"], &[]).includes(b"\xff", false) && globs(&["a*"], &[]).includes(b"a\xff", false));
    }

    #[test]
    fn what_is_excluded_is_left_out_of_what_is_included() {
        let some = globs(&["*.rs", "*.md"], &["target/", "old*"]);
        let rows =
            [("a.rs", true), ("b.md", true), ("c.txt", false), ("target/a.rs", false), ("old.md", false)];
        for (name, means) in rows {
            assert_eq!(some.includes(name.as_bytes(), false), means, "{name}");
        }
        assert!(Globs::default().includes(b"anything", false));
        assert!(!globs(&[], &["*"]).includes(b"anything", false));
    }

    #[test]
    fn what_is_no_glob_is_refused() {
        let long = [b'a'; GLOB_MAX + 1];
        for text in [&b""[..], b"/", b"[a", b"{a", b"\xff", &long] {
            assert_eq!(Globs::new([text], []).unwrap_err().kind(), ErrorKind::Invalid, "{}", shown(text));
        }
    }
}
