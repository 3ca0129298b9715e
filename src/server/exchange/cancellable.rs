//! A stored file as a filter reads it: the scan of a large file is cancelled when the client has disconnected, and tells
//! how far it is.

use std::io::{self, Read};

use crate::server::exchange::ClientLiveness;
use crate::store::Content;
use crate::text::ReadAt;

/// A stored file whose reads fail once the client has disconnected.
#[derive(Clone, Copy)]
pub struct Cancellable<'a> {
    /// The file.
    pub content: &'a dyn Content,
    /// The client that waits for the result.
    pub client: &'a ClientLiveness<'a>,
}

impl ReadAt for Cancellable<'_> {
    fn size(&self) -> u64 {
        self.content.meta().size
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.client.check_connected()?;
        let read = self.content.read_at(buffer, offset)?;
        self.client.stream.interim.work.add_read(read as u64);
        Ok(read)
    }

    fn read_size(&self) -> usize {
        self.content.read_size()
    }

    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(CancellableReader { bytes: self.content.reader(0..self.size())?, client: self.client }))
    }

    /// One thread: the files of a directory are shared out to several.
    fn run_on_threads(&self, _help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        own();
    }
}

/// The bytes of such a file in order.
struct CancellableReader<'a> {
    bytes: Box<dyn Read + 'a>,
    client: &'a ClientLiveness<'a>,
}

impl Read for CancellableReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.client.check_connected()?;
        let read = self.bytes.read(buffer)?;
        self.client.stream.interim.work.add_read(read as u64);
        Ok(read)
    }
}
