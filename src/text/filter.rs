//! The trait of all filters: each reads a source and writes a sink, in constant memory. Each has a file of its own.

use std::fmt::Debug;
use std::io::{self, Read, Write};

use super::{Compared, MakeSpool, ReadAt};

/// An operation on words.
///
/// Its memory is constant in the size of the source. An error of the source or the sink is returned as it is.
pub trait Filter: Debug + Send + Sync {
    /// Filters all of `source` into `sink`.
    fn run(&self, source: Source<'_>, sink: &mut dyn Write) -> io::Result<()>;

    /// Filters a file that the result is to replace, and returns how many changes were made; at 0 the file need not be
    /// replaced. A filter that does not count its changes counts 1 for a file that differs.
    fn change(&self, file: &dyn ReadAt, sink: &mut dyn Write) -> io::Result<u64> {
        let mut sink = Compared::new(file, sink);
        self.run(Source::File(file), &mut sink)?;
        Ok(u64::from(!sink.is_same()))
    }
}

/// Where a filter's bytes come from.
pub enum Source<'a> {
    /// Bytes that can be read once, in order.
    Stream {
        /// The bytes.
        bytes: &'a mut dyn Read,
        /// Makes a spool for bytes that the filter has to read again.
        spool: &'a dyn MakeSpool,
    },
    /// Bytes that can be read at any offset; the filter reads all of them.
    File(&'a dyn ReadAt),
}
