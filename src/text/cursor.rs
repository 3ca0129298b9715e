//! Two cursors over bytes at offsets: one runs forward and copies the gaps, one runs backward and copies the words.
//! Each reads a block at a time and holds no more, however long a word or a gap is. They do not know each other.

use std::io;

use super::batch::Batch;
use super::spaces::{self, Spaces};
use super::{ReadAt, read_exact_at};

/// A part of the source whose white space is known in `low..high`.
struct Block<'a> {
    source: &'a dyn ReadAt,
    bytes: Vec<u8>,
    spaces: Spaces,
    base: u64,
    low: usize,
    high: usize,
    /// The most it holds, in bytes.
    size: usize,
}

impl<'a> Block<'a> {
    fn new(source: &'a dyn ReadAt, base: u64, size: usize) -> Self {
        Block { source, bytes: Vec::new(), spaces: Spaces::default(), base, low: 0, high: 0, size }
    }

    /// Reads `from..to`, which must fit, and both ends of which must be ends of the source or lie outside of any
    /// character of white space, or be given up: `low..high` is what is told.
    fn fill(&mut self, from: u64, to: u64) -> io::Result<()> {
        self.bytes.resize(usize::try_from(to - from).unwrap_or(self.size), 0);
        read_exact_at(self.source, &mut self.bytes, from)?;
        self.spaces.mark(&self.bytes);
        self.base = from;
        (self.low, self.high) = (0, self.bytes.len());
        Ok(())
    }

    #[inline]
    fn get(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }
}

/// Runs from the beginning to the end.
pub(super) struct Forward<'a> {
    block: Block<'a>,
    at: usize,
    size: u64,
}

impl<'a> Forward<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, block: usize) -> Self {
        Forward { block: Block::new(source, 0, block), at: 0, size: source.size() }
    }

    /// Whether all is behind it.
    pub(super) fn is_at_end(&self) -> bool {
        self.offset() == self.size
    }

    fn offset(&self) -> u64 {
        self.block.base + self.at as u64
    }

    /// Copies the white space up to the next word or the end.
    #[inline]
    pub(super) fn copy_gap(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        loop {
            let end = self.block.spaces.next(self.at, self.block.high, false);
            batch.push(self.block.get(self.at, end))?;
            if self.is_stopped_at(end)? {
                return Ok(());
            }
        }
    }

    /// Passes the word.
    #[inline]
    pub(super) fn skip_word(&mut self) -> io::Result<()> {
        loop {
            let end = self.block.spaces.next(self.at, self.block.high, true);
            if self.is_stopped_at(end)? {
                return Ok(());
            }
        }
    }

    /// Moves to the end of a run; false if the run goes on in the next block, which is then there.
    #[inline]
    fn is_stopped_at(&mut self, end: usize) -> io::Result<bool> {
        self.at = end;
        if end < self.block.high || self.is_at_end() {
            return Ok(true);
        }
        self.fill()?;
        Ok(false)
    }

    fn fill(&mut self) -> io::Result<()> {
        let from = self.offset();
        let to = self.size.min(from + self.block.size as u64);
        self.block.fill(from, to)?;
        self.at = 0;
        if to < self.size {
            self.block.high = spaces::told_from_the_front(&self.block.bytes);
        }
        Ok(())
    }
}

/// Runs from the end to the beginning.
pub(super) struct Backward<'a> {
    block: Block<'a>,
    at: usize,
}

impl<'a> Backward<'a> {
    pub(super) fn new(source: &'a dyn ReadAt, block: usize) -> Self {
        Backward { block: Block::new(source, source.size(), block), at: 0 }
    }

    fn offset(&self) -> u64 {
        self.block.base + self.at as u64
    }

    /// Copies the word before it, and passes it and the white space after it.
    #[inline]
    pub(super) fn copy_word(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
        while !self.is_stopped_at(self.block.spaces.last(self.block.low, self.at, false)) {
            self.fill()?;
        }
        let (begin, end) = (self.block.spaces.last(self.block.low, self.at, true), self.at);
        if self.is_stopped_at(begin) {
            return batch.push(self.block.get(begin, end));
        }
        self.copy_over(self.block.base + end as u64, batch)
    }

    /// Copies the word that ends at offset `end` and begins before this block.
    fn copy_over(&mut self, end: u64, batch: &mut Batch<'_>) -> io::Result<()> {
        loop {
            self.fill()?;
            let from = self.block.spaces.last(self.block.low, self.at, true);
            if self.is_stopped_at(from) {
                break;
            }
        }
        batch.push_from(self.block.source, self.offset(), end)
    }

    /// Moves to the beginning of a run; false if the run may go on before this block.
    #[inline]
    fn is_stopped_at(&mut self, begin: usize) -> bool {
        self.at = begin;
        begin > self.block.low || self.offset() == 0
    }

    fn fill(&mut self) -> io::Result<()> {
        let to = self.offset();
        let from = to.saturating_sub(self.block.size as u64);
        self.block.fill(from, to)?;
        self.at = self.block.high;
        if from > 0 {
            self.block.low = spaces::untold_from_the_back(&self.block.bytes);
        }
        Ok(())
    }
}
