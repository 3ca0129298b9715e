//! Splits a text into occurrences of a word and what is between them, in order, in constant memory. The visitor
//! decides what is done with either.
//!
//! A finder (memmem or a regex automaton) skips to where the word may begin. From there the text is compared unit by unit with
//! the algorithm of Knuth, Morris and Pratt: when a candidate fails, the next one that can overlap it is tried without
//! reading any byte again. So the time is linear in the text, whatever the word and the size of the reads.

use std::io::{self, Read};

use super::sliding_buffer::SlidingBuffer;
use super::spare_blocks::SpareBlocks;
use super::visit::Visit;
use super::{Candidate, Source, Word, scalar};
use crate::io_block::IoBlock;

/// How much is read at once, in bytes.
pub(super) const BLOCK: usize = 128 * 1024;

/// The most that is read at once of a file for which more is better, in bytes.
const BLOCK_MAX: usize = 1 << 20;

/// Returns how much of a source is read at once. A small file gets a small buffer: there may be many, and each is zeroed.
pub(super) fn block_of(source: &Source<'_>) -> usize {
    match source {
        Source::File(file) if file.size() > BLOCK as u64 => file.read_size().clamp(BLOCK, BLOCK_MAX),
        Source::File(file) => usize::try_from(file.size()).unwrap_or(BLOCK).max(1),
        Source::Stream { .. } => BLOCK,
    }
}

/// Passes all of `text`, read `block` bytes at a time, to a visitor. Between two reads only what may still be part of an
/// occurrence is withheld: fewer bytes than an occurrence has, and one character.
pub(super) fn scan(word: &Word, text: &mut dyn Read, block: usize, visit: &mut impl Visit) -> io::Result<()> {
    ScanWindow::new(word, block).scan(text, block, visit)
}

/// The part of the text that is being compared: `buffer.begin() <= visited <= from <= at <= buffer.end()`.
pub(super) struct ScanWindow<'w> {
    pub(super) word: &'w Word,
    buffer: SlidingBuffer,
    /// The end of the bytes that the visitor received.
    visited: usize,
    /// The candidate: `from..at` are the first `matched` units of the word.
    from: usize,
    at: usize,
    matched: usize,
    /// How many bytes were compared or moved, to measure that the time is linear.
    #[cfg(test)]
    work: usize,
}

impl<'w> ScanWindow<'w> {
    /// A window for reads of at most `block` bytes.
    pub(super) fn new(word: &'w Word, block: usize) -> Self {
        ScanWindow::of(word, SlidingBuffer::new(kept(word), block))
    }

    /// Makes a window in a spare block.
    pub(super) fn in_spare(word: &'w Word, block: usize, spare: &SpareBlocks) -> Self {
        let size = SlidingBuffer::size(kept(word), block);
        ScanWindow::of(word, SlidingBuffer::within(spare.take(size), kept(word)))
    }

    /// Returns its block.
    pub(super) fn into_block(self) -> IoBlock {
        self.buffer.into_block()
    }

    fn of(word: &'w Word, buffer: SlidingBuffer) -> Self {
        let start = buffer.begin();
        ScanWindow {
            word,
            buffer,
            visited: start,
            from: start,
            at: start,
            matched: 0,
            #[cfg(test)]
            work: 0,
        }
    }

    /// Begins again in the middle of a text: at `start` of `known`, the bytes around it.
    pub(super) fn restart(&mut self, known: &[u8], start: usize) {
        self.buffer.restart(known);
        let start = self.buffer.begin() + start;
        (self.visited, self.from, self.at) = (start, start, start);
        self.matched = 0;
    }

    /// Passes all that is read of `text` to a visitor.
    pub(super) fn scan(
        &mut self,
        text: &mut dyn Read,
        block: usize,
        visit: &mut impl Visit,
    ) -> io::Result<()> {
        loop {
            let last = self.read(text, block)? == 0;
            self.advance(last, visit)?;
            if last {
                return Ok(());
            }
        }
    }

