//! The content of a file whose size is not what the system says: those of /proc say 0 and hold more, those of /sys say a
//! page and hold less, and so does some FUSE. It is read once, to its end, when it is opened: a short one into memory, a
//! longer one into a spool, which the account of spools limits.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use nix::sys::stat::FileStat;
use sha2::{Digest, Sha256};

use super::engine::Local;
use super::spool::Spool;
use crate::error::Error;
use crate::store::contract::{Kind, Meta, Store};

/// What is read at once, in bytes.
const BLOCK: usize = 64 << 10;

/// What such files may take.
#[derive(Clone, Copy)]
pub(super) struct SnapshotLimits {
    /// Bytes of one that are kept in memory.
    pub memory: usize,
    /// Bytes that one may hold at all.
    pub size: u64,
    /// One may hold this part of what all spools may hold together.
    pub parts: u64,
}

impl Default for SnapshotLimits {
    fn default() -> Self {
        SnapshotLimits { memory: BLOCK, size: u64::MAX, parts: 1 }
    }
}

/// All bytes of one.
pub(super) struct Snapshot {
    held: Held,
    size: u64,
    /// The first bytes of their SHA-256.
    tag: String,
}

enum Held {
    Memory(Vec<u8>),
    Spool(Spool),
}

/// Reads it; nothing where the size is true. What takes blocks on a disk is as long as it says. Errors have status 413
/// past the limit, 507 where spools hold too much.
pub(super) fn take(local: &Local, file: &File, stat: &FileStat) -> io::Result<Option<Snapshot>> {
    if stat.st_blocks != 0 || is_size(file, stat)? {
        return Ok(None);
    }
    read_all(local.snapshots, || local.spool(), |buffer, offset| file.read_at(buffer, offset)).map(Some)
}

fn read_all(
    limits: SnapshotLimits,
    begin_spool: impl Fn() -> io::Result<Spool>,
    mut read_at: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<Snapshot> {
    let (mut held, mut size, mut hasher) = (Held::Memory(Vec::new()), 0, Sha256::new());
    let mut buffer = vec![0; BLOCK];
    loop {
        let read = match read_at(&mut buffer, size) {
            Ok(read) => read,
            Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => continue,
            Err(wrong) => return Err(wrong),
        };
        let block = buffer.get(..read).unwrap_or_default();
        size += block.len() as u64;
        if block.is_empty() {
            let digest = hasher.finalize();
            let tag = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            return Ok(Snapshot { held, size, tag });
        }
        if size > limits.size {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        hasher.update(block);
        held = held.with(block, limits, &begin_spool)?;
    }
}

impl Held {
    fn with(
        mut self,
        block: &[u8],
        limits: SnapshotLimits,
        begin_spool: impl Fn() -> io::Result<Spool>,
    ) -> io::Result<Self> {
        if let Held::Memory(bytes) = &mut self {
            if bytes.len() + block.len() <= limits.memory {
                bytes.extend_from_slice(block);
                return Ok(self);
            }
            let mut spool = begin_spool()?;
            append(&mut spool, bytes, limits)?;
            self = Held::Spool(spool);
        }
        if let Held::Spool(spool) = &mut self {
            append(spool, block, limits)?;
        }
        Ok(self)
    }
}

fn append(spool: &mut Spool, block: &[u8], limits: SnapshotLimits) -> io::Result<()> {
    match spool.try_append(block, limits.parts)? {
        true => Ok(()),
        false => Err(Error::status(507, "spool", "no room for a file whose size is not known").into()),
    }
}

impl Snapshot {
    /// How many bytes there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What is known of it: the bytes alone tell whether it is the same.
    pub fn meta(&self) -> Meta {
        let etag = format!("\"{:x}-{}\"", self.size, self.tag);
        Meta { kind: Kind::File, size: self.size, modified: SystemTime::now(), etag }
    }

    /// Reads some bytes from `offset` on; 0 at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.held {
            Held::Spool(spool) => spool.read_at(buffer, offset),
            Held::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                let left = bytes.get(from..).unwrap_or_default();
                let read = left.len().min(buffer.len());
                for (to, byte) in buffer.iter_mut().zip(left) {
                    *to = *byte;
                }
                Ok(read)
            }
        }
    }

    /// Writes all of it.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        let (mut buffer, mut written) = (vec![0; BLOCK], 0);
        while written < self.size {
            let read = self.read_at(&mut buffer, written)?;
            to.write_all(buffer.get(..read).unwrap_or_default())?;
            written += read as u64;
        }
        Ok(())
    }
}

