//! Two cursors over a file: one runs forward and copies the white space between words (the gaps), one runs backward and copies
//! the words. Each holds one block in memory, however long a word or a gap is. `Forward::copy_both` is the fast path for gaps
//! and words that are whole in both blocks; what crosses the end of a block takes the slow path.

use std::io;

use super::{OutputBuffer, ReadAt, WordSpan, WordSpans, read_exact_at, white_space};
use crate::io_block::IoBlock;

/// A part of the source and the words in it. A word at either end may continue beyond it.
struct Block<'a> {
    source: &'a dyn ReadAt,
    /// The size of the source.
    size: u64,
    /// The most bytes that are read at once.
    step: usize,
    buffer: IoBlock,
    words: WordSpans,
    /// The block is `low..high` of the buffer, and begins at `base` of the source.
    low: usize,
    high: usize,
    base: u64,
}

impl<'a> Block<'a> {
    fn new(source: &'a dyn ReadAt, step: usize) -> Self {
        let (words, size) = (WordSpans::default(), source.size());
        let buffer = IoBlock::new(step.min(usize::try_from(size).unwrap_or(step)));
        Block { source, size, step, buffer, words, low: 0, high: 0, base: 0 }
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.low..self.high).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.high - self.low
    }

    fn end(&self) -> u64 {
        self.base + self.len() as u64
    }

    /// Reads the block that begins at `from`, a character boundary.
    fn fill_from(&mut self, from: u64) -> io::Result<()> {
        let to = self.size.min(from + self.step as u64);
        self.read(from, to)?;
        if to < self.size {
            self.high = white_space::complete_prefix_len(self.bytes());
        }
        self.find_words();
        Ok(())
    }

    /// Reads the block that ends at `to`, a character boundary.
    fn fill_to(&mut self, to: u64) -> io::Result<()> {
        let from = to.saturating_sub(self.step as u64);
        self.read(from, to)?;
        if from > 0 {
            self.low = white_space::continuation_prefix_len(self.bytes());
            self.base += self.low as u64;
        }
        self.find_words();
        Ok(())
    }

    fn read(&mut self, from: u64, to: u64) -> io::Result<()> {
        let length = usize::try_from(to - from).unwrap_or(self.step);
        read_exact_at(self.source, self.buffer.get_mut(..length).unwrap_or_default(), from)?;
        (self.low, self.high, self.base) = (0, length, from);
        Ok(())
    }

    fn find_words(&mut self) {
        self.words.find(self.buffer.get(self.low..self.high).unwrap_or_default());
    }

    fn word(&self, index: usize) -> Option<WordSpan> {
        self.words.spans().get(index).copied()
    }
}

/// A cursor that runs from the beginning to the end.
pub(super) struct Forward<'a> {
    block: Block<'a>,
    at: usize,
    /// The index of the next word in the block.
    index: usize,
}

impl<'a> Forward<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, step: usize) -> Self {
        Forward { block: Block::new(source, step), at: 0, index: 0 }
    }

    /// Copies the white space up to the next word; returns false if there is none.
    pub(super) fn copy_gap(&mut self, output: &mut OutputBuffer<'_>) -> io::Result<bool> {
        loop {
            let begin = self.block.word(self.index).map_or(self.block.len(), |word| word[0] as usize);
            output.push(self.block.bytes().get(self.at..begin).unwrap_or_default())?;
            self.at = begin;
            if begin < self.block.len() {
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// Copies gaps from this cursor and words from the other in turn, while both are whole in their blocks.
    pub(super) fn copy_both(
        &mut self,
        words: &mut Backward<'_>,
        output: &mut OutputBuffer<'_>,
    ) -> io::Result<()> {
        let mut places = self.block.words.spans().get(self.index..).unwrap_or_default();
        let mut spans = words.block.words.spans().get(..words.left).unwrap_or_default();
        // Only the last place and the first word may continue beyond their blocks.
        if let [whole @ .., [_, end]] = places
            && *end as usize == self.block.len()
        {
            places = whole;
        }
        if let [[0, _], whole @ ..] = spans {
            spans = whole;
        }
        let count = output.push_in_turn((self.block.bytes(), self.at), places, words.block.bytes(), spans)?;
        if let Some([_, end]) = count.checked_sub(1).and_then(|last| places.get(last)) {
            self.at = *end as usize;
        }
        self.index += count;
        words.left -= count;
        Ok(())
    }

    /// Skips the word.
    pub(super) fn skip_word(&mut self) -> io::Result<()> {
        // A word at the end of the block continues if the next block begins with a word.
        while let Some([begin, end]) = self.block.word(self.index)
            && begin as usize <= self.at
        {
            self.at = end as usize;
            self.index += 1;
            if self.at < self.block.len() || !self.fill()? {
                break;
            }
        }
        Ok(())
    }

    /// Reads the next block; returns false if there is none.
    fn fill(&mut self) -> io::Result<bool> {
        let from = self.block.end();
        if from == self.block.size {
            return Ok(false);
        }
        self.block.fill_from(from)?;
        (self.at, self.index) = (0, 0);
        Ok(true)
    }
}

/// A cursor that runs from the end to the beginning.
pub(super) struct Backward<'a> {
    block: Block<'a>,
    /// The number of words of the block that are still to come.
    left: usize,
}

impl<'a> Backward<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, step: usize) -> Self {
        let mut block = Block::new(source, step);
        block.base = block.size;
        Backward { block, left: 0 }
    }

    /// Copies the word before the cursor, and moves to its beginning.
    pub(super) fn copy_word(&mut self, output: &mut OutputBuffer<'_>) -> io::Result<()> {
        while self.left == 0 {
            if !self.fill()? {
                return Ok(());
            }
        }
        self.left -= 1;
        let Some([begin, end]) = self.block.word(self.left) else { return Ok(()) };
        if begin > 0 || self.block.base == 0 {
            return output.push(self.block.bytes().get(begin as usize..end as usize).unwrap_or_default());
        }
        let end = self.block.base + u64::from(end);
        let begin = self.find_word_start()?;
        output.push_from(self.block.source, begin, end)
    }

    /// Finds where the first word of the block begins, reading the blocks before as needed.
    fn find_word_start(&mut self) -> io::Result<u64> {
        loop {
            let begin = self.block.base;
            if !self.fill()? {
                return Ok(begin);
            }
            match self.block.words.spans().last() {
                Some(&[from, to]) if to as usize == self.block.len() => {
                    self.left -= 1;
                    if from > 0 {
                        return Ok(self.block.base + u64::from(from));
                    }
                }
                _ => return Ok(begin),
            }
        }
    }

    /// Reads the block before; returns false if there is none.
    fn fill(&mut self) -> io::Result<bool> {
        if self.block.base == 0 {
            return Ok(false);
        }
        self.block.fill_to(self.block.base)?;
        self.left = self.block.words.spans().len();
        Ok(true)
    }
}
