//! Words whose case does not matter: which characters are the same (Unicode simple folding), and where the first
//! few of the word stand in some bytes. It knows nothing of the characters around.
//!
//! Folding can change how long a character is (`k` and the Kelvin sign, `s` and the long s), so that an occurrence
//! can be longer than the word. An invalid byte is a character of its own and only the same as itself.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir};

use super::candidate::Candidate;
use super::scalar::{self, First};
use crate::error::{Error, Result};

/// How many characters of a word the automaton looks for. The rest is compared one by one: an automaton of all of
/// a long word can be as large as the square of it.
const PREFIX: usize = 32;

/// Where the units of invalid bytes begin, beyond all characters.
const BYTES: u32 = char::MAX as u32 + 1;

/// Finds the beginning of a word, and tells the units of a text.
#[derive(Clone, Debug)]
pub(super) struct Folding {
    prefix: Regex,
    /// The most bytes an occurrence of the prefix can have.
    reach: usize,
    /// For each character that is the same as one of the word: the one that stands for it. In order.
    folds: Vec<(char, char)>,
}

impl Folding {
    /// The units of a word and what finds them.
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
        let reach = prefix.len() * scalar::LONGEST;
        let prefix = Regex::builder().build_from_hir(&Hir::concat(prefix)).map_err(refused)?;
        Ok((units, Folding { prefix, reach, folds: folds.into_iter().collect() }))
    }

    /// Looks for the first place in `bytes` where the word may begin.
    pub(super) fn find(&self, bytes: &[u8]) -> Candidate {
        match self.prefix.find(bytes) {
            // The automaton knows bytes only: it can begin an invalid byte of the word inside a character.
            Some(found) => Candidate::Begun(scalar::start(bytes, found.start())),
            None => Candidate::After(scalar::start(bytes, bytes.len().saturating_sub(self.reach - 1))),
        }
    }

    /// The unit that begins `bytes` and its length; none if it takes more bytes to tell.
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

    /// How many bytes the first `count` units of `bytes` take.
    pub(super) fn width(&self, bytes: &[u8], count: usize) -> usize {
        let mut width = 0;
        for _ in 0..count {
            width += self.unit(bytes.get(width..).unwrap_or_default(), true).map_or(0, |unit| unit.1);
        }
        width
    }
}

/// The first character or invalid byte of `bytes`, and the rest.
fn split_first(bytes: &[u8]) -> Option<(First, &[u8])> {
    let first = match scalar::first(bytes) {
        First::Incomplete => First::Byte(*bytes.first()?),
        first => first,
    };
    let length = if let First::Char(char) = first { char.len_utf8() } else { 1 };
    Some((first, bytes.get(length..)?))
}

/// All characters that are the same as this one, itself among them.
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
            let (units, folding) = Folding::new(one.as_bytes()).unwrap();
            let other = folding.unit(other.as_bytes(), true).map(|unit| unit.0);
            assert_eq!(units.first().copied() == other, same, "{one}");
        }
    }

    #[test]
    fn an_invalid_byte_is_not_found_inside_a_character() {
        let (_, folding) = Folding::new(b"\xa9a").unwrap();
        assert_eq!(folding.find("xéa".as_bytes()), Candidate::Begun(1));
        assert_eq!(folding.unit("éa".as_bytes(), true), Some((0xe9, 2)));
        assert_eq!(folding.unit(b"\xa9a", true), Some((BYTES + 0xa9, 1)));
    }
}
