//! Snapshots of files whose `st_size` is wrong: in /proc it is 0 for files with content, in /sys a page for shorter
//! files, and some FUSE file systems do the same. Such a file is read to its end once, when it is opened: a short one
//! into memory, a longer one into a spool.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use nix::sys::stat::FileStat;
use sha2::{Digest, Sha256};

use super::{SpoolFile, size_of};
use crate::error::Error;
use crate::io_block::IoBlock;
use crate::store::{Kind, Meta};

/// Bytes per read.
const BLOCK: usize = 64 << 10;

/// Limits of snapshots.
#[derive(Clone, Copy)]
pub(super) struct SnapshotLimits {
    /// The largest snapshot in memory, in bytes; a larger one is held in a spool.
    pub memory: usize,
    /// The largest snapshot, in bytes.
    pub size: u64,
    /// One snapshot may take `1/parts` of the limit of all spools together.
    pub parts: u64,
}

impl Default for SnapshotLimits {
    fn default() -> Self {
        SnapshotLimits { memory: BLOCK, size: u64::MAX, parts: 1 }
    }
}

/// The bytes of such a file at the time it was opened.
pub(super) struct ContentSnapshot {
    held: SnapshotBuffer,
    size: u64,
    /// The first bytes of their SHA-256.
    tag: String,
}

enum SnapshotBuffer {
    Memory(Vec<u8>),
    Spool(SpoolFile),
}

/// Takes a snapshot where `st_size` is wrong; that of a file with blocks on a disk is right. An error past the limit;
/// `NoSpace` where the spools are full.
pub(super) fn take(
    limits: SnapshotLimits,
    make_spool: impl Fn() -> io::Result<SpoolFile>,
    file: &File,
    stat: &FileStat,
) -> io::Result<Option<ContentSnapshot>> {
    if stat.st_blocks != 0 || is_size(file, stat)? {
        return Ok(None);
    }
    read_all(limits, make_spool, |buffer, offset| file.read_at(buffer, offset)).map(Some)
}

fn read_all(
    limits: SnapshotLimits,
    make_spool: impl Fn() -> io::Result<SpoolFile>,
    mut read_at: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<ContentSnapshot> {
    let (mut held, mut size, mut hasher) = (SnapshotBuffer::Memory(Vec::new()), 0, Sha256::new());
    let mut buffer = IoBlock::new(BLOCK);
    loop {
        let read = match read_at(&mut buffer, size) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let block = buffer.get(..read).unwrap_or_default();
        size += block.len() as u64;
        if block.is_empty() {
            let digest = hasher.finalize();
            let tag = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            return Ok(ContentSnapshot { held, size, tag });
        }
        if size > limits.size {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        hasher.update(block);
        held.push(block, limits, &make_spool)?;
    }
}

impl SnapshotBuffer {
    /// Adds bytes; in a spool once they exceed the limit of memory.
    fn push(
        &mut self,
        block: &[u8],
        limits: SnapshotLimits,
        make_spool: impl Fn() -> io::Result<SpoolFile>,
    ) -> io::Result<()> {
        match self {
            SnapshotBuffer::Memory(bytes) if bytes.len() + block.len() <= limits.memory => {
                bytes.extend_from_slice(block);
            }
            SnapshotBuffer::Memory(bytes) => {
                let mut spool = make_spool()?;
                append(&mut spool, bytes, limits)?;
                append(&mut spool, block, limits)?;
                *self = SnapshotBuffer::Spool(spool);
            }
            SnapshotBuffer::Spool(spool) => append(spool, block, limits)?,
        }
        Ok(())
    }
}

fn append(spool: &mut SpoolFile, block: &[u8], limits: SnapshotLimits) -> io::Result<()> {
    match spool.try_append(block, limits.parts)? {
        true => Ok(()),
        false => Err(Error::no_space("spool", "no room for a file whose size is not known").into()),
    }
}

impl ContentSnapshot {
    /// Returns how many bytes there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns its metadata. The entity tag depends on the bytes alone.
    pub fn meta(&self) -> Meta {
        let etag = format!("\"{:x}-{}\"", self.size, self.tag);
        Meta { kind: Kind::File, size: self.size, modified: SystemTime::now(), etag }
    }

    /// Reads some bytes at `offset`; 0 at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match &self.held {
            SnapshotBuffer::Spool(spool) => spool.read_at(buffer, offset),
            SnapshotBuffer::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                bytes.get(from..).unwrap_or_default().read(buffer)
            }
        }
    }

    /// Writes all bytes to `to`.
    pub fn write_to(&self, to: &mut impl Write) -> io::Result<()> {
        let (mut buffer, mut written) = (IoBlock::new(BLOCK), 0);
        while written < self.size {
            let read = self.read_at(&mut buffer, written)?;
            to.write_all(buffer.get(..read).unwrap_or_default())?;
            written += read as u64;
        }
        Ok(())
    }
}

