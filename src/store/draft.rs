//! A new content on its way to a name: written to a temporary file beside it, then renamed over it.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::SystemTime;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::stat::{Mode, fstat};
use nix::sys::statvfs::fstatvfs;

use super::beneath::{Place, absent, wrong, wrong_for};
use super::local::Local;
use super::settle::{Comer, judge, settle};
use super::standing::Served;
use super::stat::{permissions, permit};
use super::temporary::Temporary;
use super::walk::errno_of;
use super::{Check, Draft, Kind, Meta, Name, Written, digest};
use crate::error::{Error, Result};

/// How much is written before the room left is looked at again, in bytes.
const LOOK_EVERY: u64 = 8 << 20;

/// A content being written beside its name.
pub(super) struct Upload<'a> {
    local: &'a Local,
    name: Name,
    temporary: Temporary,
    /// Its SHA-256, where that is known.
    digest: Option<[u8; 32]>,
    /// Its permissions, where it replaces none and they are not a new file's.
    mode: Option<Mode>,
    /// Its length, where that is known.
    size: Option<u64>,
    /// Bytes that may still be written before the room left is looked at again.
    unlooked: u64,
}

/// Begins a content.
pub(super) fn begin<'a>(local: &'a Local, name: &Name, size: Option<u64>) -> Result<Upload<'a>> {
    let place = admit(local, name, size)?;
    let temporary = Temporary::file(place.parent).map_err(|errno| wrong_for(name, errno))?;
    Ok(Upload::over(local, name, temporary, size))
}

/// Refuses now, before a byte is sent, what can never be put under the name.
pub(super) fn admit(local: &Local, name: &Name, size: Option<u64>) -> Result<Place> {
    let place = local.root.place_for(name)?;
    let standing = local.root.look(name.components(), &place).map_err(|errno| wrong(name, errno))?;
    judge(Kind::File, name, &standing)?;
    require_room(local, name, &place.parent, size.unwrap_or_default())?;
    Ok(place)
}

impl<'a> Upload<'a> {
    /// A content in this file.
    pub fn over(local: &'a Local, name: &Name, temporary: Temporary, size: Option<u64>) -> Self {
        Upload { local, name: name.clone(), temporary, digest: None, mode: None, size, unlooked: 0 }
    }

    /// The name it is on its way to.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The file as the temporary it is.
    pub fn temporary(&mut self) -> &mut Temporary {
        &mut self.temporary
    }

    /// The file the content is written to.
    pub fn file(&self) -> &std::fs::File {
        self.temporary.handle()
    }

    /// Takes the room for a content whose length is known when its first byte is there, so that it cannot run out on
    /// the way; of one that may grow without end, looks from time to time whether enough is left.
    fn prepare_room(&mut self, wanted: u64) -> Result<()> {
        if let Some(size) = self.size.take().filter(|size| *size > 0) {
            // Others may have taken it since the upload began.
            require_room(self.local, &self.name, self.file(), size)?;
            self.preallocate(size)?;
            self.unlooked = size;
        }
        if self.unlooked < wanted && self.local.keep_free > 0 {
            let spare = require_room(self.local, &self.name, self.file(), wanted)?;
            self.unlooked = spare.min(LOOK_EVERY.max(wanted));
        }
        self.unlooked = self.unlooked.saturating_sub(wanted);
        Ok(())
    }

    fn preallocate(&self, size: u64) -> Result<()> {
        let keep = FallocateFlags::FALLOC_FL_KEEP_SIZE;
        match fallocate(self.file(), keep, 0, i64::try_from(size).unwrap_or(i64::MAX)) {
            // Not every file system can.
            Ok(()) | Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINTR) => Ok(()),
            Err(errno) => Err(wrong(&self.name, errno)),
        }
    }

    /// Has on the disk what was written so far, and the name it is found by until it has its own.
    pub fn settle(&self) -> nix::Result<()> {
        self.local.durability.content(self.file())?;
        self.local.durability.entry(self.temporary.place())
    }

    /// Gives the content other permissions than a new file's, should it replace none.
    pub fn permit(&mut self, mode: Mode) {
        self.mode = Some(mode);
    }

    /// Makes the content whole on the disk before its name points at it, so that a crash finds the old one or the
    /// new one. Its time is set here, to the nanosecond: the kernel's own is coarser than two quick writes, and the
    /// entity tag needs them apart.
    fn finish(&self, replaced: Option<&Served>) -> nix::Result<()> {
        match self.file().set_modified(SystemTime::now()).map_err(errno_of) {
            // On a disk that belongs to another user as a whole (FAT), it has the kernel's.
            Err(Errno::EPERM) => {}
            set => set?,
        }
        if let Some(digest) = &self.digest {
            digest::write(self.file(), &fstat(self.file())?, digest);
        }
        // Last, for nothing can be kept with a file that not even its owner may write.
        if let Some(mode) = replaced.map(|replaced| replaced.permissions).or(self.mode) {
            permit(self.file(), mode)?;
        }
        self.local.durability.content(self.file())
    }

    /// Finishes once more in the rare case that another file came under the name meanwhile.
    fn finish_again(&self, replaced: Option<&Served>) -> nix::Result<()> {
        match replaced {
            Some(replaced) if permissions(&fstat(self.file())?) != replaced.permissions => {
                self.finish(Some(replaced))
            }
            _ => Ok(()),
        }
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.prepare_room(bytes.len() as u64)?;
        self.file().write(bytes).map_err(|wrong| match wrong.kind() {
            io::ErrorKind::Interrupted => wrong,
            _ => Error::io(self.name.shown(), wrong).into(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Draft for Upload<'_> {
    fn set_digest(&mut self, digest: [u8; 32]) {
        self.digest = Some(digest);
    }

    /// The name is walked again: should its directory have been renamed meanwhile, the content goes where the name
    /// leads now, not where it led.
    fn commit(mut self: Box<Self>, check: Check<'_>) -> Result<Written> {
        let place = self.local.root.place_for(&self.name)?;
        let named = |errno| wrong(&self.name, errno);
        let standing = self.local.root.look(self.name.components(), &place).map_err(named)?;
        self.finish(standing.served()).map_err(named)?;
        let held = self.local.locks.hold(vec![place.key()]);
        let comer = Comer {
            place: self.temporary.place(),
            kind: Kind::File,
            is_tree: false,
            leads_to: None,
            prepare: &|replaced| self.finish_again(replaced),
        };
        let settled = settle(self.local, &comer, &self.name, &place, check)?;
        self.temporary.stay();
        drop(held);
        self.local.durability.entry(&place).map_err(|errno| wrong(&self.name, errno))?;
        let meta = fstat(self.file()).map_err(|errno| wrong(&self.name, errno))?;
        let meta = Meta::of(&meta).ok_or_else(|| absent(&self.name))?;
        Ok(Written { created: settled.created, meta })
    }
}

/// Refuses a content that cannot fit, as far as the file system knows now; else says how much could. Nothing is set
/// aside yet: a client could claim all room there is with one line.
pub(super) fn require_room(local: &Local, name: &Name, on: impl AsFd, size: u64) -> Result<u64> {
    let room = room(on).map_err(|errno| wrong(name, errno))?;
    match room.saturating_sub(local.keep_free) {
        spare if spare < size => Err(Error::status(507, name.shown(), format!("no room for {size} bytes"))),
        spare => Ok(spare),
    }
}

/// The room left for files where something is, in bytes.
pub(super) fn room(on: impl AsFd) -> nix::Result<u64> {
    let room = fstatvfs(on)?;
    Ok(room.blocks_available().saturating_mul(room.fragment_size()))
}
