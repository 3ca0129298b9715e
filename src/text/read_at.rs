//! Reads at any offset, and reads such a source in order. It does not know where the bytes are stored.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::thread;

use crate::cores::cores;

/// Bytes at offsets: a stored or local file.
pub trait ReadAt: Sync {
    /// Returns the number of bytes.
    fn size(&self) -> u64;
    /// Reads some bytes from `offset` on; 0 only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Returns a reader of all bytes in order.
    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(Sequential { bytes: self, offset: 0 }))
    }
    /// Returns how many bytes should be read at once of a large file, at least: many where each read takes long.
    fn read_size(&self) -> usize {
        0
    }
    /// Calls `own` on this thread and, at the same time, `help` on every other thread that is free to read these bytes.
    /// Returns when all have ended. It has no default: a wrapper that forgot to pass it on would read on one thread, and no test
    /// would fail.
    fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut());
}

/// An open file up to the size it had when it was opened.
pub struct SizedFile<'a> {
    /// The open file.
    pub file: &'a File,
    /// Its size in bytes when it was opened.
    pub size: u64,
}

impl ReadAt for SizedFile<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self.file, truncated(buffer, self.size, offset), offset)
    }

    /// One thread for each processor.
    fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        thread::scope(|scope| {
            for _ in 1..cores() {
                // Without another thread, this one does the rest.
                if thread::Builder::new().spawn_scoped(scope, help).is_err() {
                    break;
                }
            }
            own();
        });
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

    fn run_on_threads(&self, _help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        own();
    }
}

/// Returns the part of `buffer` that can be filled from `offset` on when there are `size` bytes.
pub(super) fn truncated(buffer: &mut [u8], size: u64, offset: u64) -> &mut [u8] {
    let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
    let length = left.min(buffer.len());
    buffer.get_mut(..length).unwrap_or_default()
}

/// Fills `buffer` from `offset` on. Fails where the file became shorter than its size.
pub(super) fn read_exact_at(bytes: &dyn ReadAt, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match bytes.read_at(buffer, offset) {
            Ok(0) => {
                return Err(shortened());
            }
            Ok(count) => {
                buffer = buffer.get_mut(count..).unwrap_or_default();
                offset += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The error of a file that ends before its size.
pub(super) fn shortened() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "became shorter while it was read")
}

/// Reads some bytes; a read that a signal interrupts is repeated.
pub(super) fn read_some(bytes: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match bytes.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Reads bytes in order, from the first to the last.
struct Sequential<'a, R: ?Sized> {
    bytes: &'a R,
    offset: u64,
}

impl<R: ReadAt + ?Sized> Read for Sequential<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}
