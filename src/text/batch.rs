//! Output in blocks: many small pieces become few writes. It knows only bytes and the sink.

use std::io::{self, Write};

use super::ReadAt;

/// How much is gathered before it is written, in bytes.
const SIZE: usize = 64 * 1024;

/// Bytes on their way to a sink. What is not flushed is not written.
pub(super) struct Batch<'a> {
    sink: &'a mut dyn Write,
    bytes: Vec<u8>,
}

impl<'a> Batch<'a> {
    pub(super) fn new(sink: &'a mut dyn Write) -> Self {
        Batch { sink, bytes: Vec::with_capacity(SIZE) }
    }

    /// Adds bytes; a large piece goes to the sink as it is.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes {
            // One byte is what most gaps between words are.
            [byte] if self.bytes.len() < SIZE => self.bytes.push(*byte),
            _ if bytes.len() <= SIZE - self.bytes.len() => self.bytes.extend_from_slice(bytes),
            _ => return self.push_over(bytes),
        }
        Ok(())
    }

    fn push_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.flush()?;
        if bytes.len() >= SIZE {
            return self.sink.write_all(bytes);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds `source` from `from` to `to`, in pieces.
    pub(super) fn push_from(&mut self, source: &dyn ReadAt, from: u64, to: u64) -> io::Result<()> {
        self.flush()?;
        let mut piece = vec![0; SIZE];
        let mut at = from;
        while at < to {
            let wanted = usize::try_from(to - at).unwrap_or(SIZE).min(SIZE);
            let piece = piece.get_mut(..wanted).unwrap_or_default();
            super::read_exact_at(source, piece, at)?;
            self.sink.write_all(piece)?;
            at += wanted as u64;
        }
        Ok(())
    }

    /// Writes what is gathered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.bytes.is_empty() {
            self.sink.write_all(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_come_out_in_order() {
        let mut sink = Vec::new();
        let mut expected = Vec::new();
        let mut batch = Batch::new(&mut sink);
        for size in [1, 0, SIZE - 2, 1, 1, SIZE, 3, SIZE + 1, SIZE - 1, 2] {
            let piece = vec![b'a' + (size % 23) as u8; size];
            batch.push(&piece).unwrap();
            expected.extend(piece);
        }
        let file: &[u8] = &expected.clone();
        batch.push_from(&file, 1, expected.len() as u64).unwrap();
        batch.flush().unwrap();
        expected.extend_from_within(1..);
        assert_eq!(sink, expected);
    }
}
