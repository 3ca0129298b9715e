//! Reverse: the words last first, the white space in place; in the whole text, or in each line. What white space is belongs to
//! `white_space.rs`.

use std::io::{self, Read, Write};

use memchr::{memchr, memrchr};

use super::byte_order_mark::{AfterMark, BYTE_ORDER_MARK, has_mark, read_prefix};
use super::cursor::{Backward, Blocks, FORWARD, Forward};
use super::sliding_buffer::SlidingBuffer;
use super::{Filter, OutputBuffer, ReadAt, Replay, Source, WordSpan, WordSpans, prepared, read_some, split};
use crate::io_block::IoBlock;

/// How much is read at once, in bytes. A text or a line that fits is reversed in memory.
const BLOCK: usize = 64 * 1024;

/// Reverses the order of words. Reversing twice restores the original.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reverse {
    /// Whether each line is reversed separately.
    pub per_line: bool,
}

impl Filter for Reverse {
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()> {
        run(source, self.per_line, BLOCK, sink)
    }
}

/// Copies a byte order mark at the beginning, and reverses what follows it.
fn run(source: Source<'_>, per_line: bool, block: usize, sink: &mut dyn Write) -> io::Result<()> {
    let mut output = OutputBuffer::new(sink);
    match source {
        Source::File(file) if has_mark(file)? => {
            output.push(&BYTE_ORDER_MARK)?;
            run_after_mark(Source::File(&AfterMark(file)), per_line, block, output)
        }
        Source::File(file) => run_after_mark(Source::File(file), per_line, block, output),
        Source::Stream { bytes, spool } => {
            let mut start = read_prefix(bytes)?;
            if start == BYTE_ORDER_MARK {
                output.push(&BYTE_ORDER_MARK)?;
                start.clear();
            }
            let mut bytes = start.as_slice().chain(bytes);
            run_after_mark(Source::Stream { bytes: &mut bytes, spool }, per_line, block, output)
        }
    }
}

fn run_after_mark(
    source: Source<'_>,
    per_line: bool,
    block: usize,
    mut output: OutputBuffer<'_>,
) -> io::Result<()> {
    match source {
        source if per_line => {
            let (mut bytes, replay) = split(source)?;
            LineReverser::new(replay, block).run(&mut bytes, &mut output)?;
        }
        Source::File(file) => reverse(file, block, &mut output)?,
        stream => {
            let (mut bytes, mut replay) = split(stream)?;
            let mut next = IoBlock::new(block);
            loop {
                let filled = fill(&mut bytes, &mut next)?;
                let text = next.get(..filled).unwrap_or_default();
                if filled < block && replay.size() == 0 {
                    reverse(&text, block, &mut output)?;
                    break;
                }
                replay.push(text)?;
                if filled < block {
                    reverse(&replay, block, &mut output)?;
                    break;
                }
            }
        }
    }
    output.flush()
}

