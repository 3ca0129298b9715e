//! Spools: unlinked files for data of a request that does not fit into memory. Their disk space is reserved in the same
//! account as that of all writes (`space`).

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::{Mode, fstat};
use parking_lot::RwLock;

use super::{Reservation, Space, SpoolShare, step_after, unlinked_file};
use crate::error::Error;

/// Makes spools in one directory.
#[derive(Clone)]
pub struct Spools {
    /// The account that they reserve disk space in.
    pub(super) space: Space,
    directory: Arc<RwLock<OwnedFd>>,
    /// Whether the directory is the root of the store, and follows it after a reload.
    is_at_root: bool,
}

/// One spool. Removed when dropped.
pub struct SpoolFile {
    file: File,
    reservation: Reservation,
    share: SpoolShare,
    size: u64,
    /// Bytes that may be written before more space is reserved.
    ahead: u64,
}

impl Spools {
    /// Makes them at the root of a store.
    pub(super) fn at_root(root: OwnedFd) -> Self {
        Spools { space: Space::default(), directory: Arc::new(RwLock::new(root)), is_at_root: true }
    }

    /// Makes them in another directory.
    pub(super) fn move_to(&mut self, directory: OwnedFd) {
        (self.directory, self.is_at_root) = (Arc::new(RwLock::new(directory)), false);
    }

    /// Follows the root to another directory after a reload, where spools are at the root.
    pub(super) fn follow_root(&self, root: OwnedFd) {
        if self.is_at_root {
            *self.directory.write() = root;
        }
    }

    /// Makes an empty spool.
    pub fn make(&self) -> io::Result<SpoolFile> {
        let directory = self.directory.read();
        let file = match unlinked_file(&directory, Mode::S_IRUSR | Mode::S_IWUSR) {
            // Not the client's fault: not `Forbidden`.
            Err(errno @ (Errno::EACCES | Errno::EPERM | Errno::EROFS)) => {
                return Err(Error::internal("spool", errno.desc().to_lowercase()).into());
            }
            made => made?,
        };
        let (reservation, share) = (self.space.reservation(fstat(&file)?.st_dev), self.space.share());
        Ok(SpoolFile { file, reservation, share, size: 0, ahead: 0 })
    }
}

impl SpoolFile {
    /// Appends bytes. `NoSpace` where the spools or the disk are full.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.append_within(bytes, 1)? {
            true => Ok(()),
            false => Err(Error::no_space("spool", "no room to work in").into()),
        }
    }

    /// Appends bytes; false where there is no space, or the file would exceed a limit of the system: the spool is then
    /// unchanged. It may take at most `1/parts` of the limit of all spools.
    pub fn try_append(&mut self, bytes: &[u8], parts: u64) -> io::Result<bool> {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match self.append_within(bytes, parts) {
            Err(error) if matches!(error.kind(), FileTooLarge | QuotaExceeded | StorageFull) => {
                // Some of them may have been written.
                self.file.set_len(self.size).map(|()| false)
            }
            appended => appended,
        }
    }

    fn append_within(&mut self, bytes: &[u8], parts: u64) -> io::Result<bool> {
        if !self.prepare_room(bytes.len() as u64, parts)? {
            return Ok(false);
        }
        self.file.write_all_at(bytes, self.size)?;
        let written = bytes.len() as u64;
        self.reservation.spend(written);
        (self.size, self.ahead) = (self.size + written, self.ahead - written);
        Ok(true)
    }

    fn prepare_room(&mut self, wanted: u64, parts: u64) -> nix::Result<bool> {
        let Some(least) = wanted.checked_sub(self.ahead).filter(|least| *least > 0) else { return Ok(true) };
        // One step ahead where there is space, else what is needed now.
        for bytes in [least.max(step_after(self.size)), least] {
            if !self.share.grow(self.file.as_fd(), bytes, parts)? {
                continue;
            }
            if self.reservation.grow(self.file.as_fd(), bytes, bytes)?.is_some() {
                self.ahead += bytes;
                return Ok(true);
            }
            self.share.shrink(bytes);
        }
        Ok(false)
    }

    /// Returns how many bytes it holds.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads some bytes from `offset` on; 0 at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    /// Empties it and frees its disk space.
    pub fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.reservation.spend(self.ahead);
        self.share.clear();
        (self.size, self.ahead) = (0, 0);
        Ok(())
    }
}