    fn bytes(&self, from: usize, to: usize) -> &[u8] {
        self.buffer.bytes().get(from..to).unwrap_or_default()
    }

    /// Returns the bytes that were not compared yet.
    fn rest(&self) -> &[u8] {
        self.bytes(self.at, self.buffer.end())
    }

    fn read(&mut self, text: &mut dyn Read, block: usize) -> io::Result<usize> {
        self.slide();
        self.buffer.read(text, block)
    }

    /// Drops what is no longer needed: all but the candidate, and one character before it.
    fn slide(&mut self) {
        let needed = self.buffer.begin().max(self.from.saturating_sub(scalar::LONGEST));
        if self.buffer.slide(needed) {
            let begin = self.buffer.begin();
            self.count_work(self.buffer.end() - begin);
            for offset in [&mut self.visited, &mut self.from, &mut self.at] {
                *offset = *offset - needed + begin;
            }
        }
    }

    /// Passes to the visitor all that can be decided; `last` if no more bytes follow.
    fn advance(&mut self, last: bool, visit: &mut impl Visit) -> io::Result<()> {
        let mut skipped = false;
        loop {
            if self.matched == self.word.units() {
                let (before, after) = (self.bytes(self.buffer.begin(), self.from), self.rest());
                match self.word.has_word_boundaries(before, after, last) {
                    Some(true) => {
                        self.visited =
                            pass_on(visit, self.buffer.bytes(), self.visited, self.from, Some(self.at))?;
                        (self.from, self.matched) = (self.at, 0);
                    }
                    Some(false) => self.shift(),
                    None => break,
                }
            } else if self.matched == 0 && !skipped {
                skipped = self.visit_disjoint(last, visit)? || !self.skip() || !self.step(last);
            } else if !self.step(last) {
                break;
            }
        }
        if last {
            self.from = self.buffer.end();
        }
        self.visited = pass_on(visit, self.buffer.bytes(), self.visited, self.from, None)?;
        Ok(())
    }

    /// Visits all occurrences of a word whose occurrences cannot overlap, in one pass of the finder, and skips to where the next
    /// may begin. Returns true at one that cannot be decided yet, which is then the candidate.
    fn visit_disjoint(&mut self, last: bool, visit: &mut impl Visit) -> io::Result<bool> {
        let bytes = self.buffer.bytes();
        let Some(found) = self.word.find_all(bytes.get(self.from..).unwrap_or_default()) else {
            return Ok(false);
        };
        let (begin, length) = (self.from, self.word.longest());
        for from in found.map(|at| begin + at) {
            let before = bytes.get(self.buffer.begin()..from).unwrap_or_default();
            let Some(after) = bytes.get(from + length..) else { break };
            match self.word.has_word_boundaries(before, after, last) {
                Some(true) => {
                    self.visited = pass_on(visit, bytes, self.visited, from, Some(from + length))?;
                }
                Some(false) => {}
                None => {
                    (self.from, self.at, self.matched) = (from, from + length, length);
                    return Ok(true);
                }
            }
            (self.from, self.at) = (from + length, from + length);
        }
        // No occurrence begins where there are too few bytes for one; `step` decides what of them may begin one.
        self.from = self.from.max(self.buffer.end().saturating_sub(length - 1));
        self.at = self.from;
        Ok(false)
    }

    /// Skips to the next candidate; returns false if there is none before the end.
    fn skip(&mut self) -> bool {
        let candidate = self.word.find(self.rest());
        let (Candidate::Whole(skipped) | Candidate::Prefix(skipped) | Candidate::After(skipped)) = candidate;
        self.count_work(skipped);
        self.from = self.at + skipped;
        self.at = self.from;
        if let Candidate::Whole(_) = candidate {
            self.matched = self.word.units();
            self.at += self.word.longest();
        }
        !matches!(candidate, Candidate::After(_))
    }

