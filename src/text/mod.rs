//! Words: bytes in, bytes out. This room owns what a word is (`docs/words.md`), the filters on words, and what a glob
//! means; it knows nothing of HTTP or of where bytes are kept.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::FileExt;

pub use compared::Compared;
pub use glob::Globs;
pub use query::{FilterQuery, Invalid};
pub use replace::Replace;
pub use reverse::Reverse;
pub use search::{Search, Show};
pub use spec::{Answer, FILTERS, Flag, REPLACE, REVERSE, SEARCH, Spec, WordParameter};
pub use unpack::{UTF_16, is_utf16, unpack};
pub use word::{Matching, WORD_MAX, Word};

mod byte_order_mark;
mod candidate;
mod compared;
mod cursor;
mod fold;
mod glob;
mod matching_lines;
mod output_buffer;
mod query;
mod replace;
mod replay;
mod reverse;
mod scalar;
mod scan;
mod search;
mod spec;
mod unpack;
mod white_space;
mod word;

/// An operation on words: bytes move from a source through it into a sink.
///
/// Memory is constant in the size of the source. An error of the source or the sink comes back as it is.
pub trait Filter: Send + Sync {
    /// Moves all of `source` through the filter into `sink`.
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()>;

    /// Moves a file through the filter that the result is to replace, and counts what it changed: 0 where the file need
    /// not be replaced. A filter that has nothing to count counts a file that is another afterwards as one.
    fn change(&self, file: &dyn ReadAt, sink: &mut dyn Write) -> io::Result<u64> {
        let mut sink = Compared::new(file, sink);
        self.run(Source::File(file), &mut sink)?;
        Ok(u64::from(!sink.is_same()))
    }
}

/// Where a filter's bytes come from.
pub enum Source<'a> {
    /// Bytes that come once, in order.
    Stream {
        /// The bytes.
        bytes: &'a mut dyn Read,
        /// Makes an empty file without a name, for a filter that must see the end first.
        spool: &'a dyn MakeSpool,
    },
    /// Bytes that can be read at any offset: all of them, from 0.
    File(&'a dyn ReadAt),
}

/// Makes an empty spool.
pub trait MakeSpool {
    /// Makes one.
    fn make(&self) -> io::Result<Box<dyn Spool>>;
}

impl<F: Fn() -> io::Result<S>, S: Spool + 'static> MakeSpool for F {
    fn make(&self) -> io::Result<Box<dyn Spool>> {
        Ok(Box::new(self()?))
    }
}

/// A place for bytes that have to be read again and are too many for memory.
pub trait Spool: Sync {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Reads some bytes from `offset` on; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Drops all it holds.
    fn clear(&mut self) -> io::Result<()>;
}

impl Spool for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.set_len(0)?;
        self.rewind()
    }
}

/// Bytes at offsets: a stored or local file.
pub trait ReadAt: Sync {
    /// How many bytes there are.
    fn size(&self) -> u64;
    /// Reads some bytes from `offset` on, 0 only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

/// A file as it was when it was opened: reads never go past the size it had then.
pub struct Snapshot<'a> {
    /// The open file.
    pub file: &'a File,
    /// The size it had when it was opened, in bytes.
    pub size: u64,
}

impl ReadAt for Snapshot<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        FileExt::read_at(self.file, buffer.get_mut(..wanted).unwrap_or_default(), offset)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        self.get(offset..).unwrap_or_default().read(buffer)
    }
}

/// Fills `buffer` from `offset` on. Bytes that are gone since the size was asked for are an error.
fn read_exact_at(bytes: &dyn ReadAt, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match bytes.read_at(buffer, offset) {
            Ok(0) => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "became shorter while it was read"));
            }
            Ok(count) => {
                buffer = buffer.get_mut(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
