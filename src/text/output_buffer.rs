//! Buffered output: many small pieces become few writes. It does not know what the bytes mean.

use std::io::{self, Write};

use super::read_at::{ReadAt, read_exact_at};

/// The size of the buffer, in bytes.
const SIZE: usize = 64 * 1024;

/// A piece that is not longer is copied as this many bytes, with one instruction. Most words are shorter.
const STRIDE: usize = 16;

/// A buffer in front of a sink. The caller flushes it; dropping it does not.
pub(super) struct OutputBuffer<'a> {
    sink: &'a mut dyn Write,
    buffer: Vec<u8>,
    filled: usize,
}

impl<'a> OutputBuffer<'a> {
    pub(super) fn new(sink: &'a mut dyn Write) -> Self {
        OutputBuffer { sink, buffer: vec![0; SIZE], filled: 0 }
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

    /// Writes `bytes[from..to]`, with a fast path for short pieces.
    #[inline]
    pub(super) fn push_part(&mut self, bytes: &[u8], from: usize, to: usize) -> io::Result<()> {
        let length = to - from;
        if length <= STRIDE
            && let Some(stride) = bytes.get(from..).and_then(<[u8]>::first_chunk::<STRIDE>)
            && let Some(room) = self.buffer.get_mut(self.filled..).and_then(<[u8]>::first_chunk_mut)
        {
            *room = *stride;
            self.filled += length;
            return Ok(());
        }
        self.push(bytes.get(from..to).unwrap_or_default())
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
            output.push_part(&piece, size / 3, size / 2).unwrap();
            expected.extend([&piece, &piece[size / 3..size / 2]].concat());
        }
        let file: &[u8] = &expected.clone();
        output.push_from(&file, 1, expected.len() as u64).unwrap();
        output.flush().unwrap();
        expected.extend_from_within(1..);
        assert_eq!(sink, expected);
    }
}
