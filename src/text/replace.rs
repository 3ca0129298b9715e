//! Replace: every occurrence of a word becomes other bytes, all else is unchanged. What an occurrence is belongs to `word.rs`,
//! how it is found to `scan.rs`.

use std::io::{self, Write};

use super::scan::{block_of, scan};
use super::visit::Visit;
use super::{Filter, OutputBuffer, ReadAt, Source, Word, replaced_ranges, split};

/// Replaces a word. The replacement is not searched again.
#[derive(Clone, Debug)]
pub struct Replace {
    /// The word to replace.
    pub word: Word,
    /// The replacement: any bytes, or none.
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
    /// Replaces the word, and returns how often.
    fn replace(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<u64> {
        let mut output = OutputBuffer::new(sink);
        if let Source::File(file) = source
            && file.size() >= replaced_ranges::FILE_MIN
        {
            return replaced_ranges::replace(&self.word, &self.with, file, &mut output);
        }
        let mut replacer = Replacer { with: &self.with, output, count: 0 };
        let block = block_of(&source);
        scan(&self.word, &mut split(source)?.0, block, &mut replacer)?;
        Ok(replacer.count)
    }
}

struct Replacer<'a> {
    with: &'a [u8],
    output: OutputBuffer<'a>,
    count: u64,
}

impl Visit for Replacer<'_> {
    fn visit(&mut self, unmatched: &[u8], occurrence: Option<&[u8]>) -> io::Result<()> {
        self.output.push(unmatched)?;
        match occurrence {
            Some(_) => {
                self.count += 1;
                self.output.push(self.with)
            }
            None => self.output.flush(),
        }
    }
}
