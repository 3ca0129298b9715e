//! Two cursors over a file: one runs forward and copies the white space between words (the gaps), one runs backward and copies
//! the words. Each holds one block in memory, however long a word or a gap is. `Forward::copy_both` is the fast path for gaps
//! and words that are whole in both blocks; what crosses the end of a block takes the slow path.

use std::io;
use std::mem;

use super::prepared::PreparedParts;
use super::white_space::BOUNDARY;
use super::{OutputBuffer, ReadAt, WordSpan, WordSpans, read_exact_at, white_space};
use crate::io_block::{IoBlock, PAGE};

/// The sequences of blocks: from the beginning, and from the end.
pub(super) const FORWARD: usize = 0;
/// See [`FORWARD`].
pub(super) const BACKWARD: usize = 1;

/// A source in blocks, which begin and end at characters.
pub(super) struct Blocks<'a> {
    source: &'a dyn ReadAt,
    size: u64,
    /// The most bytes that are read at once, four at the least.
    step: usize,
}

/// A block, and the words in it. A word at either end may continue beyond it.
#[derive(Default)]
pub(super) struct Block {
    /// The block is `low..high` of the buffer.
    buffer: IoBlock,
    words: WordSpans,
    low: usize,
    high: usize,
    /// Where it begins in the source.
    base: u64,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, step: usize) -> Self {
        Blocks { source, size: source.size(), step }
    }

    pub(super) fn count(&self) -> u64 {
        self.size.div_ceil(self.step as u64)
    }

    /// Reads the block with this index from the beginning, in the memory of another one.
    pub(super) fn read(&self, index: u64, mut block: Block) -> io::Result<Block> {
        let from = index * self.step as u64;
        let to = self.size.min(from + self.step as u64);
        let length = usize::try_from(to - from).unwrap_or(self.step);
        if block.buffer.is_empty() {
            block.buffer =
                IoBlock::new(PAGE + self.step.min(usize::try_from(self.size).unwrap_or(self.step)));
        }
        // What is read begins at a page; the bytes before it decide whether a character begins before the block ends.
        let before = index.min(1) * BOUNDARY as u64;
        let (start, end) = (PAGE - usize::try_from(before).unwrap_or(0), PAGE + length);
        let buffer = &mut block.buffer;
        read_exact_at(self.source, buffer.get_mut(start..PAGE).unwrap_or_default(), from - before)?;
        read_exact_at(self.source, buffer.get_mut(PAGE..end).unwrap_or_default(), from)?;
        let complete = |from: usize, to: usize| {
            from + white_space::complete_prefix_len(buffer.get(from..to).unwrap_or_default())
        };
        block.low = complete(start, PAGE);
        block.high = if to < self.size { complete(block.low, end) } else { end };
        block.base = from - (PAGE - block.low) as u64;
        block.words.find(block.buffer.get(block.low..block.high).unwrap_or_default());
        Ok(block)
    }
}

impl Block {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.low..self.high).unwrap_or_default()
    }

    fn len(&self) -> usize {
        self.high - self.low
    }

    fn word(&self, index: usize) -> Option<WordSpan> {
        self.words.spans().get(index).copied()
    }
}

/// A cursor that runs from the beginning to the end.
pub(super) struct Forward<'a> {
    blocks: &'a PreparedParts<'a, Block>,
    block: Block,
    at: usize,
    /// The index of the next word in the block.
    index: usize,
}

impl<'a> Forward<'a> {
    pub(super) fn new(blocks: &'a PreparedParts<'a, Block>) -> Self {
        Forward { blocks, block: Block::default(), at: 0, index: 0 }
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

    /// Takes the next block; returns false if there is none.
    fn fill(&mut self) -> io::Result<bool> {
        let next = self.blocks.next(FORWARD, mem::take(&mut self.block))?;
        (self.at, self.index) = (0, 0);
        let is_there = next.is_some();
        self.block = next.unwrap_or_default();
        Ok(is_there)
    }
}

/// A cursor that runs from the end to the beginning.
pub(super) struct Backward<'a> {
    source: &'a dyn ReadAt,
    blocks: &'a PreparedParts<'a, Block>,
    block: Block,
    /// The number of words of the block that are still to come.
    left: usize,
}

impl<'a> Backward<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, blocks: &'a PreparedParts<'a, Block>) -> Self {
        Backward { source, blocks, block: Block::default(), left: 0 }
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
        output.push_from(self.source, begin, end)
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

    /// Takes the block before; returns false if there is none.
    fn fill(&mut self) -> io::Result<bool> {
        let next = self.blocks.next(BACKWARD, mem::take(&mut self.block))?;
        let is_there = next.is_some();
        self.block = next.unwrap_or_default();
        self.left = self.block.words.spans().len();
        Ok(is_there)
    }
}
