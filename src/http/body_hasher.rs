//! The SHA-256 of a body. That of a large one is computed in a thread of its own, while the body is received and stored. It
//! does not know what the bytes are.

use std::io;
use std::mem;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::digest::{Digest, Hasher};
use crate::error::Error;

/// After how many bytes a thread is worth its start.
const LARGE: u64 = 1 << 20;
/// The bytes of a block for the thread. There are two: one is filled while the other is hashed.
const BLOCK: usize = 128 << 10;

/// How many threads hash now: at most one for each core.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Computes the digest of a body.
#[derive(Debug, Default)]
pub(super) struct BodyHasher {
    hashed: u64,
    /// Hashes the bytes until there is a thread.
    hasher: Hasher,
    thread: Option<HashThread>,
}

impl BodyHasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let was_small = self.hashed < LARGE;
        self.hashed += bytes.len() as u64;
        if let Some(thread) = &mut self.thread {
            return thread.update(bytes);
        }
        self.hasher.update(bytes);
        if was_small && self.hashed >= LARGE {
            match HashThread::start(mem::take(&mut self.hasher)) {
                Ok(thread) => self.thread = Some(thread),
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

/// A thread that hashes blocks in their order.
#[derive(Debug)]
struct HashThread {
    /// The block that is being filled.
    block: Vec<u8>,
    full: Sender<Vec<u8>>,
    hashed: Receiver<Vec<u8>>,
    thread: JoinHandle<Hasher>,
    _permit: Permit,
}

impl HashThread {
    /// Continues `hasher` in a thread; returns it where no core is left for one.
    fn start(hasher: Hasher) -> Result<Self, Hasher> {
        let Some(permit) = Permit::take() else { return Err(hasher) };
        let (full, to_hash) = channel::<Vec<u8>>();
        let (empty, hashed) = channel();
        let mut moved = hasher.clone();
        let work = {
            let empty = empty.clone();
            move || {
                for mut block in to_hash {
                    moved.update(&block);
                    block.clear();
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
        let _ = empty.send(Vec::with_capacity(BLOCK));
        Ok(HashThread { block: Vec::with_capacity(BLOCK), full, hashed, thread, _permit: permit })
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK {
                self.pass_on();
            }
        }
    }

    /// Passes the block on, and waits for the other one. Where the thread has failed, `finish` says so.
    fn pass_on(&mut self) {
        let _ = self.full.send(mem::take(&mut self.block));
        self.block = self.hashed.recv().unwrap_or_default();
    }

    fn finish(self) -> io::Result<Digest> {
        let HashThread { block, full, thread, .. } = self;
        let _ = full.send(block);
        drop(full);
        match thread.join() {
            Ok(hasher) => Ok(hasher.finish()),
            Err(_) => Err(Error::internal("digest", "could not be computed").into()),
        }
    }
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
                let mut hasher = BodyHasher::default();
                all.chunks(block).for_each(|block| hasher.update(block));
                assert_eq!(hasher.finish().unwrap(), expected, "{length} in {block}");
            }
        }
    }

    #[test]
    fn more_bodies_than_cores_are_hashed_all_the_same() {
        let bytes = vec![7; 2 << 20];
        let mut hashers: Vec<_> = (0..100).map(|_| BodyHasher::default()).collect();
        hashers.iter_mut().for_each(|hasher| bytes.chunks(BLOCK).for_each(|block| hasher.update(block)));
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = hashers.iter().filter(|hasher| hasher.thread.is_some()).count();
        assert!(threads <= cores, "{threads}");
        let digests: Vec<_> = hashers.into_iter().map(|hasher| hasher.finish().unwrap()).collect();
        assert!(digests.iter().all(|digest| *digest == digests[0]));
    }
}
