//! Buffered output: many small pieces become few writes. It does not know what the bytes mean.

use std::io::{self, Write};

use super::read_at::{ReadAt, read_exact_at};
use super::white_space::WordSpan;
use crate::io_block::IoBlock;

/// The size of the buffer, in bytes.
const SIZE: usize = 64 * 1024;

/// A piece that is not longer is copied as this many bytes, with one instruction. Most words are shorter.
const STRIDE: usize = 16;

/// The room that is needed for two such copies.
const TWO: usize = 2 * STRIDE;

/// A buffer in front of a sink. The caller flushes it; dropping it does not.
pub(super) struct OutputBuffer<'a> {
    sink: &'a mut dyn Write,
    buffer: IoBlock,
    filled: usize,
}

impl<'a> OutputBuffer<'a> {
    pub(super) fn new(sink: &'a mut dyn Write) -> Self {
        OutputBuffer { sink, buffer: IoBlock::new(SIZE), filled: 0 }
    }

    /// Writes bytes; a piece larger than the buffer goes to the sink directly.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > SIZE - self.filled {
            self.flush()?;
        }
        match self.buffer.get_mut(self.filled..self.filled + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.filled += bytes.len();
                Ok(())
            }
            None => self.sink.write_all(bytes),
        }
    }

    /// Writes gaps and words in turn, as long as there are places and words. A gap is what lies in `gaps` between `at`, or the
    /// place before, and a place; the words of `text` are taken last first. Returns how many of each were written.
    pub(super) fn push_in_turn(
        &mut self,
        (gaps, mut at): (&[u8], usize),
        mut places: &[WordSpan],
        text: &[u8],
        mut words: &[WordSpan],
    ) -> io::Result<usize> {
        let most = places.len().min(words.len());
        loop {
            let count = self.push_short((gaps, &mut at), places, text, words);
            places = places.get(count..).unwrap_or_default();
            words = words.get(..words.len() - count).unwrap_or_default();
            let ([[place, after], later @ ..], [before @ .., [from, to]]) = (places, words) else {
                return Ok(most);
            };
            self.push(gaps.get(at..*place as usize).unwrap_or_default())?;
            self.push(text.get(*from as usize..*to as usize).unwrap_or_default())?;
            (at, places, words) = (*after as usize, later, before);
        }
    }

    /// Copies pairs of a gap and a word while both are at most `STRIDE` bytes and fit; returns how many pairs.
    fn push_short(
        &mut self,
        (gaps, at): (&[u8], &mut usize),
        places: &[WordSpan],
        text: &[u8],
        words: &[WordSpan],
    ) -> usize {
        let (buffer, mut filled, mut count) = (&mut *self.buffer, self.filled, 0);
        for ([place, after], [from, to]) in places.iter().zip(words.iter().rev()) {
            let (gap, word) = (*place as usize - *at, (to - from) as usize);
            let (Some(gap_bytes), Some(word_bytes)) = (stride(gaps, *at), stride(text, *from as usize))
            else {
                break;
            };
            let Some(room) = buffer.get_mut(filled..).and_then(<[u8]>::first_chunk_mut::<TWO>) else { break };
            if gap > STRIDE || word > STRIDE {
                break;
            }
            room.first_chunk_mut().into_iter().for_each(|room| *room = *gap_bytes);
            let room = room.get_mut(gap..).and_then(<[u8]>::first_chunk_mut);
            room.into_iter().for_each(|room| *room = *word_bytes);
            filled += gap + word;
            *at = *after as usize;
            count += 1;
        }
        self.filled = filled;
        count
    }

    /// Writes `source` from `from` to `to`, a part at a time.
    pub(super) fn push_from(&mut self, source: &dyn ReadAt, from: u64, to: u64) -> io::Result<()> {
        let mut at = from;
        while at < to {
            if self.filled == SIZE {
                self.flush()?;
            }
            let wanted = usize::try_from(to - at).unwrap_or(SIZE).min(SIZE - self.filled);
            let room = self.buffer.get_mut(self.filled..self.filled + wanted).unwrap_or_default();
            read_exact_at(source, room, at)?;
            self.filled += wanted;
            at += wanted as u64;
        }
        Ok(())
    }

    /// Writes the buffer to the sink.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        self.filled = 0;
        if filled.is_empty() { Ok(()) } else { self.sink.write_all(filled) }
    }
}

/// The bytes that are copied with one instruction.
fn stride(bytes: &[u8], from: usize) -> Option<&[u8; STRIDE]> {
    bytes.get(from..).and_then(<[u8]>::first_chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_out_in_order() {
        let mut sink = Vec::new();
        let mut expected = Vec::new();
        let mut output = OutputBuffer::new(&mut sink);
        for size in [1, 0, 40, SIZE - 90, 1, 1, 99, SIZE, 3, SIZE + 1, SIZE - 1, 2] {
            let piece = vec![b'a' + (size % 23) as u8; size];
            output.push(&piece).unwrap();
            expected.extend(&piece);
            let text = b" one two and-a-longer-word x ".as_slice();
            let (places, words) = ([[1, 4], [5, 8], [9, 26], [27, 28]], [[1, 4], [5, 8], [9, 26]]);
            let count = output.push_in_turn((text, 0), &places, text, &words).unwrap();
            assert_eq!(count, 3);
            expected.extend(b" and-a-longer-word two one");
        }
        let file: &[u8] = &expected.clone();
        output.push_from(&file, 1, expected.len() as u64).unwrap();
        output.flush().unwrap();
        expected.extend_from_within(1..);
        assert_eq!(sink, expected);
    }
}
