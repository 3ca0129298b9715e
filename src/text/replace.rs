//! Replace: every occurrence of a word becomes other bytes, all else stays as it is. What an occurrence is belongs
//! to `word.rs`, how it is found to `scan.rs`.

use std::io::{self, Write};

use super::batch::Batch;
use super::scan::{BLOCK, Visit, scan};
use super::{Filter, Source, Word};

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
        let mut change = Change { with: &self.with, batch: Batch::new(sink) };
        scan(&self.word, &mut source.split().0, BLOCK, &mut change)
    }
}

struct Change<'a> {
    with: &'a [u8],
    batch: Batch<'a>,
}

impl Visit for Change<'_> {
    fn plain(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.batch.push(bytes)
    }

    fn found(&mut self, _: &[u8]) -> io::Result<()> {
        self.batch.push(self.with)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.batch.flush()
    }
}
