//! Reverse: the words last first, the white space where it is; all of a text, or each line by itself. What white
//! space is belongs to `spaces.rs`.

use std::io::{self, Read, Write};

use memchr::{memchr, memrchr};

use super::byte_order_mark::{Behind, MARK, begins_with_mark, take_start};
use super::cursor::{Backward, Forward};
use super::output_buffer::Batch;
use super::replay::Held;
use super::white_space::{Span, Words};
use super::{Filter, ReadAt, Source};

/// How much is read at once, in bytes; a text or a line that fits is reversed in memory.
const BLOCK: usize = 64 * 1024;

/// Reverses the order of words. Reversing twice gives back every byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reverse {
    /// Whether each line is reversed by itself.
    pub per_line: bool,
}

impl Filter for Reverse {
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()> {
        run(source, self.per_line, BLOCK, sink)
    }
}

/// Passes a byte order mark at the very beginning on, and reverses what is behind it.
fn run(source: Source<'_>, per_line: bool, block: usize, sink: &mut dyn Write) -> io::Result<()> {
    let mut batch = Batch::new(sink);
    match source {
        Source::File(file) if begins_with_mark(file)? => {
            batch.push(&MARK)?;
            run_behind(Source::File(&Behind(file)), per_line, block, batch)
        }
        Source::File(file) => run_behind(Source::File(file), per_line, block, batch),
        Source::Stream { bytes, spool } => {
            let mut start = take_start(bytes)?;
            if start == MARK {
                batch.push(&MARK)?;
                start.clear();
            }
            let mut bytes = start.as_slice().chain(bytes);
            run_behind(Source::Stream { bytes: &mut bytes, spool }, per_line, block, batch)
        }
    }
}

fn run_behind(source: Source<'_>, per_line: bool, block: usize, mut batch: Batch<'_>) -> io::Result<()> {
    match source {
        source if per_line => {
            let (mut bytes, held) = source.split();
            Lines::new(held, block).run(&mut bytes, &mut batch)?;
        }
        Source::File(file) => reverse(file, block, &mut batch)?,
        stream => {
            let (mut bytes, mut held) = stream.split();
            let mut head = Vec::new();
            bytes.by_ref().take(block as u64).read_to_end(&mut head)?;
            if head.len() < block {
                reverse(&head.as_slice(), block, &mut batch)?;
            } else {
                held.push(&head)?;
                hold_all(&mut bytes, &mut head, &mut held)?;
                reverse(&held.region(), block, &mut batch)?;
            }
        }
    }
    batch.flush()
}

/// Holds all that still comes; `block` is the memory for it.
fn hold_all(bytes: &mut dyn Read, block: &mut [u8], held: &mut Held<'_>) -> io::Result<()> {
    loop {
        match bytes.read(block) {
            Ok(0) => return Ok(()),
            Ok(read) => held.push(block.get(..read).unwrap_or_default())?,
            Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => {}
            Err(wrong) => return Err(wrong),
        }
    }
}

/// Reverses all of `source`, which is read from both ends.
fn reverse(source: &dyn ReadAt, block: usize, batch: &mut Batch<'_>) -> io::Result<()> {
    let mut gaps = Forward::new(source, block);
    let mut words = Backward::new(source, block);
    while gaps.copy_gap(batch)? {
        gaps.skip_word()?;
        words.copy_word(batch)?;
        gaps.copy_both(&mut words, batch)?;
    }
    Ok(())
}

/// Reverses `from..to` of bytes in memory, where `words` are.
fn reverse_within(
    bytes: &[u8],
    words: &[Span],
    from: usize,
    to: usize,
    batch: &mut Batch<'_>,
) -> io::Result<()> {
    let mut gap = from;
    for (place, word) in words.iter().zip(words.iter().rev()) {
        batch.push_part(bytes, gap, place[0] as usize)?;
        batch.push_part(bytes, word[0] as usize, word[1] as usize)?;
        gap = place[1] as usize;
    }
    batch.push_part(bytes, gap, to)
}