    /// Compares one unit; returns false if there is none.
    fn step(&mut self, last: bool) -> bool {
        if self.matched == self.word.units() {
            return true;
        }
        let Some((unit, length)) = self.word.unit(self.rest(), last) else {
            return false;
        };
        self.count_work(length);
        while self.matched > 0 && !self.word.matches_next(self.matched, unit) {
            self.shift();
        }
        self.at += length;
        if self.word.matches_next(self.matched, unit) {
            self.matched += 1;
        } else {
            self.from = self.at;
        }
        true
    }

    /// Abandons the candidate for the next one that can begin within it.
    fn shift(&mut self) {
        let matched = self.word.border(self.matched);
        let width = match matched {
            0 => self.at - self.from,
            _ => self.word.width(self.bytes(self.from, self.at), self.matched - matched),
        };
        self.count_work(width);
        self.from += width;
        self.matched = matched;
    }

    #[cfg(test)]
    fn count_work(&mut self, bytes: usize) {
        self.work += bytes;
    }

    #[cfg(not(test))]
    fn count_work(&mut self, _: usize) {}
}

/// Returns how many bytes may still be needed at the next read: those of a candidate, and a character at either side.
fn kept(word: &Word) -> usize {
    word.longest() + 2 * scalar::LONGEST
}

/// Passes to a visitor the bytes from `visited` to `from`, and the occurrence from there to `end` where there is one. Returns
/// the end of what it received.
fn pass_on(
    visit: &mut impl Visit,
    bytes: &[u8],
    visited: usize,
    from: usize,
    end: Option<usize>,
) -> io::Result<usize> {
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    visit.visit(part(visited, from), end.map(|end| part(from, end)))?;
    Ok(end.unwrap_or(from))
}

#[cfg(test)]
mod tests {
    use super::super::word::{Matching, WORD_MAX};
    use super::*;

    /// What a visitor received: occurrences in brackets, and a bar for each flush.
    #[derive(Default)]
    struct Received(Vec<u8>);

    impl Visit for Received {
        fn visit(&mut self, unmatched: &[u8], occurrence: Option<&[u8]>) -> io::Result<()> {
            self.0.extend(unmatched);
            match occurrence {
                Some(bytes) => self.0.extend([b"[", bytes, b"]"].concat()),
                None => self.0.push(b'|'),
            }
            Ok(())
        }
    }

    fn received(word: &[u8], matching: Matching, text: &[u8], block: usize) -> String {
        let mut received = Received::default();
        scan(&Word::new(word, matching).unwrap(), &mut &*text, block, &mut received).unwrap();
        received.0.escape_ascii().to_string()
    }

    const WORDS: Matching = Matching { ignore_case: false, substring: false };
    const ANY_CASE: Matching = Matching { ignore_case: true, substring: false };
    const SUBSTRING: Matching = Matching { ignore_case: false, substring: true };

