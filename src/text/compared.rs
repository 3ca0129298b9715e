//! Whether a filter changed anything: a sink that compares what is written with the source at the same offset, up to
//! the first difference. It does not know which filter writes.

use std::io::{self, ErrorKind, Read, Write};

use super::read_at::{ReadAt, shortened};
use crate::io_block::IoBlock;

/// How much of the source is read at once, in bytes.
const BLOCK: usize = 64 * 1024;

/// A sink that passes everything on and compares it with the source.
pub struct Compared<'a> {
    source: &'a dyn ReadAt,
    /// What of the source was not compared yet; opened at the first comparison.
    rest: Option<Box<dyn Read + 'a>>,
    sink: &'a mut dyn Write,
    /// The offset of the next byte; `None` once a byte differed.
    same: Option<u64>,
    block: IoBlock,
}

impl<'a> Compared<'a> {
    /// Passes to `sink` what is written, and compares it with `source`.
    pub fn new(source: &'a dyn ReadAt, sink: &'a mut dyn Write) -> Self {
        Compared { source, rest: None, sink, same: Some(0), block: IoBlock::new(BLOCK) }
    }

    /// Returns whether what was written equals the source, byte for byte.
    pub fn is_same(&self) -> bool {
        self.same == Some(self.source.size())
    }

    fn compare(&mut self, written: &[u8]) -> io::Result<()> {
        for part in written.chunks(BLOCK) {
            let Some(at) = self.same else { return Ok(()) };
            let end = at + part.len() as u64;
            self.same = None;
            if end <= self.source.size() {
                let block = self.block.get_mut(..part.len()).unwrap_or_default();
                let rest = match &mut self.rest {
                    Some(rest) => rest,
                    rest => rest.insert(self.source.reader()?),
                };
                rest.read_exact(block).map_err(|error| match error.kind() {
                    ErrorKind::UnexpectedEof => shortened(),
                    _ => error,
                })?;
                self.same = (block == part).then_some(end);
            }
        }
        Ok(())
    }
}

impl Write for Compared<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(block)?;
        self.compare(block.get(..written).unwrap_or_default())?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_are_the_same() {
        let rows: [(&[&[u8]], bool); 6] = [
            (&[b"one ", b"two"], true),
            (&[b"one two"], true),
            (&[b"one "], false),
            (&[b"one two", b"!"], false),
            (&[b"one", b"-two"], false),
            (&[], false),
        ];
        for (written, same) in rows {
            let (source, mut sink) = (&b"one two"[..], Vec::new());
            let mut compared = Compared::new(&source, &mut sink);
            written.iter().for_each(|block| compared.write_all(block).unwrap());
            assert_eq!(compared.is_same(), same, "{written:?}");
            drop(compared);
            assert_eq!(sink, written.concat());
        }
        assert!(Compared::new(&&b""[..], &mut Vec::new()).is_same());
    }
}
