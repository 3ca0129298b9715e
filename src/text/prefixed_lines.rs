//! Lines of several files in one output, each after the name of its file. Which names these are is the caller's choice.

use std::io::{self, Write};

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
        let mut prefixed = Vec::with_capacity(block.len());
        for line in block.split_inclusive(|&byte| byte == b'\n') {
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
