//! Lines of several files in one output, each after the name of its file. Which names these are is the caller's choice.

use std::io::{self, Write};

/// The most bytes that are gathered before they are written, but for one line: a block of short lines would grow by as many
/// prefixes.
const GATHERED_MAX: usize = 64 * 1024;

/// A sink that writes a prefix before every line.
pub struct PrefixedLines<'a> {
    sink: &'a mut dyn Write,
    prefix: &'a [u8],
    at_line_start: bool,
    is_empty: bool,
}

impl<'a> PrefixedLines<'a> {
    /// Begins at the start of a line.
    pub fn new(sink: &'a mut dyn Write, prefix: &'a [u8]) -> Self {
        PrefixedLines { sink, prefix, at_line_start: true, is_empty: true }
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl Write for PrefixedLines<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut prefixed = Vec::with_capacity(block.len().min(GATHERED_MAX));
        for line in block.split_inclusive(|&byte| byte == b'\n') {
            if prefixed.len() + self.prefix.len() + line.len() > GATHERED_MAX {
                self.sink.write_all(&prefixed)?;
                prefixed.clear();
            }
            if self.at_line_start {
                prefixed.extend_from_slice(self.prefix);
            }
            prefixed.extend_from_slice(line);
            self.at_line_start = line.ends_with(b"\n");
        }
        self.sink.write_all(&prefixed)?;
        self.is_empty &= block.is_empty();
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the bytes, and the length of the longest write.
    #[derive(Default)]
    struct Longest(Vec<u8>, usize);

    impl Write for Longest {
        fn write(&mut self, block: &[u8]) -> io::Result<usize> {
            self.0.extend_from_slice(block);
            self.1 = self.1.max(block.len());
            Ok(block.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_block_of_short_lines_is_written_in_blocks_of_64_kib() {
        let (mut sink, prefix) = (Longest::default(), [b'p'; 4000]);
        PrefixedLines::new(&mut sink, &prefix).write_all(&b"a\n".repeat(1000)).unwrap();
        assert_eq!(sink.0, [&prefix[..], b"a\n"].concat().repeat(1000));
        assert!(sink.1 <= GATHERED_MAX, "{}", sink.1);
    }

    #[test]
    fn each_line_has_one_prefix_however_it_is_split() {
        let text = b"one\n\ntwo\nthree";
        for at in 0..=text.len() {
            let (mut sink, (first, second)) = (Longest::default(), text.split_at(at));
            let mut lines = PrefixedLines::new(&mut sink, b"f:");
            lines.write_all(first).and_then(|()| lines.write_all(second)).unwrap();
            assert_eq!(sink.0, b"f:one\nf:\nf:two\nf:three", "{at}");
        }
    }
}
