//! The word to search for: its largest size, what an occurrence of it is, and where the next one can begin. `scan.rs` applies it
//! to a text.
//!
//! A word is a sequence of *units*: bytes, or with `ignore_case` classes of characters that are equal under case folding. The
//! leftmost occurrence counts, if there are word boundaries around it.

use memchr::memmem;

use super::fold::CaseFolding;
use super::scalar::First;
use super::{Candidate, scalar};
use crate::error::{Error, Result};

/// The longest word to search for, in bytes. It bounds the memory of a search: about 16 bytes for each of the word, and about 12
/// for the window on the text.
pub(super) const WORD_MAX: usize = 64 * 1024;

/// What counts as an occurrence of a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Whether characters are compared under Unicode simple case folding.
    pub ignore_case: bool,
    /// Whether word characters may come right before and after an occurrence.
    pub substring: bool,
}

/// A word that is prepared for searching. It may be a phrase, and hold punctuation, newlines or any other bytes.
#[derive(Clone, Debug)]
pub struct Word {
    units: Vec<u32>,
    /// For each prefix of the word, by its number of units: the length of its longest border, which is both a proper prefix and a
    /// suffix of it.
    borders: Vec<u32>,
    finder: Finder,
    substring: bool,
    /// Whether no two occurrences can overlap, nor a sequence of its bytes without word boundaries and an occurrence.
    is_disjoint: bool,
}

#[derive(Clone, Debug)]
enum Finder {
    Exact(Box<memmem::Finder<'static>>),
    Folded(CaseFolding),
}

impl Word {
    /// Prepares a word. An empty word and one longer than 64 KiB are usage errors.
    pub fn new(bytes: &[u8], matching: Matching) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::usage("the word to search for is empty"));
        }
        if bytes.len() > WORD_MAX {
            return Err(Error::usage(format!("the word to search for is longer than {WORD_MAX} bytes")));
        }
        let (units, finder) = if matching.ignore_case {
            let (units, folding) = CaseFolding::new(bytes)?;
            (units, Finder::Folded(folding))
        } else {
            let finder = memmem::Finder::new(bytes).into_owned();
            (bytes.iter().copied().map(u32::from).collect(), Finder::Exact(finder.into()))
        };
        let (borders, substring) = (borders(&units), matching.substring);
        let is_disjoint = is_disjoint(bytes, &borders, substring);
        Ok(Word { borders, units, finder, substring, is_disjoint })
    }

    /// Returns the offsets of all candidates in `bytes`, if that is enough to find all occurrences.
    pub(super) fn find_all<'a>(&'a self, bytes: &'a [u8]) -> Option<memmem::FindIter<'a, 'a>> {
        match &self.finder {
            Finder::Exact(finder) if self.is_disjoint => Some(finder.find_iter(bytes)),
            _ => None,
        }
    }

    /// Returns the number of its units.
    pub(super) fn units(&self) -> usize {
        self.units.len()
    }

    /// Returns the most bytes that an occurrence can have.
    pub(super) fn longest(&self) -> usize {
        match self.finder {
            Finder::Exact(_) => self.units.len(),
            Finder::Folded(_) => self.units.len() * scalar::LONGEST,
        }
    }

    /// Finds the first offset in `bytes` where an occurrence may begin.
    pub(super) fn find(&self, bytes: &[u8]) -> Candidate {
        match &self.finder {
            Finder::Exact(finder) => match finder.find(bytes) {
                Some(at) => Candidate::Whole(at),
                None => Candidate::After(bytes.len().saturating_sub(self.units.len() - 1)),
            },
            Finder::Folded(folding) => folding.find(bytes),
        }
    }

    /// Returns the first unit of `bytes` and its length; `None` if it is incomplete and more bytes may come, which
    /// `last` rules out.
    pub(super) fn unit(&self, bytes: &[u8], last: bool) -> Option<(u32, usize)> {
        match &self.finder {
            Finder::Exact(_) => bytes.first().map(|&byte| (byte.into(), 1)),
            Finder::Folded(folding) => folding.unit(bytes, last),
        }
    }

    /// Returns whether a unit begins at `at` of `bytes`.
    pub(super) fn is_unit_start(&self, bytes: &[u8], at: usize) -> bool {
        match &self.finder {
            Finder::Exact(_) => true,
            Finder::Folded(_) => scalar::start(bytes, at) == at,
        }
    }

    /// Returns the length of the first `count` units of `bytes`, in bytes.
    pub(super) fn width(&self, bytes: &[u8], count: usize) -> usize {
        match &self.finder {
            Finder::Exact(_) => count,
            Finder::Folded(folding) => folding.width(bytes, count),
        }
    }

    /// Returns whether `unit` is the one after the first `matched` units.
    pub(super) fn matches_next(&self, matched: usize, unit: u32) -> bool {
        self.units.get(matched) == Some(&unit)
    }

    /// Returns how many units stay matched if the next unit does not match after the first `matched` ones.
    pub(super) fn border(&self, matched: usize) -> usize {
        self.borders.get(matched).map_or(0, |&border| border as usize)
    }

    /// Returns whether the word between `before` and `after` has no word character next to it. `None` if the next
    /// character is incomplete and more bytes may come, which `last` rules out.
    pub(super) fn has_word_boundaries(&self, before: &[u8], after: &[u8], last: bool) -> Option<bool> {
        if self.substring {
            return Some(true);
        }
        if scalar::last(before).is_some_and(scalar::is_word) {
            return Some(false);
        }
        match scalar::first(after) {
            First::Char(char) => Some(!scalar::is_word(char)),
            First::Byte(_) => Some(true),
            First::Incomplete => last.then_some(true),
        }
    }
}

