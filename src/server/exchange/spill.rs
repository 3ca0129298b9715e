//! Sends responses that begin before their request has ended. A client that sends its whole body before it reads would
//! deadlock with a server that writes before it reads on: so the response is buffered in a spool file until the client
//! reads. Where there is no disk space for that, the rest of the body is not read until the client reads.

use std::io::{self, Write};

use crate::io_block::IoBlock;
use crate::server::limits::{BLOCK, SPILL_AFTER, SPILL_MAX, SPILL_PARTS, SPILL_RETRY_EVERY};
use crate::server::net::Stream;
use crate::store::{SpoolFile, Spools};

/// A writer to a socket that does not block for long while the request body may still be arriving.
pub struct Spill<'a> {
    stream: &'a Stream,
    /// Makes the spool file; `None` where the request has no body, and blocking is safe.
    spools: Option<&'a Spools>,
    /// The head, until it is sent with the first bytes of the body.
    head: Option<Vec<u8>>,
    /// How many bytes were written, with framing, without the head.
    pub taken: u64,
    spool: Option<Spilled>,
}

/// What is buffered: the bytes of the file from `read` on.
struct Spilled {
    file: SpoolFile,
    read: u64,
    block: IoBlock,
}

impl<'a> Spill<'a> {
    /// Makes a writer to `stream`, which begins with `head`.
    pub fn new(stream: &'a Stream, head: Vec<u8>, spools: Option<&'a Spools>) -> Self {
        Spill { stream, spools, head: Some(head), taken: 0, spool: None }
    }

    /// Returns whether anything was written, and with it the head.
    pub fn has_begun(&self) -> bool {
        self.head.is_none()
    }

    /// Sends all that is buffered, blocking while the client does not read: the request has been read, so no deadlock
    /// is possible.
    pub fn finish(&mut self) -> io::Result<()> {
        if let Some(head) = self.head.take() {
            self.stream.interim.end(self.stream)?;
            self.write_through(&head)?;
        }
        while self.waiting() > 0 {
            self.pump()?;
            if self.waiting() > 0 {
                self.stream.socket.wait_to_write()?;
            }
        }
        // What TLS has taken may not have been sent yet.
        (&*self.stream).flush()
    }

    fn waiting(&self) -> u64 {
        self.spool.as_ref().map_or(0, |spool| spool.file.size() - spool.read)
    }

    /// Sends as much of the buffered bytes as the socket takes.
    fn pump(&mut self) -> io::Result<()> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        while spool.read < spool.file.size() {
            let read = spool.file.read_at(&mut spool.block, spool.read)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match self.stream.try_write(spool.block.get(..read).unwrap_or_default())? {
                Some(sent) => spool.read += sent as u64,
                None => return Ok(()),
            }
        }
        // All is sent: free the disk space.
        spool.read = 0;
        spool.file.clear()
    }

    /// Appends a block to the spool file. False where there is no space for it.
    fn try_keep(&mut self, block: &[u8], spools: &Spools) -> io::Result<bool> {
        if self.waiting() > SPILL_MAX {
            return Ok(false);
        }
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(Spilled { file: spools.make()?, read: 0, block: IoBlock::new(BLOCK) }),
        };
        spool.file.try_append(block, SPILL_PARTS)
    }

    /// Sends from the block directly; returns the rest when the client does not read.
    fn send<'b>(&self, mut block: &'b [u8]) -> io::Result<&'b [u8]> {
        while !block.is_empty() {
            match self.stream.try_write(block)? {
                Some(sent) => block = block.get(sent..).unwrap_or_default(),
                None if self.stream.wait_writable(SPILL_AFTER)? => {}
                None => break,
            }
        }
        Ok(block)
    }
}

impl Write for Spill<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.taken += block.len() as u64;
        if let Some(mut head) = self.head.take() {
            self.stream.interim.end(self.stream)?;
            head.extend_from_slice(block);
            return self.write_through(&head).map(|()| block.len());
        }
        self.write_through(block).map(|()| block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Spill<'_> {
    fn write_through(&mut self, block: &[u8]) -> io::Result<()> {
        let Some(spools) = self.spools else {
            return (&mut &*self.stream).write_all(block);
        };
        let mut rest = block;
        loop {
            self.pump()?;
            if self.waiting() == 0 {
                rest = self.send(rest)?;
            }
            if rest.is_empty() || self.try_keep(rest, spools)? {
                return Ok(());
            }
            // Wait until the client reads, or until spool space is free again.
            self.stream.socket.wait_to_write_for(SPILL_RETRY_EVERY)?;
        }
    }
}
