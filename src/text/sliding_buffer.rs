//! The part of a text that is in memory while it is read in order: reads go to the beginning of a page, and what is still
//! needed lies right before it. It does not know what for.

use std::io::{self, Read};

use super::read_some;
use crate::io_block::{IoBlock, PAGE};

/// The part of a text that is in memory.
pub(super) struct SlidingBuffer {
    block: IoBlock,
    /// Where in the block a page begins that is read to once what is still needed lies before it.
    base: usize,
    /// The beginning and the end of the bytes that were read.
    begin: usize,
    filled: usize,
}

impl SlidingBuffer {
    /// A buffer for reads of at most `size` bytes, of which at most `kept` are still needed at the next read.
    pub(super) fn new(kept: usize, size: usize) -> Self {
        SlidingBuffer::within(IoBlock::new(SlidingBuffer::size(kept, size)), kept)
    }

    /// Returns how large the block of such a buffer is.
    pub(super) fn size(kept: usize, size: usize) -> usize {
        // Room for what `slide` can leave, before the base; and for as much again where it moves nothing, and one read.
        kept.next_multiple_of(PAGE) + 2 * kept + size
    }

    /// Makes a buffer in a block of at least [`SlidingBuffer::size`] bytes.
    pub(super) fn within(block: IoBlock, kept: usize) -> Self {
        let base = kept.next_multiple_of(PAGE);
        SlidingBuffer { block, base, begin: base, filled: base }
    }

    /// Returns the block.
    pub(super) fn into_block(self) -> IoBlock {
        self.block
    }

    /// Drops all bytes, and takes `known`, at most a page, in their place.
    pub(super) fn restart(&mut self, known: &[u8]) {
        (self.begin, self.filled) = (self.base.saturating_sub(known.len()), self.base);
        let room = self.block.get_mut(self.begin..).unwrap_or_default();
        room.iter_mut().zip(known).for_each(|(to, from)| *to = *from);
    }

    /// Returns the offset of the first byte.
    pub(super) fn begin(&self) -> usize {
        self.begin
    }

    /// Returns the offset of the end.
    pub(super) fn end(&self) -> usize {
        self.filled
    }

    /// Returns all up to the end; before `begin` these are no bytes of the text.
    pub(super) fn bytes(&self) -> &[u8] {
        self.block.get(..self.filled).unwrap_or_default()
    }

    /// Reads at most `size` bytes.
    pub(super) fn read(&mut self, text: &mut dyn Read, size: usize) -> io::Result<usize> {
        let room = self.block.get_mut(self.filled..self.filled + size).unwrap_or_default();
        let count = read_some(text, room)?;
        self.filled += count;
        Ok(count)
    }

    /// Moves the bytes from offset `needed` on before the base, and drops those before. Only if no more bytes are moved than
    /// dropped, so that small reads do not move the same bytes again and again. Returns whether it did: then the byte that was
    /// at `needed` is the first.
    pub(super) fn slide(&mut self, needed: usize) -> bool {
        let kept = self.filled - needed;
        if kept > needed - self.begin {
            return false;
        }
        self.begin = self.base.saturating_sub(kept);
        self.block.copy_within(needed..self.filled, self.begin);
        self.filled = self.begin + kept;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_slides_before_a_page_that_is_read_to() {
        let mut buffer = SlidingBuffer::new(10, 8);
        let mut text = b"abcdefghijklmnopqrstuvwxyz".as_slice();
        assert_eq!(buffer.read(&mut text, 8).unwrap(), 8);
        assert!(!buffer.slide(buffer.begin() + 3), "more would be moved than dropped");
        assert!(buffer.slide(buffer.begin() + 5));
        assert_eq!((buffer.end(), &buffer.bytes()[buffer.begin()..]), (PAGE, b"fgh".as_slice()));
        assert_eq!(buffer.read(&mut text, 8).unwrap(), 8);
        assert_eq!(&buffer.bytes()[buffer.begin()..], b"fghijklmnop");
        buffer.restart(b"xy");
        assert_eq!((buffer.end(), &buffer.bytes()[buffer.begin()..]), (PAGE, b"xy".as_slice()));
    }
}
