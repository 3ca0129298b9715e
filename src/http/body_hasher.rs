//! The SHA-256 of a body. That of a large one is computed in a thread of its own, while the body is received and stored. It
//! does not know what the bytes are.

use std::io::{self, Read};
use std::mem;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::digest::{Digest, Hasher};
use crate::error::Error;
use crate::io_block::IoBlock;

/// After how many bytes a thread is worth its start.
const LARGE: u64 = 1 << 20;
/// The bytes of a block until there is a thread.
const SMALL_BLOCK: usize = 64 << 10;
/// The bytes of a block for the thread. There are two: one is filled while the other is hashed.
const BLOCK: usize = 512 << 10;

/// How many threads hash now: at most one for each core.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Computes the digest of a body.
#[derive(Debug, Default)]
pub(super) struct BodyHasher {
    hashed: u64,
    /// Hashes the bytes until there is a thread.
    hasher: Hasher,
    /// Where bytes are read to until there is a thread.
    block: IoBlock,
    /// In place of both after many bytes, where a core is left.
    thread: Option<HashThread>,
    is_thread_tried: bool,
}

impl BodyHasher {
    /// Adds bytes that are elsewhere in memory.
    pub fn update(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.start_thread();
        let Some(thread) = &mut self.thread else {
            self.hasher.update(bytes);
            self.hashed += bytes.len() as u64;
            return Ok(());
        };
        while !bytes.is_empty() {
            thread.read(|room| bytes.read(room))?;
        }
        Ok(())
    }

    /// Adds what `read` reads, and returns it. It is read to where it is hashed.
    pub fn read(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<&[u8]> {
        self.start_thread();
        if let Some(thread) = &mut self.thread {
            return thread.read(read);
        }
        if self.block.is_empty() {
            self.block = IoBlock::new(SMALL_BLOCK);
        }
        let count = read(&mut self.block)?;
        let bytes = self.block.get(..count).unwrap_or_default();
        self.hasher.update(bytes);
        self.hashed += count as u64;
        Ok(bytes)
    }

    /// Starts the thread after many bytes, once.
    fn start_thread(&mut self) {
        if self.hashed >= LARGE && !self.is_thread_tried {
            self.is_thread_tried = true;
            match HashThread::start(mem::take(&mut self.hasher)) {
                Ok(thread) => (self.thread, self.block) = (Some(thread), IoBlock::default()),
                Err(hasher) => self.hasher = hasher,
            }
        }
    }

    /// Returns the digest of all bytes. An error where the thread has failed.
    pub fn finish(self) -> io::Result<Digest> {
        match self.thread {
            None => Ok(self.hasher.finish()),
            Some(thread) => thread.finish(),
        }
    }
}

/// A block, and how many bytes of it are filled.
type Filled = (IoBlock, usize);

/// A thread that hashes blocks in their order.
#[derive(Debug)]
struct HashThread {
    /// The block that is being filled.
    block: IoBlock,
    filled: usize,
    full: Sender<Filled>,
    hashed: Receiver<IoBlock>,
    thread: JoinHandle<Hasher>,
    _permit: Permit,
}

impl HashThread {
    /// Continues `hasher` in a thread; returns it where no core is left for one.
    fn start(hasher: Hasher) -> Result<Self, Hasher> {
        let Some(permit) = Permit::take() else { return Err(hasher) };
        let (full, to_hash) = channel::<Filled>();
        let (empty, hashed) = channel();
        let mut moved = hasher.clone();
        let work = {
            let empty = empty.clone();
            move || {
                for (block, filled) in to_hash {
                    moved.update(block.get(..filled).unwrap_or_default());
                    // The body may have been given up.
                    let _ = empty.send(block);
                }
                moved
            }
        };
        let Ok(thread) = thread::Builder::new().name("digest".to_owned()).spawn(work) else {
            return Err(hasher);
        };
        // The second block; the receiver is here.
        let _ = empty.send(IoBlock::new(BLOCK));
        Ok(HashThread { block: IoBlock::new(BLOCK), filled: 0, full, hashed, thread, _permit: permit })
    }

    /// Reads to the block, which is passed on before the next read where it is full.
    fn read(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<&[u8]> {
        if self.filled == BLOCK {
            self.pass_on()?;
        }
        let from = self.filled;
        self.filled += read(self.block.get_mut(from..).unwrap_or_default())?;
        Ok(self.block.get(from..self.filled).unwrap_or_default())
    }

    /// Passes the block on, and waits for the other one.
    fn pass_on(&mut self) -> io::Result<()> {
        let filled = (mem::take(&mut self.block), mem::take(&mut self.filled));
        self.full.send(filled).map_err(|_| failed())?;
        self.block = self.hashed.recv().map_err(|_| failed())?;
        Ok(())
    }

    fn finish(self) -> io::Result<Digest> {
        let HashThread { block, filled, full, thread, .. } = self;
        full.send((block, filled)).map_err(|_| failed())?;
        drop(full);
        thread.join().map(Hasher::finish).map_err(|_| failed())
    }
}

fn failed() -> io::Error {
    Error::internal("digest", "could not be computed").into()
}

/// One of [`THREADS`], until it is dropped.
#[derive(Debug)]
struct Permit;

impl Permit {
    fn take() -> Option<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let is_free = THREADS.fetch_add(1, Ordering::Relaxed) < cores;
        let permit = Permit;
        is_free.then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_same_whatever_the_blocks_and_wherever_it_is_computed() {
        let bytes: Vec<u8> = (0..3_000_001_u32).map(|at| (at % 251) as u8).collect();
        for length in [0, 1, 1 << 20, (1 << 20) + 1, (1 << 20) + BLOCK, bytes.len()] {
            let all = &bytes[..length];
            let mut expected = Hasher::default();
            expected.update(all);
            let expected = expected.finish();
            for block in [1000, BLOCK - 1, BLOCK, BLOCK + 1, 1 << 20, 5 << 20] {
                let (mut copied, mut read) = (BodyHasher::default(), BodyHasher::default());
                let mut received: Vec<u8> = Vec::new();
                for (index, mut part) in all.chunks(block).enumerate() {
                    copied.update(part).unwrap();
                    // Either way of adding bytes may follow the other.
                    if index % 3 == 1 {
                        read.update(part).unwrap();
                        received.extend(part);
                        continue;
                    }
                    while !part.is_empty() {
                        received.extend(read.read(|room| part.read(room)).unwrap());
                    }
                }
                assert!(received.as_slice() == all, "{length} in {block}");
                assert_eq!(copied.finish().unwrap(), expected, "{length} in {block}");
                assert_eq!(read.finish().unwrap(), expected, "{length} in {block}");
            }
        }
    }

    #[test]
    fn more_bodies_than_cores_are_hashed_all_the_same() {
        let bytes = vec![7; 2 << 20];
        let mut hashers: Vec<_> = (0..100).map(|_| BodyHasher::default()).collect();
        for hasher in &mut hashers {
            bytes.chunks(SMALL_BLOCK).for_each(|block| hasher.update(block).unwrap());
        }
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = hashers.iter().filter(|hasher| hasher.thread.is_some()).count();
        assert!(threads <= cores, "{threads}");
        let digests: Vec<_> = hashers.into_iter().map(|hasher| hasher.finish().unwrap()).collect();
        assert!(digests.iter().all(|digest| *digest == digests[0]));
    }
}
