//! Replace: every occurrence of a word becomes other bytes, all else stays as it is. What an occurrence is belongs
//! to `word.rs`, how it is found to `scan.rs`.

use std::io::{self, Write};

use super::output_buffer::Batch;
use super::scan::{BLOCK, Visit, scan};
use super::{Filter, ReadAt, Source, Word};

/// Replaces a word. What was put in is not searched again.
#[derive(Clone, Debug)]
pub struct Replace {
    /// The word to replace.
    pub word: Word,
    /// What comes in its place: any bytes, or none.
    pub with: Vec<u8>,
}

impl Filter for Replace {
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()> {
        self.replace(source, sink).map(drop)
    }

    fn change(&self, file: &dyn ReadAt, sink: &mut dyn Write) -> io::Result<u64> {
        self.replace(Source::File(file), sink)
    }
}

impl Replace {
    /// Replaces the word, and says how often.
    fn replace(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<u64> {
        let mut change = Change { with: &self.with, batch: Batch::new(sink), count: 0 };
        scan(&self.word, &mut source.split().0, BLOCK, &mut change)?;
        Ok(change.count)
    }
}

struct Change<'a> {
    with: &'a [u8],
    batch: Batch<'a>,
    count: u64,
}

impl Visit for Change<'_> {
    fn plain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.batch.push(bytes)
    }

    fn found(&mut self, _: &[u8]) -> io::Result<()> {
        self.count += 1;
        self.batch.push(self.with)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.batch.flush()
    }
}