/// Fills a block; returns how much of it, less only at the end.
fn fill(bytes: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let room @ [_, ..] = block.get_mut(filled..).unwrap_or_default() {
        match read_some(bytes, room)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Reverses all of `source`, reading it from both ends.
fn reverse(source: &dyn ReadAt, block: usize, output: &mut OutputBuffer<'_>) -> io::Result<()> {
    let blocks = Blocks::new(source, block);
    let count = blocks.count();
    let read = |sequence, index, used| match sequence {
        FORWARD => blocks.read(index, used),
        _ => blocks.read(count - 1 - index, used),
    };
    prepared::run(source, (2, count), &read, |parts| {
        let mut gaps = Forward::new(parts);
        let mut words = Backward::new(source, parts);
        while gaps.copy_gap(output)? {
            gaps.skip_word()?;
            words.copy_word(output)?;
            gaps.copy_both(&mut words, output)?;
        }
        Ok(())
    })
}

/// Reverses the `words` of `from..to` of bytes in memory.
fn reverse_within(
    bytes: &[u8],
    words: &[WordSpan],
    from: usize,
    to: usize,
    output: &mut OutputBuffer<'_>,
) -> io::Result<()> {
    output.push_in_turn((bytes, from), words, bytes, words)?;
    let gap = words.last().map_or(from, |word| word[1] as usize);
    output.push(bytes.get(gap..to).unwrap_or_default())
}

/// Reverses line by line. Complete lines are written before the next read.
struct LineReverser<'a> {
    buffer: SlidingBuffer,
    /// The longest line that is kept in the buffer, and half of what is read at once.
    block: usize,
    /// Where in the buffer the line begins of which the end was not read yet, and where in the source.
    begin: usize,
    offset: u64,
    words: WordSpans,
    /// The beginning of a line that does not fit in the buffer.
    replay: Replay<'a>,
}

impl<'a> LineReverser<'a> {
    fn new(replay: Replay<'a>, block: usize) -> Self {
        let buffer = SlidingBuffer::new(block, 2 * block);
        let begin = buffer.begin();
        LineReverser { buffer, block, begin, offset: 0, words: WordSpans::default(), replay }
    }

    fn run(&mut self, bytes: &mut dyn Read, output: &mut OutputBuffer<'_>) -> io::Result<()> {
        loop {
            output.flush()?;
            let old = self.buffer.end();
            if self.buffer.read(bytes, 2 * self.block)? == 0 {
                return self.end_line(old, output);
            }
            let fresh = self.buffer.bytes().get(old..).unwrap_or_default();
            if let Some(newline) = memrchr(b'\n', fresh) {
                self.end_lines(old, old + newline + 1, output)?;
            }
            self.make_room()?;
        }
    }

    /// Reverses the complete lines up to `end`. The first newline is at `old` or after.
    fn end_lines(&mut self, old: usize, end: usize, output: &mut OutputBuffer<'_>) -> io::Result<()> {
        if self.replay.size() > 0 {
            let fresh = self.buffer.bytes().get(old..end).unwrap_or_default();
            let first = memchr(b'\n', fresh).map_or(end, |newline| old + newline + 1);
            self.end_line(first, output)?;
        }
        let lines = self.buffer.bytes().get(self.begin..end).unwrap_or_default();
        self.words.find(lines);
        let (mut words, mut from) = (self.words.spans(), 0);
        while let Some(rest) = lines.get(from..)
            && !rest.is_empty()
        {
            let to = memchr(b'\n', rest).map_or(lines.len(), |newline| from + newline + 1);
            let count = words.iter().take_while(|word| (word[0] as usize) < to).count();
            let (within, after) = words.split_at(count);
            reverse_within(lines, within, from, to, output)?;
            (words, from) = (after, to);
        }
        self.pass(end);
        Ok(())
    }

    /// Reverses the line up to `end`, whose beginning may be in the replay.
    fn end_line(&mut self, end: usize, output: &mut OutputBuffer<'_>) -> io::Result<()> {
        let line = self.buffer.bytes().get(self.begin..end).unwrap_or_default();
        if self.replay.size() > 0 {
            self.replay.push(line)?;
            reverse(&self.replay, self.block, output)?;
            self.replay.restart(0)?;
        } else {
            self.words.find(line);
            reverse_within(line, self.words.spans(), 0, line.len(), output)?;
        }
        self.pass(end);
        Ok(())
    }

    /// Notes that what is before `end` was written, or is in the replay.
    fn pass(&mut self, end: usize) {
        self.offset += (end - self.begin) as u64;
        self.begin = end;
    }

    /// Makes room in the buffer; an incomplete line that is too long for it goes to the replay.
    fn make_room(&mut self) -> io::Result<()> {
        let line = self.buffer.bytes().get(self.begin..).unwrap_or_default();
        if line.len() > self.block {
            if self.replay.size() == 0 {
                self.replay.restart(self.offset)?;
            }
            self.replay.push(line)?;
            self.pass(self.buffer.end());
        }
        if self.buffer.slide(self.begin) {
            self.begin = self.buffer.begin();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Bytes that two threads read.
    struct Shared<'a>(&'a [u8]);

    impl ReadAt for Shared<'_> {
        fn size(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.0.read_at(buffer, offset)
        }

        fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
            thread::scope(|scope| {
                scope.spawn(help);
                own();
            });
        }
    }

    fn reversed(text: &[u8], per_line: bool, block: usize) -> Vec<u8> {
        let spool = || tempfile::tempfile();
        let (mut file, mut stream) = (Vec::new(), Vec::new());
        run(Source::File(&text), per_line, block, &mut file).unwrap();
        run(Source::Stream { bytes: &mut &*text, spool: &spool }, per_line, block, &mut stream).unwrap();
        assert_eq!(file, stream, "{:?} in blocks of {block}", text.escape_ascii().to_string());
        let mut shared = Vec::new();
        run(Source::File(&Shared(text)), per_line, block, &mut shared).unwrap();
        assert_eq!(file, shared, "{:?} in blocks of {block}", text.escape_ascii().to_string());
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
            fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
                thread::scope(|scope| {
                    scope.spawn(help);
                    own();
                });
            }
        }
        let error = run(Source::File(&Shrunk), false, 16, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
