//! Case-insensitive words: which characters are equal under Unicode simple case folding (UTS 18 RL1.5), and where the
//! first characters of a word occur in a block. Word boundaries are checked in `word.rs`.
//!
//! Case folding can change the length of a character (`k` and the Kelvin sign, `s` and the long s), so that an
//! occurrence can be longer than the word. An invalid byte is a unit of its own and equal only to itself.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::scalar::First;
use super::{Candidate, scalar};
use crate::error::{Error, Result};

/// How many characters of a word the automaton matches. The rest is compared one by one: the size of an automaton for a whole
/// long word can be quadratic.
const PREFIX: usize = 32;

/// The unit of an invalid byte is this plus the byte: beyond all characters.
const BYTES: u32 = char::MAX as u32 + 1;

/// Finds the prefix of a word, and reads the units of a text.
#[derive(Clone, Debug)]
pub(super) struct CaseFolding {
    prefix: Regex,
    /// The most bytes that an occurrence of the prefix can have.
    prefix_max: usize,
    /// For each character that is equal to one of the word, the representative of all that are. Sorted.
    folds: Vec<(char, char)>,
}

impl CaseFolding {
    /// Compiles a word: returns its units, and the finder of its prefix.
    pub(super) fn new(word: &[u8]) -> Result<(Vec<u32>, Self)> {
        let mut folds = BTreeMap::new();
        let mut units = Vec::new();
        let mut prefix = Vec::new();
        let mut rest = word;
        while let Some((first, after)) = split_first(rest) {
            rest = after;
            if let First::Char(char) = first
                && !folds.contains_key(&char)
            {
                let class = class_of(char)?;
                let members = || class.ranges().iter().flat_map(|range| range.start()..=range.end());
                folds.extend(members().map(|member| (member, members().next().unwrap_or(char))));
            }
            if prefix.len() < PREFIX {
                prefix.push(hir_of(first)?);
            }
            units.push(match first {
                First::Char(char) => u32::from(folds.get(&char).copied().unwrap_or(char)),
                First::Byte(byte) => BYTES + u32::from(byte),
                First::Incomplete => continue,
            });
        }
        let prefix_max = prefix.len() * scalar::LONGEST;
        let prefix = Regex::builder().build_from_hir(&Hir::concat(prefix)).map_err(refused)?;
        Ok((units, CaseFolding { prefix, prefix_max, folds: folds.into_iter().collect() }))
    }

    /// Finds the first offset in `bytes` where the word may begin.
    pub(super) fn find(&self, bytes: &[u8]) -> Candidate {
        match self.prefix.find(bytes) {
            // The automaton matches bytes: an invalid byte of the word can match inside a character.
            Some(found) => Candidate::Prefix(scalar::start(bytes, found.start())),
            None => Candidate::After(scalar::start(bytes, bytes.len().saturating_sub(self.prefix_max - 1))),
        }
    }

    /// Returns the first unit of `bytes` and its length; `None` if it is incomplete and more bytes may come.
    pub(super) fn unit(&self, bytes: &[u8], last: bool) -> Option<(u32, usize)> {
        match scalar::first(bytes) {
            First::Char(char) => {
                let fold = self.folds.binary_search_by_key(&char, |fold| fold.0).ok();
                let fold = fold.and_then(|index| self.folds.get(index)).map_or(char, |fold| fold.1);
                Some((fold.into(), char.len_utf8()))
            }
            First::Byte(byte) => Some((BYTES + u32::from(byte), 1)),
            First::Incomplete if last => bytes.first().map(|&byte| (BYTES + u32::from(byte), 1)),
            First::Incomplete => None,
        }
    }

    /// Returns the length of the first `count` units of `bytes`, in bytes.
    pub(super) fn width(&self, bytes: &[u8], count: usize) -> usize {
        let mut width = 0;
        for _ in 0..count {
            width += self.unit(bytes.get(width..).unwrap_or_default(), true).map_or(0, |unit| unit.1);
        }
        width
    }
}

/// Returns the first character or invalid byte of `bytes`, and the rest.
fn split_first(bytes: &[u8]) -> Option<(First, &[u8])> {
    let first = match scalar::first(bytes) {
        First::Incomplete => First::Byte(*bytes.first()?),
        first => first,
    };
    let length = if let First::Char(char) = first { char.len_utf8() } else { 1 };
    Some((first, bytes.get(length..)?))
}

/// Returns all characters that are equal to this one, including itself.
fn class_of(char: char) -> Result<ClassUnicode> {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(char, char)]);
    class.try_case_fold_simple().map_err(refused)?;
    Ok(class)
}

fn hir_of(first: First) -> Result<Hir> {
    Ok(match first {
        First::Char(char) => Hir::class(Class::Unicode(class_of(char)?)),
        First::Byte(byte) => Hir::literal([byte]),
        First::Incomplete => Hir::empty(),
    })
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::usage(format!("the word cannot be searched for: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_differ_only_in_case_are_one_unit() {
        let rows = [
            ("k", "\u{212a}", true),
            ("S", "ſ", true),
            ("Σ", "ς", true),
            ("ß", "ẞ", true),
            ("é", "É", true),
            ("i", "ı", false),
            ("i", "İ", false),
            ("é", "e", false),
            ("ß", "ss", false),
        ];
        for (one, other, same) in rows {
            let (units, folding) = CaseFolding::new(one.as_bytes()).unwrap();
            let other = folding.unit(other.as_bytes(), true).map(|unit| unit.0);
            assert_eq!(units.first().copied() == other, same, "{one}");
        }
    }

    #[test]
    fn an_invalid_byte_is_not_found_inside_a_character() {
        let (_, folding) = CaseFolding::new(b"\xa9a").unwrap();
        assert_eq!(folding.find("xéa".as_bytes()), Candidate::Prefix(1));
        assert_eq!(folding.unit("éa".as_bytes(), true), Some((0xe9, 2)));
        assert_eq!(folding.unit(b"\xa9a", true), Some((BYTES + 0xa9, 1)));
    }
}
