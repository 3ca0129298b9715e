//! The lines that hold an occurrence, whatever their length. It does not know what makes an occurrence.

use std::io;

use memchr::{memchr, memrchr};

use super::output_buffer::Batch;
use super::replay::Held;
use super::scan::Visit;

/// How much of a line is kept in memory while it is not known whether it is wanted, in bytes.
const KEPT: usize = 64 * 1024;

/// Gathers each line until an occurrence is seen in it, then lets it through.
pub(super) struct Lines<'a, 'w> {
    batch: Batch<'w>,
    /// The beginning of the line, if it is too long for memory.
    held: Held<'a>,
    /// The line, or what follows its beginning.
    line: Vec<u8>,
    /// Where the line begins, and how much was told, in bytes of the source.
    begin: u64,
    offset: u64,
    /// Whether the line is let through.
    wanted: bool,
}

impl<'a, 'w> Lines<'a, 'w> {
    pub(super) fn new(batch: Batch<'w>, held: Held<'a>) -> Self {
        Lines { batch, held, line: Vec::new(), begin: 0, offset: 0, wanted: false }
    }

    /// Ends a last line that has no newline.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.wanted {
            self.batch.push(b"\n")?;
        }
        self.batch.flush()
    }

    /// Keeps a part of a line that may be wanted yet.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.line.len() + bytes.len() <= KEPT {
            self.line.extend_from_slice(bytes);
            return Ok(());
        }
        if self.held.size() == 0 {
            self.held.begin(self.begin)?;
        }
        self.held.push(&self.line)?;
        self.line.clear();
        self.held.push(bytes)
    }

    /// Forgets what is kept: the next line begins at `begin`.
    fn forget(&mut self, begin: u64) -> io::Result<()> {
        self.begin = begin;
        self.line.clear();
        if self.held.size() > 0 {
            self.held.begin(begin)?;
        }
        Ok(())
    }
}

impl Visit for Lines<'_, '_> {
    fn plain(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        self.offset += bytes.len() as u64;
        if self.wanted {
            let end = memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(end);
            self.batch.push(line)?;
            self.wanted = !line.ends_with(b"\n");
            rest = after;
            self.begin = self.offset - rest.len() as u64;
        }
        if let Some(newline) = memrchr(b'\n', rest) {
            rest = rest.get(newline + 1..).unwrap_or_default();
            self.forget(self.offset - rest.len() as u64)?;
        }
        self.keep(rest)
    }

    fn found(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        if !self.wanted {
            if self.held.size() > 0 {
                self.batch.push_from(&self.held.region(), 0, self.held.size())?;
            }
            self.batch.push(&self.line)?;
        }
        self.batch.push(bytes)?;
        self.wanted = !bytes.ends_with(b"\n");
        self.forget(self.offset)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.batch.flush()
    }
}
