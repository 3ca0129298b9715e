//! Buffers for reads and writes of files and sockets, which begin at a page. It does not know what is read.
//!
//! The kernel copies with `rep movsb`. On some processors (AMD family 25) that takes four times as long into memory that begins
//! 16 bytes after a page, which is where the allocator puts every large buffer.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::ops::{Deref, DerefMut};

/// The size of a page, in bytes.
pub(crate) const PAGE: usize = 4096;

/// Bytes that begin at a page; zero until they are written.
#[derive(Debug, Default)]
pub struct IoBlock {
    bytes: Vec<u8>,
    start: usize,
    size: usize,
}

impl IoBlock {
    /// Makes a block of `size` bytes.
    pub fn new(size: usize) -> Self {
        let bytes = vec![0; size + PAGE];
        let start = bytes.as_ptr().align_offset(PAGE).min(PAGE);
        IoBlock { bytes, start, size }
    }
}

impl Deref for IoBlock {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.start..self.start + self.size).unwrap_or_default()
    }
}

impl DerefMut for IoBlock {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start + self.size).unwrap_or_default()
    }
}

/// A buffered reader, as `std::io::BufReader` is, whose buffer begins at a page.
#[derive(Debug)]
pub struct BlockReader<R> {
    reader: R,
    block: IoBlock,
    /// Where in the block the bytes begin and end that were read and not yet taken.
    from: usize,
    to: usize,
}

impl<R: Read> BlockReader<R> {
    /// Makes a reader with a buffer of `size` bytes.
    pub fn new(size: usize, reader: R) -> Self {
        BlockReader { reader, block: IoBlock::new(size), from: 0, to: 0 }
    }

    /// Returns what is read.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// Returns what is read.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Returns the bytes that were read and not yet taken.
    pub fn buffer(&self) -> &[u8] {
        self.block.get(self.from..self.to).unwrap_or_default()
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // What fills the buffer needs none.
        if self.from == self.to && out.len() >= self.block.len() {
            return self.reader.read(out);
        }
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for BlockReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
            self.to = self.reader.read(&mut self.block)?;
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, taken: usize) {
        self.from = self.to.min(self.from + taken);
    }
}

/// Copies all bytes of a reader, at most `size` at once, and returns how many there were.
pub fn copy(
    reader: &mut (impl Read + ?Sized),
    writer: &mut (impl Write + ?Sized),
    size: usize,
) -> io::Result<u64> {
    let (mut block, mut copied) = (IoBlock::new(size), 0);
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(copied),
            Ok(count) => {
                writer.write_all(block.get(..count).unwrap_or_default())?;
                copied += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_begins_at_a_page_wherever_it_is_moved() {
        let blocks: Vec<IoBlock> = (1..40).map(|size| IoBlock::new(size * 5000)).collect();
        for (block, size) in blocks.iter().zip(1..) {
            assert_eq!((block.as_ptr() as usize % PAGE, block.len()), (0, size * 5000));
        }
    }

    #[test]
    fn a_buffered_reader_gives_every_byte_once_whoever_takes_them() {
        for size in [1, 3, 100] {
            let mut reader = BlockReader::new(size, &b"one two three"[..]);
            let mut first = [0; 2];
            reader.read_exact(&mut first).unwrap();
            let mut line = Vec::new();
            reader.read_until(b' ', &mut line).unwrap();
            assert_eq!((&first, line.as_slice()), (b"on", b"e ".as_slice()));
            assert!(reader.buffer().len() <= size && b"two three".starts_with(reader.buffer()));
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).unwrap();
            assert_eq!(
                (rest.as_slice(), reader.fill_buf().unwrap()),
                (b"two three".as_slice(), b"".as_slice())
            );
        }
    }

    #[test]
    fn all_bytes_are_copied() {
        for size in [1, 7, 100] {
            let mut copied = Vec::new();
            assert_eq!(copy(&mut &b"one and two"[..], &mut copied, size).unwrap(), 11);
            assert_eq!(copied, b"one and two");
        }
    }
}
