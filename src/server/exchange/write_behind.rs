//! Copies a request body to what stores it. Of a large one, a thread writes the blocks while the next are received and
//! hashed. It does not know what the bytes are.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::cores::cores;
use crate::error::Error;
use crate::io_block::{self, IoBlock};
use crate::server::limits;

/// After how many bytes a thread is worth its start.
const LARGE: u64 = 1 << 20;
/// The bytes of a block for the thread.
const BLOCK: usize = 512 << 10;
/// How many blocks there are: one is filled, one is written, and one waits. With two, a gigabyte takes up to 10 % longer; with
/// four, as long as with three (docs/benchmarks.md).
const BLOCKS: usize = 3;

/// How many threads write now: at most one for each core.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// Copies all bytes of `body` to `sink`. Where one of them fails, what was read before is written.
pub fn copy(mut body: &mut dyn Read, sink: &mut (dyn Write + Send)) -> io::Result<()> {
    let begun = io_block::copy(&mut (&mut body).take(LARGE), sink, limits::BLOCK)?;
    let permit = if begun < LARGE { return Ok(()) } else { Permit::take() };
    let threaded = permit.and_then(|_permit| copy_behind(body, sink));
    threaded.unwrap_or_else(|| io_block::copy(body, sink, limits::BLOCK).map(drop))
}

/// Copies with a second thread that writes. `None` if it could not be started; nothing was read then.
fn copy_behind(body: &mut dyn Read, sink: &mut (dyn Write + Send)) -> Option<io::Result<()>> {
    thread::scope(|scope| {
        let (full, to_write) = channel();
        let (empty, written) = channel();
        let write = move || write_blocks(&to_write, &empty, sink);
        let writer = thread::Builder::new().name("upload".to_owned()).spawn_scoped(scope, write).ok()?;
        let spare = (0..BLOCKS).map(|_| IoBlock::new(BLOCK)).collect();
        let read = WriterBlocks { spare, full, written }.fill(body);
        // The blocks and their sender are gone: the writer ends after the last one.
        let panicked = |_| Err(Error::internal("upload", "could not be written").into());
        Some(writer.join().unwrap_or_else(panicked).and(read))
    })
}

/// A block, and how many bytes of it are filled.
type Filled = (IoBlock, usize);

/// Writes blocks in their order, and gives them back.
fn write_blocks(full: &Receiver<Filled>, empty: &Sender<IoBlock>, sink: &mut dyn Write) -> io::Result<()> {
    for (block, filled) in full {
        sink.write_all(block.get(..filled).unwrap_or_default())?;
        // After the last one nobody waits.
        let _ = empty.send(block);
    }
    Ok(())
}

/// The blocks that are not with the writer, and the ways to it and back.
struct WriterBlocks {
    spare: Vec<IoBlock>,
    full: Sender<Filled>,
    written: Receiver<IoBlock>,
}

impl WriterBlocks {
    /// Reads all bytes and passes them to the writer; ends early where that has failed.
    fn fill(mut self, bytes: &mut dyn Read) -> io::Result<()> {
        loop {
            let Some(mut block) = self.spare.pop().or_else(|| self.written.recv().ok()) else {
                return Ok(());
            };
            let mut filled = 0;
            let read = self.fill_block(bytes, &mut block, &mut filled);
            if self.full.send((block, filled)).is_err() || !read? {
                return Ok(());
            }
        }
    }

    /// Fills a block, or a part of it where the writer has nothing else to do: what a slow client sends is written at once.
    /// False at the end.
    fn fill_block(
        &mut self,
        bytes: &mut dyn Read,
        block: &mut IoBlock,
        filled: &mut usize,
    ) -> io::Result<bool> {
        while let room @ [_, ..] = block.get_mut(*filled..).unwrap_or_default() {
            match bytes.read(room) {
                Ok(0) => return Ok(false),
                Ok(count) => *filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            self.spare.extend(self.written.try_iter());
            if self.spare.len() == BLOCKS - 1 {
                break;
            }
        }
        Ok(true)
    }
}

/// One of [`THREADS`], until it is dropped.
#[derive(Debug)]
struct Permit;

impl Permit {
    fn take() -> Option<Self> {
        let is_free = THREADS.fetch_add(1, Ordering::Relaxed) < cores();
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
    use std::sync::atomic::AtomicU64;
    use std::time::{Duration, Instant};

    use super::*;

    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|at| (at % 251) as u8).collect()
    }

    /// Fails after so many bytes.
    struct Failing<'a>(&'a [u8]);

    impl Read for Failing<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.read(out)? {
                0 => Err(ErrorKind::ConnectionReset.into()),
                read => Ok(read),
            }
        }
    }

    #[test]
    fn all_bytes_are_copied_whatever_their_number() {
        let large = usize::try_from(LARGE).unwrap();
        for length in [0, 1, large - 1, large, large + 1, large + BLOCK, large + 9 * BLOCK + 1] {
            let (all, mut copied) = (bytes(length), Vec::new());
            copy(&mut &all[..], &mut copied).unwrap();
            assert!(copied == all, "{length}");
        }
    }

    #[test]
    fn what_came_before_the_end_of_a_connection_is_written() {
        for length in [100, (3 << 20) + 100, 9 << 20] {
            let (all, mut copied) = (bytes(length), Vec::new());
            let error = copy(&mut Failing(&all), &mut copied).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert!(copied == all, "{length}");
        }
    }

    #[test]
    fn an_error_of_the_sink_ends_the_reading() {
        for room in [100, 2 << 20] {
            let mut full = vec![0; room];
            let error = copy(&mut io::repeat(1), &mut &mut full[..]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WriteZero);
            assert!(full.iter().all(|byte| *byte == 1));
        }
    }

    /// Gives the next bytes only after all before them have been written.
    struct Slow<'a> {
        left: u64,
        given: u64,
        written: &'a AtomicU64,
    }

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let until = Instant::now() + Duration::from_secs(30);
            while self.written.load(Ordering::SeqCst) < self.given {
                assert!(Instant::now() < until, "{} bytes are kept back", self.given);
                thread::yield_now();
            }
            let read = io::repeat(1).take(self.left.min(50_000)).read(out)?;
            self.left -= read as u64;
            self.given += read as u64;
            Ok(read)
        }
    }

    struct Counting<'a>(&'a AtomicU64);

    impl Write for Counting<'_> {
        fn write(&mut self, block: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(block.len() as u64, Ordering::SeqCst);
            Ok(block.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_slow_client_sends_is_written_before_it_sends_more() {
        let written = AtomicU64::new(0);
        let mut slow = Slow { left: 3 << 20, given: 0, written: &written };
        copy(&mut slow, &mut Counting(&written)).unwrap();
        assert_eq!(written.into_inner(), 3 << 20);
    }

    #[test]
    fn more_bodies_than_cores_are_copied_at_once() {
        let all = bytes(3 << 20);
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let mut copied = Vec::new();
                    copy(&mut &all[..], &mut copied).unwrap();
                    assert!(copied == all);
                });
            }
        });
    }

    #[test]
    fn there_are_no_more_threads_than_cores() {
        let permits: Vec<_> = (0..cores() + 3).map(|_| Permit::take()).collect();
        assert!(permits.iter().flatten().count() <= cores());
    }
}