    #[test]
    fn occurrences_are_found_whatever_the_blocks() {
        let rows: [(&[u8], Matching, &[u8], &str); 23] = [
            (b"cat", WORDS, b"cat, the category; the cat", "[cat], the category; the [cat]"),
            (b"cat", WORDS, b"cat_ cat1 concat", "cat_ cat1 concat"),
            (b"cat", WORDS, b"\xffcat\xc3", "\\xff[cat]\\xc3"),
            (b"cat", WORDS, "écat caté".as_bytes(), "\\xc3\\xa9cat cat\\xc3\\xa9"),
            (b"cat", WORDS, b"cat\xccx cat\xcc\x81", "[cat]\\xccx cat\\xcc\\x81"),
            (b"-foo", WORDS, b"-foo a-foo --foo", "[-foo] a-foo -[-foo]"),
            (b"foo.", WORDS, b"foo.x foo..", "foo.x [foo.]."),
            (b"C++", WORDS, b"C++, C+++ C++x", "[C++], [C++]+ C++x"),
            (b"a a", WORDS, b"a a a a a", "[a a] [a a] a"),
            (b"-a-", WORDS, b"x-a- -a-a --a-", "x-a- -a-a -[-a-]"),
            (b"--", WORDS, b"x--- ---", "x-[--] [--]-"),
            (b"one two", WORDS, b"one two  one  two", "[one two]  one  two"),
            (b"a\nb", WORDS, b"a\nb\na\r\nb", "[a\\nb]\\na\\r\\nb"),
            (b"\0", WORDS, b"a\0b \0", "a\\x00b [\\x00]"),
            (b"\xff", WORDS, b"\xff\xff a\xff", "[\\xff][\\xff] a\\xff"),
            (b"ana", SUBSTRING, b"banana", "b[ana]na"),
            (b"aa", SUBSTRING, b"aaaaa", "[aa][aa]a"),
            (b"key", ANY_CASE, "KEY \u{212a}ey keys".as_bytes(), "[KEY] [\\xe2\\x84\\xaaey] keys"),
            (b"is", ANY_CASE, "Iſ ıs İs".as_bytes(), "[I\\xc5\\xbf] \\xc4\\xb1s \\xc4\\xb0s"),
            ("ς".as_bytes(), ANY_CASE, "Σ.".as_bytes(), "[\\xce\\xa3]."),
            (b"\xc3A", ANY_CASE, b"\xc3a \xc3\xa9a", "[\\xc3a] \\xc3\\xa9a"),
            (b"a\xe2\x82", ANY_CASE, b"A\xe2\x82 A\xe2\x82\xac", "[A\\xe2\\x82] A\\xe2\\x82\\xac"),
            (b"\xa9a", ANY_CASE, b"\xc3\xa9a\xa9A", "\\xc3\\xa9a\\xa9A"),
        ];
        for (word, matching, text, expected) in rows {
            for block in [1, 2, 3, 5, 8, BLOCK] {
                assert_eq!(
                    received(word, matching, text, block).replace('|', ""),
                    expected,
                    "in blocks of {block}"
                );
            }
        }
    }

    #[test]
    fn what_is_decided_is_passed_on_before_the_next_read() {
        assert_eq!(received(b"cat", WORDS, b"a cat. concats.", 1), "a| ||||[cat].| ||co|n|||cat|s|.||");
        assert_eq!(received(b"cat", SUBSTRING, b"a cat", 1), "a| |||[cat]||");
        assert_eq!(received(b"cat", WORDS, b"cat\xc3\xa9 ca", 1), "||||cat\\xc3\\xa9| |||ca|");
    }

    #[test]
    fn the_work_is_linear_in_the_text_whatever_the_word() {
        let long = 60_000;
        let dashes = b"ab-".repeat(long / 3);
        let rows: [(Vec<u8>, &[u8]); 5] = [
            (b"a".repeat(long), b"a"),
            (dashes[..long - 1].to_vec(), b"ab-"),
            ([&b"a".repeat(long - 1), b"b".as_slice()].concat(), b"a"),
            ([&b"-a".repeat(long / 2), b"b".as_slice()].concat(), b"-a"),
            (vec![b'-'; WORD_MAX], b"-"),
        ];
        for (word, period) in rows {
            let text = period.repeat(1_000_000 / period.len());
            for (matching, block) in
                [(WORDS, BLOCK), (WORDS, 10), (SUBSTRING, 1000), (ANY_CASE, BLOCK), (ANY_CASE, 10)]
            {
                let prepared = Word::new(&word, matching).unwrap();
                let mut window = ScanWindow::new(&prepared, block);
                let mut rest = text.as_slice();
                while window.read(&mut rest, block).unwrap() > 0 {
                    window.advance(false, &mut Received::default()).unwrap();
                }
                assert!(
                    window.work < 6 * text.len(),
                    "{} for {matching:?} in blocks of {block}",
                    window.work
                );
            }
        }
    }
}
