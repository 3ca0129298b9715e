//! Decompression within limits: of the decoded size, of its ratio to the coded size, and of the number of decoders. It
//! stops when the client disconnects: a few coded bytes may decode to gigabytes, so the reads of the coded bytes alone
//! would not notice that for minutes.

use std::cell::Cell;
use std::io::{self, Read};

use crate::error::{Error, Result};
use crate::http::coding;
use crate::server::exchange::ClientLiveness;
use crate::server::limits::RATIO_FREE;
use crate::server::shared::{DecoderPermit, Server};
use crate::text::unpack;

/// The limits of decompression, and the client that waits for the result.
pub struct BoundedDecoding<'a> {
    /// Has the decoders, the limits of size and ratio, and the spool files of filters.
    pub server: &'a Server,
    /// The client.
    pub client: ClientLiveness<'a>,
}

/// What is decoded.
#[derive(Clone, Copy)]
pub enum Coded<'a> {
    /// The content coding of a body.
    Transfer,
    /// The compression of a file or body with this name, detected by its first bytes.
    Packed(&'a [u8]),
}

impl<'a> BoundedDecoding<'a> {
    /// Reserves a decoder of the pool. An error has kind `Overloaded`: all are in use.
    pub fn permit(&self) -> Result<DecoderPermit<'a>> {
        self.server.coders.decoder(self.client.stream)
    }

    /// Calls `work` with a reader of the decoded bytes, at most `most`. Errors have kind `TooLarge` past a limit;
    /// others are those of the coding.
    pub fn run<T>(
        &self,
        permit: &DecoderPermit<'_>,
        what: Coded<'_>,
        bytes: &mut dyn Read,
        most: u64,
        work: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> io::Result<T> {
        let count = Cell::new(0);
        let counted = CodedBytes { bytes, count: &count, permit };
        let (name, bytes): (&[u8], Box<dyn Read + '_>) = match what {
            Coded::Transfer => (b"body", Box::new(coding::decoder(counted)?)),
            Coded::Packed(name) => (name, unpack(counted, name)?),
        };
        work(&mut Decoded { bytes, name, coded: &count, decoded: 0, most, decoding: self })
    }
}

/// The coded bytes, counted.
struct CodedBytes<'a> {
    bytes: &'a mut dyn Read,
    count: &'a Cell<u64>,
    permit: &'a DecoderPermit<'a>,
}

impl Read for CodedBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.count.set(self.count.get() + read as u64);
        self.permit.moved(read);
        Ok(read)
    }
}

/// The decoded bytes, checked against the limits.
struct Decoded<'a> {
    bytes: Box<dyn Read + 'a>,
    name: &'a [u8],
    coded: &'a Cell<u64>,
    decoded: u64,
    most: u64,
    decoding: &'a BoundedDecoding<'a>,
}

impl Read for Decoded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoding.client.check_connected()?;
        let read = self.bytes.read(buffer)?;
        self.decoded += read as u64;
        if self.decoded > self.most {
            return Err(too_large(self.name, self.most).into());
        }
        match self.decoding.server.limits.ratio {
            Some(ratio) if self.decoded > self.coded.get().saturating_mul(ratio).max(RATIO_FREE) => {
                let what = format!("is more than {ratio} times as large when it is decoded");
                Err(Error::too_large(self.name, what).into())
            }
            _ => Ok(read),
        }
    }
}

/// Fails with kind `TooLarge` past a limit. The end of a body cut off there would look like its end to a filter.
pub struct Bounded<R> {
    bytes: R,
    left: u64,
    most: u64,
}

impl<R> Bounded<R> {
    /// Makes a reader of at most `most` bytes.
    pub fn new(bytes: R, most: u64) -> Self {
        Bounded { bytes, left: most, most }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| too_large("body", self.most))?;
        Ok(read)
    }
}

/// Returns the error of kind `TooLarge`: more than `most` bytes.
pub fn too_large(name: impl AsRef<[u8]>, most: u64) -> Error {
    Error::too_large(name, format!("is larger than {most} bytes"))
}