/// Reverses line by line. Lines that were read whole are on their way before the next read.
struct Lines<'a> {
    buffer: Vec<u8>,
    /// `begin..end` is the line, or what was read of it.
    begin: usize,
    end: usize,
    words: Words,
    /// Where the buffer begins in the source.
    offset: u64,
    /// The beginning of a line that does not fit.
    held: Held<'a>,
}

impl<'a> Lines<'a> {
    fn new(held: Held<'a>, block: usize) -> Self {
        Lines { buffer: vec![0; 2 * block], begin: 0, end: 0, words: Words::default(), offset: 0, held }
    }

    fn run(&mut self, bytes: &mut dyn Read, batch: &mut Batch<'_>) -> io::Result<()> {
        loop {
            batch.flush()?;
            let old = self.end;
            if self.read(bytes)? == 0 {
                return self.end_line(self.end, batch);
            }
            let fresh = self.buffer.get(old..self.end).unwrap_or_default();
            if let Some(newline) = memrchr(b'\n', fresh) {
                self.end_lines(old, old + newline + 1, batch)?;
            }
            self.make_room()?;
        }
    }

    fn read(&mut self, bytes: &mut dyn Read) -> io::Result<usize> {
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match bytes.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                error => return error,
            }
        }
    }

    /// Reverses the lines up to `end`, where a line ends. The first newline is at `old` or after.
    fn end_lines(&mut self, old: usize, end: usize, batch: &mut Batch<'_>) -> io::Result<()> {
        if self.held.size() > 0 {
            let fresh = self.buffer.get(old..end).unwrap_or_default();
            let first = memchr(b'\n', fresh).map_or(end, |newline| old + newline + 1);
            self.end_line(first, batch)?;
        }
        let lines = self.buffer.get(self.begin..end).unwrap_or_default();
        self.words.find(lines);
        let (mut words, mut from) = (self.words.spans(), 0);
        while let Some(rest) = lines.get(from..)
            && !rest.is_empty()
        {
            let to = memchr(b'\n', rest).map_or(lines.len(), |newline| from + newline + 1);
            let count = words.iter().take_while(|word| (word[0] as usize) < to).count();
            let (within, after) = words.split_at(count);
            reverse_within(lines, within, from, to, batch)?;
            (words, from) = (after, to);
        }
        self.begin = end;
        Ok(())
    }

    /// Reverses the line up to `end`, the beginning of which may be held.
    fn end_line(&mut self, end: usize, batch: &mut Batch<'_>) -> io::Result<()> {
        let line = self.buffer.get(self.begin..end).unwrap_or_default();
        if self.held.size() > 0 {
            self.held.push(line)?;
            reverse(&self.held.region(), self.buffer.len() / 2, batch)?;
            self.held.begin(0)?;
        } else {
            self.words.find(line);
            reverse_within(line, self.words.spans(), 0, line.len(), batch)?;
        }
        self.begin = end;
        Ok(())
    }

    /// Moves the line to the front when it is no more than what is dropped; holds it elsewhere when it fills the
    /// buffer.
    fn make_room(&mut self) -> io::Result<()> {
        if self.end - self.begin <= self.begin {
            self.buffer.copy_within(self.begin..self.end, 0);
            self.offset += self.begin as u64;
            (self.begin, self.end) = (0, self.end - self.begin);
        } else if self.end == self.buffer.len() {
            if self.held.size() == 0 {
                self.held.begin(self.offset + self.begin as u64)?;
            }
            self.held.push(self.buffer.get(self.begin..self.end).unwrap_or_default())?;
            self.offset += self.end as u64;
            (self.begin, self.end) = (0, 0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reversed(text: &[u8], per_line: bool, block: usize) -> Vec<u8> {
        let spool = || tempfile::tempfile();
        let (mut file, mut stream) = (Vec::new(), Vec::new());
        run(Source::File(&text), per_line, block, &mut file).unwrap();
        run(Source::Stream { bytes: &mut &*text, spool: &spool }, per_line, block, &mut stream).unwrap();
        assert_eq!(file, stream, "{:?} in blocks of {block}", text.escape_ascii().to_string());
        file
    }

    #[test]
    fn words_come_out_last_first_and_white_space_stays() {
        let rows: [(&[u8], &[u8], &[u8]); 15] = [
            (b"", b"", b""),
            (b"one", b"one", b"one"),
            (b" \t\n", b" \t\n", b" \t\n"),
            (b"one two  three\n", b"three two  one\n", b"three two  one\n"),
            (b"one\ntwo three", b"three\ntwo one", b"one\nthree two"),
            (b"  one two\r\n\r\nthree\r\n", b"  three two\r\n\r\none\r\n", b"  two one\r\n\r\nthree\r\n"),
            (b"a\0b c", b"c a\0b", b"c a\0b"),
            (b"a\xff \xe2\x80 b", b"b \xe2\x80 a\xff", b"b \xe2\x80 a\xff"),
            (
                "a\u{2003}\u{a0}b\u{85}\u{feff}c".as_bytes(),
                "\u{feff}c\u{2003}\u{a0}b\u{85}a".as_bytes(),
                "\u{feff}c\u{2003}\u{a0}b\u{85}a".as_bytes(),
            ),
            (
                "\u{feff}a b\r\n\u{feff}c d".as_bytes(),
                "\u{feff}d \u{feff}c\r\nb a".as_bytes(),
                "\u{feff}b a\r\nd \u{feff}c".as_bytes(),
            ),
            ("\u{feff}".as_bytes(), "\u{feff}".as_bytes(), "\u{feff}".as_bytes()),
            ("\u{feff}\na b".as_bytes(), "\u{feff}\nb a".as_bytes(), "\u{feff}\nb a".as_bytes()),
            ("世界\u{3000}你好".as_bytes(), "你好\u{3000}世界".as_bytes(), "你好\u{3000}世界".as_bytes()),
            (b"a \x85\xa0b", b"\x85\xa0b a", b"\x85\xa0b a"),
            (b"a\x1cb c\x1fd", b"c\x1fd a\x1cb", b"c\x1fd a\x1cb"),
        ];
        for (text, whole, lines) in rows {
            for block in (4..20).chain([BLOCK]) {
                assert_eq!(reversed(text, false, block), whole);
                assert_eq!(reversed(text, true, block), lines);
            }
        }
    }

    #[test]
    fn words_gaps_and_lines_longer_than_many_blocks_are_reversed() {
        for (word, gap) in [(1000, 3), (3, 1000), (500, 500), (64, 64)] {
            let text = format!("{}{}b{}c\n", "a".repeat(word), "\u{2003}".repeat(gap), " ".repeat(gap));
            let expected = format!("c{}b{}{}\n", "\u{2003}".repeat(gap), " ".repeat(gap), "a".repeat(word));
            let (text, expected) =
                (["x y\n", &text, &text, "v w"].concat(), ["y x\n", &expected, &expected, "w v"].concat());
            for block in [4, 7, 64, 100] {
                assert_eq!(reversed(text.as_bytes(), true, block), expected.as_bytes());
                assert_eq!(reversed(&reversed(text.as_bytes(), false, block), false, block), text.as_bytes());
            }
        }
    }

    #[test]
    fn a_file_that_becomes_shorter_is_an_error_and_no_loop() {
        struct Shrunk;
        impl ReadAt for Shrunk {
            fn size(&self) -> u64 {
                100
            }
            fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
                Ok(if offset < 50 {
                    buffer.fill(b'a');
                    buffer.len().min(50 - offset as usize)
                } else {
                    0
                })
            }
        }
        let error = run(Source::File(&Shrunk), false, 16, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
