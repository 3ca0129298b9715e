//! Bytes of the source that are read a second time: in the source itself, or in a spool where the source is a stream.
//! So a long line needs no memory. The filters decide what is done with the bytes.

use std::io::{self, Read};

use super::read_at::truncated;
use super::{MakeSpool, ReadAt, Source, SpoolStorage};

/// Bytes of the source from some offset on, to be read again.
pub(super) struct Replay<'a> {
    storage: Storage<'a>,
    start: u64,
    size: u64,
}

enum Storage<'a> {
    Source(&'a dyn ReadAt),
    Spool { make: &'a dyn MakeSpool, spool: Option<Box<dyn SpoolStorage>> },
}

/// Splits a source into its bytes in order, and a replay of those that must be read again.
pub(super) fn split(source: Source<'_>) -> io::Result<(Box<dyn Read + '_>, Replay<'_>)> {
    let (bytes, storage): (Box<dyn Read>, _) = match source {
        Source::Stream { bytes, spool } => (Box::new(bytes), Storage::Spool { make: spool, spool: None }),
        Source::File(bytes) => (bytes.reader()?, Storage::Source(bytes)),
    };
    Ok((bytes, Replay { storage, start: 0, size: 0 }))
}

impl Replay<'_> {
    /// Empties the replay; the next byte that is pushed is the one at `offset` of the source.
    pub(super) fn restart(&mut self, offset: u64) -> io::Result<()> {
        (self.start, self.size) = (offset, 0);
        match &mut self.storage {
            Storage::Spool { spool: Some(spool), .. } => spool.clear(),
            _ => Ok(()),
        }
    }

    /// Adds the next bytes of the source.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Storage::Spool { make, spool } = &mut self.storage {
            match spool {
                Some(spool) => spool.append(bytes)?,
                None => spool.insert(make.make()?).append(bytes)?,
            }
        }
        self.size += bytes.len() as u64;
        Ok(())
    }
}

impl ReadAt for Replay<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let buffer = truncated(buffer, self.size, offset);
        match &self.storage {
            Storage::Source(bytes) => bytes.read_at(buffer, self.start + offset),
            Storage::Spool { spool: Some(spool), .. } => spool.read_at(buffer, offset),
            Storage::Spool { spool: None, .. } => Ok(0),
        }
    }

    fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        match &self.storage {
            Storage::Source(bytes) => bytes.run_on_threads(help, own),
            Storage::Spool { .. } => own(),
        }
    }
}
