//! Temporary storage for bytes that a filter has to read again and that may be too many for memory. Where they are kept is
//! the caller's choice.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;

/// Temporary storage that grows at its end.
pub trait SpoolStorage: Sync {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Reads some bytes from `offset` on; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Removes all bytes.
    fn clear(&mut self) -> io::Result<()>;
}

/// Makes spools.
pub trait MakeSpool: Sync {
    /// Makes an empty one.
    fn make(&self) -> io::Result<Box<dyn SpoolStorage>>;
}

impl<F: Fn() -> io::Result<S> + Sync, S: SpoolStorage + 'static> MakeSpool for F {
    fn make(&self) -> io::Result<Box<dyn SpoolStorage>> {
        Ok(Box::new(self()?))
    }
}

impl SpoolStorage for File {
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