fn is_size(file: &File, stat: &FileStat) -> io::Result<bool> {
    let last = u64::try_from(stat.st_size).unwrap_or_default().saturating_sub(1);
    // Some of /proc hold numbers, and give no part of one.
    let read = if stat.st_size > 0 { file.read_at(&mut [0], last)? } else { file.read_at(&mut [0; 64], 0)? };
    Ok((read > 0) == (stat.st_size > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that lets spools hold so many bytes.
    fn store(spools: u64) -> (tempfile::TempDir, Local) {
        let folder = tempfile::tempdir().unwrap();
        let local = Local::open(folder.path()).unwrap().spooling_at_most(Some(spools));
        (folder, local)
    }

    /// So many bytes, as a file gives them that knows no size, in pieces of any length.
    fn of_size(size: u64) -> impl FnMut(&mut [u8], u64) -> io::Result<usize> {
        move |buffer, offset| {
            let most = buffer.len().min(1 + usize::try_from(offset % 5000).unwrap());
            let read = u64::try_from(most).unwrap().min(size - offset);
            (offset..offset + read).zip(buffer).for_each(|(at, byte)| *byte = (at % 251) as u8);
            Ok(usize::try_from(read).unwrap())
        }
    }

    #[test]
    fn what_is_short_is_in_memory_what_is_long_in_a_spool_and_both_are_whole() {
        let (_folder, local) = store(10 << 20);
        let limits = SnapshotLimits { memory: 10_000, size: 1 << 20, parts: 1 };
        for size in [0, 1, 9_999, 10_000, 10_001, 300_000, 1 << 20] {
            let snapshot = read_all(limits, || local.spool(), of_size(size)).unwrap();
            assert_eq!(matches!(snapshot.held, Held::Memory(_)), size <= 10_000, "{size}");
            assert_eq!((snapshot.size(), snapshot.meta().size), (size, size));
            let mut all = Vec::new();
            snapshot.write_to(&mut all).unwrap();
            assert_eq!(all.len() as u64, size);
            assert!(all.iter().zip(0u64..).all(|(byte, at)| *byte == (at % 251) as u8));
            assert_eq!(snapshot.read_at(&mut [0; 10], size).unwrap(), 0, "the end");
        }
        let tag = |size| read_all(limits, || local.spool(), of_size(size)).unwrap().meta().etag;
        assert_eq!(tag(300_000), tag(300_000));
        assert_ne!(tag(300_000), tag(300_001));
    }

    #[test]
    fn a_file_without_an_end_stops_at_the_limit_of_a_file_or_of_spools_and_gives_all_back() {
        let (_folder, local) = store(1 << 20);
        let endless = |limits| {
            let read = read_all(limits, || local.spool(), |buffer: &mut [u8], _| Ok(buffer.len()));
            Error::io("f", read.err().unwrap()).http_status()
        };
        for _ in 0..3 {
            assert_eq!(endless(SnapshotLimits { memory: 100_000, size: 500_000, parts: 1 }), 413);
            assert_eq!(endless(SnapshotLimits { memory: 100_000, size: u64::MAX, parts: 1 }), 507);
            assert_eq!(endless(SnapshotLimits { memory: 100_000, size: 800_000, parts: 4 }), 507);
        }
        let mut spool = local.spool().unwrap();
        assert!(spool.try_append(&[0; 1 << 20], 1).unwrap(), "what they held is free again");
    }
}
