//! A new content on its way to a name: written to a temporary file beside it, then renamed over it.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::time::SystemTime;

use nix::sys::stat::{Mode, fchmod, fstat};
use nix::sys::statvfs::fstatvfs;

use super::beneath::{Place, absent, wrong, wrong_for};
use super::local::Local;
use super::settle::{Comer, judge, settle};
use super::standing::Served;
use super::temporary::Temporary;
use super::walk::errno_of;
use super::{Check, Draft, Kind, Meta, Name, Written};
use crate::error::{Error, Result};

/// A content being written beside its name.
pub(super) struct Upload<'a> {
    local: &'a Local,
    name: Name,
    temporary: Temporary,
}

/// Begins a content. What can never be put under the name is refused now, before a byte is sent.
pub(super) fn begin<'a>(local: &'a Local, name: &Name, size: Option<u64>) -> Result<Upload<'a>> {
    let place = local.root.place_for(name)?;
    let standing = local.root.look(name.components(), &place).map_err(|errno| wrong(name, errno))?;
    judge(Kind::File, name, &standing)?;
    require_room(name, &place, size.unwrap_or_default())?;
    let temporary = Temporary::file(place.parent).map_err(|errno| wrong_for(name, errno))?;
    Ok(Upload { local, name: name.clone(), temporary })
}

impl Upload<'_> {
    /// The file the content is written to.
    pub fn file(&self) -> &std::fs::File {
        self.temporary.handle()
    }

    /// Gives the content other permissions than a new file's, should it replace none.
    pub fn permit(&self, mode: Mode) -> Result<()> {
        fchmod(self.file(), mode).map_err(|errno| wrong(&self.name, errno))
    }

    /// The last look at the finished file before its name points at it. Its time is set here, to the nanosecond:
    /// the kernel's own is coarser than two quick writes, and the entity tag needs them apart.
    fn finish(&self, replaced: Option<&Served>) -> nix::Result<()> {
        if let Some(replaced) = replaced {
            fchmod(self.file(), replaced.permissions)?;
        }
        self.file().set_modified(SystemTime::now()).map_err(errno_of)
    }
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
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
    /// The name is walked again: should its directory have been renamed meanwhile, the content goes where the name
    /// leads now, not where it led.
    fn commit(mut self: Box<Self>, check: Check<'_>) -> Result<Written> {
        let place = self.local.root.place_for(&self.name)?;
        let _held = self.local.locks.hold(vec![place.key()]);
        let comer = Comer {
            place: self.temporary.place(),
            kind: Kind::File,
            is_tree: false,
            prepare: &|replaced| self.finish(replaced),
        };
        let settled = settle(self.local, &comer, &self.name, &place, check)?;
        self.temporary.is_placed();
        let meta = fstat(self.file()).map_err(|errno| wrong(&self.name, errno))?;
        let meta = Meta::of(&meta).ok_or_else(|| absent(&self.name))?;
        Ok(Written { created: settled.created, meta })
    }
}

/// Refuses a content that cannot fit, as far as the file system knows now. Nothing is set aside: a client could
/// claim all room there is with one line.
fn require_room(name: &Name, place: &Place, size: u64) -> Result<()> {
    match room(&place.parent) {
        Ok(room) if room < size => Err(Error::status(507, name.shown(), format!("no room for {size} bytes"))),
        Ok(_) => Ok(()),
        Err(errno) => Err(wrong(name, errno)),
    }
}

/// The room left for files where a directory is, in bytes.
pub(super) fn room(directory: &OwnedFd) -> nix::Result<u64> {
    let room = fstatvfs(directory)?;
    Ok(room.blocks_available().saturating_mul(room.fragment_size()))
}
