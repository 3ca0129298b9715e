//! A line too long for memory: held where it can be read again, in the source itself or in a spool. It does not
//! know what is looked for in it.

use std::io::{self, Read};

use super::{MakeSpool, ReadAt, Source, Spool};

/// Bytes of the source from some offset on, kept out of memory.
pub(super) struct Held<'a> {
    place: Place<'a>,
    start: u64,
    size: u64,
}

enum Place<'a> {
    Source(&'a dyn ReadAt),
    Spool { make: &'a dyn MakeSpool, file: Option<Box<dyn Spool>> },
}

impl<'a> Source<'a> {
    /// The bytes in order, and a place for those that must be read twice.
    pub(super) fn split(self) -> (Box<dyn Read + 'a>, Held<'a>) {
        match self {
            Source::Stream { bytes, spool } => {
                (Box::new(bytes), Held { place: Place::Spool { make: spool, file: None }, start: 0, size: 0 })
            }
            Source::File(bytes) => {
                (Box::new(InOrder { bytes, at: 0 }), Held { place: Place::Source(bytes), start: 0, size: 0 })
            }
        }
    }
}

impl Held<'_> {
    /// Drops what is held; what is pushed next stands at `offset` of the source.
    pub(super) fn begin(&mut self, offset: u64) -> io::Result<()> {
        (self.start, self.size) = (offset, 0);
        match &mut self.place {
            Place::Spool { file: Some(file), .. } => file.clear(),
            _ => Ok(()),
        }
    }

    /// Holds the next bytes of the source.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Place::Spool { make, file } = &mut self.place {
            match file {
                Some(spool) => spool.append(bytes)?,
                None => file.insert(make.make()?).append(bytes)?,
            }
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes are held.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What is held.
    pub(super) fn region(&self) -> Region<'_> {
        match &self.place {
            Place::Source(bytes) => Region::Source { bytes: *bytes, start: self.start, size: self.size },
            Place::Spool { file: Some(file), .. } => Region::Spool { spool: file.as_ref(), size: self.size },
            Place::Spool { file: None, .. } => Region::Empty,
        }
    }
}

/// What is held, to be read at any offset.
pub(super) enum Region<'a> {
    Source { bytes: &'a dyn ReadAt, start: u64, size: u64 },
    Spool { spool: &'a dyn Spool, size: u64 },
    Empty,
}

impl ReadAt for Region<'_> {
    fn size(&self) -> u64 {
        match self {
            Region::Source { size, .. } | Region::Spool { size, .. } => *size,
            Region::Empty => 0,
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Region::Source { bytes, start, size } => {
                let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let wanted = left.min(buffer.len());
                bytes.read_at(buffer.get_mut(..wanted).unwrap_or_default(), start + offset)
            }
            Region::Spool { spool, size } => {
                let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
                let wanted = left.min(buffer.len());
                spool.read_at(buffer.get_mut(..wanted).unwrap_or_default(), offset)
            }
            Region::Empty => Ok(0),
        }
    }
}

/// A file read from its beginning to its end.
struct InOrder<'a> {
    bytes: &'a dyn ReadAt,
    at: u64,
}

impl Read for InOrder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
