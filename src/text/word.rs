//! The word to search for: its longest size, what an occurrence of it is, and where the next one could begin. It
//! knows nothing of blocks or sources; `scan.rs` moves it over a text.
//!
//! A word is a row of *units*: bytes, or with folding characters of which those that differ only in case are one
//! unit. An occurrence begins leftmost; whether it stands depends on the characters around it.

use memchr::memmem;

use super::candidate::Candidate;
use super::fold::Folding;
use super::scalar::{self, First};
use crate::error::{Error, Result};

/// The longest word to search for, in bytes. It bounds the memory of a search, whoever asks for it: about
/// 16 bytes for each of the word's, and a window on the text of about 8.
pub const WORD_MAX: usize = 64 * 1024;

/// How occurrences of a word are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Whether characters that differ only in case are the same (Unicode simple folding).
    pub ignore_case: bool,
    /// Whether word characters may stand right before and after an occurrence.
    pub substring: bool,
}

/// A word to search for, ready for it. It may be a phrase, hold punctuation, newlines, or any bytes.
#[derive(Clone, Debug)]
pub struct Word {
    units: Vec<u32>,
    /// For each number of units from 0 up, how many of them at the end are also those at the beginning.
    borders: Vec<u32>,
    finder: Finder,
    substring: bool,
}

#[derive(Clone, Debug)]
enum Finder {
    Exact(Box<memmem::Finder<'static>>),
    Folded(Folding),
}

impl Word {
    /// Prepares a word. An empty word and one longer than [`WORD_MAX`] are wrong use.
    pub fn new(bytes: &[u8], matching: Matching) -> Result<Self> {
        if bytes.is_empty() {
            return Err(Error::usage("the word to search for is empty"));
        }
        if bytes.len() > WORD_MAX {
            return Err(Error::usage(format!("the word to search for is longer than {WORD_MAX} bytes")));
        }
        let (units, finder) = if matching.ignore_case {
            let (units, folding) = Folding::new(bytes)?;
            (units, Finder::Folded(folding))
        } else {
            let finder = memmem::Finder::new(bytes).into_owned();
            (bytes.iter().copied().map(u32::from).collect(), Finder::Exact(finder.into()))
        };
        Ok(Word { borders: borders(&units), units, finder, substring: matching.substring })
    }

    /// How many units it has.
    pub(super) fn units(&self) -> usize {
        self.units.len()
    }

    /// The most bytes an occurrence can have.
    pub(super) fn longest(&self) -> usize {
        match self.finder {
            Finder::Exact(_) => self.units.len(),
            Finder::Folded(_) => self.units.len() * scalar::LONGEST,
        }
    }

    /// Looks in `bytes` for the first place where an occurrence may begin.
    pub(super) fn find(&self, bytes: &[u8]) -> Candidate {
        match &self.finder {
            Finder::Exact(finder) => match finder.find(bytes) {
                Some(at) => Candidate::Whole(at),
                None => Candidate::After(bytes.len().saturating_sub(self.units.len() - 1)),
            },
            Finder::Folded(folding) => folding.find(bytes),
        }
    }

    /// The unit that begins `bytes` and its length; none if it takes more bytes to tell. No more come after the
    /// `last`.
    pub(super) fn unit(&self, bytes: &[u8], last: bool) -> Option<(u32, usize)> {
        match &self.finder {
            Finder::Exact(_) => bytes.first().map(|&byte| (byte.into(), 1)),
            Finder::Folded(folding) => folding.unit(bytes, last),
        }
    }

    /// How many bytes the first `count` units of `bytes` take.
    pub(super) fn width(&self, bytes: &[u8], count: usize) -> usize {
        match &self.finder {
            Finder::Exact(_) => count,
            Finder::Folded(folding) => folding.width(bytes, count),
        }
    }

    /// Whether `unit` is the one that follows the first `matched` ones.
    pub(super) fn goes_on(&self, matched: usize, unit: u32) -> bool {
        self.units.get(matched) == Some(&unit)
    }

    /// The most units, fewer than `matched`, that can be matched still when `matched` ones lead nowhere.
    pub(super) fn border(&self, matched: usize) -> usize {
        self.borders.get(matched).map_or(0, |&border| border as usize)
    }

    /// Whether the word itself, found between `before` and `after`, is an occurrence: no word character right
    /// before or after it. None if it takes more bytes to tell. No more come after the `last`.
    pub(super) fn stands(&self, before: &[u8], after: &[u8], last: bool) -> Option<bool> {
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

/// The borders of every beginning of a word: the failure function of Knuth, Morris and Pratt. With it a text is
/// never read twice, whatever the word.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_empty_word_and_one_too_long_are_wrong_use() {
        let word =
            |bytes: &[u8]| Word::new(bytes, Matching::default()).map(drop).map_err(|error| error.kind());
        assert_eq!(word(b""), Err(ErrorKind::Usage));
        assert_eq!(word(&vec![b'a'; WORD_MAX]), Ok(()));
        assert_eq!(word(&vec![b'a'; WORD_MAX + 1]), Err(ErrorKind::Usage));
    }

    #[test]
    fn a_neighbour_is_judged_as_a_whole_character() {
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
        for (before, after, last, stands) in rows {
            assert_eq!(word.stands(before, after, last), stands, "{before:?} {after:?}");
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
