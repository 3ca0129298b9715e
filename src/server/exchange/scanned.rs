//! A stored file that a filter scans with several threads: its own, and those of the pool that are free. Which parts each
//! thread reads is up to the filter.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::server::exchange::{BoundedDecoding, Cancellable};
use crate::server::shared::ScanThreads;
use crate::store::Content;
use crate::text::{ReadAt, is_utf16};

/// A stored file, whose reads fail once the client has disconnected, and the threads that may read it.
pub struct ScannedFile<'a> {
    file: Cancellable<'a>,
    threads: &'a ScanThreads,
    is_utf16: AtomicBool,
}

impl<'a> ScannedFile<'a> {
    /// Makes a file that is scanned for the client of `decoding`.
    pub fn new(content: &'a dyn Content, decoding: &'a BoundedDecoding<'_>) -> Self {
        let file = Cancellable { content, client: &decoding.client };
        ScannedFile { file, threads: &decoding.server.scan_threads, is_utf16: AtomicBool::new(false) }
    }

    /// Returns whether what was read of it begins with the byte order mark of UTF-16.
    pub fn is_utf16(&self) -> bool {
        self.is_utf16.load(Ordering::Relaxed)
    }
}

impl ReadAt for ScannedFile<'_> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.file.read_at(buffer, offset)?;
        if offset == 0 && is_utf16(buffer.get(..read).unwrap_or_default()) {
            self.is_utf16.store(true, Ordering::Relaxed);
        }
        Ok(read)
    }

    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        self.file.reader()
    }

    fn read_size(&self) -> usize {
        self.file.read_size()
    }

    fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        thread::scope(|scope| {
            for permit in self.threads.take_free() {
                let work = move || {
                    let _permit = permit;
                    help();
                };
                // Without another thread, this one does the rest.
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            own();
        });
    }
}