fn is_size(file: &File, stat: &FileStat) -> io::Result<bool> {
    let last = size_of(stat).saturating_sub(1);
    // Some files of /proc return no part of a number: the buffer must fit the whole of it.
    let read = if stat.st_size > 0 { file.read_at(&mut [0], last)? } else { file.read_at(&mut [0; 64], 0)? };
    Ok((read > 0) == (stat.st_size > 0))
}

#[cfg(test)]
mod tests {
    use super::super::spool::Spools;
    use super::*;
    use crate::error::ErrorKind;

    /// Makes spools that may hold `most` bytes together.
    fn spools(most: u64) -> impl Fn() -> io::Result<SpoolFile> {
        let folder = tempfile::tempdir().unwrap();
        let mut spools = Spools::at_root(File::open(folder.path()).unwrap().into());
        spools.space.max_spool = Some(most);
        move || {
            assert!(folder.path().exists());
            spools.make()
        }
    }

    /// Makes a reader of so many bytes, in reads of any length.
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
        let make_spool = spools(10 << 20);
        let limits = SnapshotLimits { memory: 10_000, size: 1 << 20, parts: 1 };
        for size in [0, 1, 9_999, 10_000, 10_001, 300_000, 1 << 20] {
            let snapshot = read_all(limits, &make_spool, of_size(size)).unwrap();
            assert_eq!(matches!(snapshot.held, SnapshotBuffer::Memory(_)), size <= 10_000, "{size}");
            assert_eq!((snapshot.size(), snapshot.meta().size), (size, size));
            let mut all = Vec::new();
            snapshot.write_to(&mut all).unwrap();
            assert_eq!(all.len() as u64, size);
            assert!(all.iter().zip(0u64..).all(|(byte, at)| *byte == (at % 251) as u8));
            assert_eq!(snapshot.read_at(&mut [0; 10], size).unwrap(), 0, "the end");
        }
        let tag = |size| read_all(limits, &make_spool, of_size(size)).unwrap().meta().etag;
        assert_eq!(tag(300_000), tag(300_000));
        assert_ne!(tag(300_000), tag(300_001));
    }

    #[test]
    fn a_file_without_an_end_stops_at_the_limit_of_a_file_or_of_spools_and_gives_all_back() {
        let make_spool = spools(1 << 20);
        let endless = |limits| {
            let read = read_all(limits, &make_spool, |buffer: &mut [u8], _| Ok(buffer.len()));
            Error::io("f", read.err().unwrap()).kind()
        };
        for _ in 0..3 {
            assert_eq!(
                endless(SnapshotLimits { memory: 100_000, size: 500_000, parts: 1 }),
                ErrorKind::TooLarge
            );
            assert_eq!(
                endless(SnapshotLimits { memory: 100_000, size: u64::MAX, parts: 1 }),
                ErrorKind::NoSpace
            );
            assert_eq!(
                endless(SnapshotLimits { memory: 100_000, size: 800_000, parts: 4 }),
                ErrorKind::NoSpace
            );
        }
        let mut spool = make_spool().unwrap();
        assert!(spool.try_append(&[0; 1 << 20], 1).unwrap(), "what they held is free again");
    }
}