/// Returns the borders of every prefix of a word: the failure function of Knuth, Morris and Pratt, with which no byte
/// of a text is compared twice.
fn borders(units: &[u32]) -> Vec<u32> {
    let mut borders: Vec<u32> = Vec::with_capacity(units.len() + 1);
    borders.extend([0, 0]);
    let at = |borders: &Vec<u32>, index: u32| borders.get(index as usize).copied().unwrap_or(0);
    for unit in units.iter().skip(1) {
        let mut border = borders.last().copied().unwrap_or(0);
        while border > 0 && units.get(border as usize) != Some(unit) {
            border = at(&borders, border);
        }
        borders.push(border + u32::from(units.get(border as usize) == Some(unit)));
    }
    borders
}

/// Returns whether each occurrence of the bytes of a word that begins within another one has a word character before it, and so
/// does not count. It begins where a border of the word does.
fn is_disjoint(word: &[u8], borders: &[u32], substring: bool) -> bool {
    let mut border = borders.last().copied().unwrap_or(0) as usize;
    while border > 0 {
        let before = word.get(..word.len().saturating_sub(border)).unwrap_or_default();
        if substring || !scalar::last(before).is_some_and(scalar::is_word) {
            return false;
        }
        border = borders.get(border).map_or(0, |&border| border as usize);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_empty_word_and_one_too_long_are_usage_errors() {
        let word =
            |bytes: &[u8]| Word::new(bytes, Matching::default()).map(drop).map_err(|error| error.kind());
        assert_eq!(word(b""), Err(ErrorKind::Usage));
        assert_eq!(word(&vec![b'a'; WORD_MAX]), Ok(()));
        assert_eq!(word(&vec![b'a'; WORD_MAX + 1]), Err(ErrorKind::Usage));
    }

    #[test]
    fn a_neighbour_is_classified_as_a_whole_character() {
        type Row<'a> = (&'a [u8], &'a [u8], bool, Option<bool>);
        let rows: [Row<'_>; 13] = [
            (b"", b"", true, Some(true)),
            (b"", b"", false, None),
            (b"a", b" ", false, Some(false)),
            (b" ", b"a", false, Some(false)),
            (b".", b".", false, Some(true)),
            (b"_", b"", true, Some(false)),
            (b"\xff", b"\xff", false, Some(true)),
            (b" ", b"\xc3", false, None),
            (b" ", b"\xc3", true, Some(true)),
            (b" ", "é".as_bytes(), false, Some(false)),
            ("\u{301}".as_bytes(), b"", true, Some(false)),
            ("世".as_bytes(), b"", true, Some(false)),
            ("。".as_bytes(), "€".as_bytes(), false, Some(true)),
        ];
        let word = Word::new(b"w", Matching::default()).unwrap();
        for (before, after, last, expected) in rows {
            assert_eq!(word.has_word_boundaries(before, after, last), expected, "{before:?} {after:?}");
        }
    }

    #[test]
    fn occurrences_that_can_overlap_are_known() {
        let rows: [(&[u8], bool, bool); 10] = [
            (b"the", true, true),
            (b"that", true, false),
            (b"a a", false, false),
            (b"-a-", true, false),
            (b"--", false, false),
            (b"b ab", true, false),
            (b"ab a", false, false),
            ("é é".as_bytes(), false, false),
            ("été".as_bytes(), true, false),
            (b"\xa9x\xa9", true, false),
        ];
        for (bytes, words, substring) in rows {
            let disjoint =
                |substring| Word::new(bytes, Matching { ignore_case: false, substring }).unwrap().is_disjoint;
            assert_eq!((disjoint(false), disjoint(true)), (words, substring), "{bytes:?}");
        }
    }

    #[test]
    fn borders_are_those_of_the_failure_function() {
        let of = |word: &[u8]| borders(&word.iter().copied().map(u32::from).collect::<Vec<_>>());
        assert_eq!(of(b"a"), [0, 0]);
        assert_eq!(of(b"aaaa"), [0, 0, 1, 2, 3]);
        assert_eq!(of(b"abacabab"), [0, 0, 0, 1, 0, 1, 2, 3, 2]);
    }
}
