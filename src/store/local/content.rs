//! The content of a stored file, held open: it stays what it was when its name is replaced or goes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::fdatasync;

use super::digest::Attribute;
use super::engine::Local;
use super::root::{READ, absent, wrong};
use super::snapshot::Snapshot;
use super::{digest, snapshot};
use crate::error::{Error, Result};
use crate::store::contract::{Content, Kind, Meta};
use crate::store::name::Name;

/// An open file and what one `fstat` said of it.
pub(super) struct Opened {
    name: Vec<u8>,
    file: File,
    meta: Meta,
    stat: FileStat,
    kept: Option<Attribute>,
    /// All of it, where its size is not what the system says.
    snapshot: Option<Snapshot>,
    /// Whether nothing is to be kept with it.
    untouched: bool,
    /// Whether a change that it does not show could have come since it was opened.
    is_fresh: bool,
}

/// Opens a regular file. What it is, is asked of the open file: a name can change hands in between.
pub(super) fn open(local: &Local, name: &Name) -> Result<Opened> {
    let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
    let file = local.root.descend(name.components(), READ | kind).map_err(|errno| wrong(name, errno))?;
    let file = File::from(file);
    let look = || fstat(&file).map(|stat| (stat, Attribute::of(&file, &stat)));
    let (stat, kept) = local.settled(name, look).map_err(|errno| wrong(name, errno))?;
    let meta = Meta::of(&stat, kept).ok_or_else(|| absent(name))?;
    match meta.kind {
        Kind::Directory => Err(Error::status(409, name.shown(), "is a directory")),
        Kind::File => {
            let (name, untouched) = (name.shown(), local.untouched);
            let snapshot = snapshot::take(local, &file, &stat).map_err(|wrong| Error::io(&name, wrong))?;
            let meta = snapshot.as_ref().map_or(meta, Snapshot::meta);
            let untouched = untouched || snapshot.is_some();
            Ok(Opened { name, file, meta, stat, kept, snapshot, untouched, is_fresh: true })
        }
    }
}

impl Opened {
    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// All of it, where the file cannot be asked for it.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// Whether nothing was done to it since it was opened.
    pub fn is_unchanged(&self) -> bool {
        fstat(&self.file).is_ok_and(|now| digest::is_unchanged(&now, &self.stat))
    }
}

impl Content for Opened {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    /// An error names the file. One that was cut short since by another program is an error, never an early end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.meta.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let until = left.min(buffer.len());
        let wanted = buffer.get_mut(..until).unwrap_or_default();
        if wanted.is_empty() {
            return Ok(0);
        }
        if let Some(snapshot) = &self.snapshot {
            return snapshot.read_at(wanted, offset);
        }
        match self.file.read_at(wanted, offset) {
            Ok(0) => Err(Error::cut(&self.name, "became shorter while it was read").into()),
            Err(wrong) if wrong.kind() != io::ErrorKind::Interrupted => {
                Err(Error::io(&self.name, wrong).into())
            }
            read => read,
        }
    }

    fn descriptor(&self) -> Option<&File> {
        Some(&self.file).filter(|_| self.snapshot.is_none())
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.kept?.digest
    }

    /// A page that another program has mapped and changed is written to the disk: only then does its next change have
    /// a time of its own.
    fn prepare_digest(&mut self) {
        if !self.untouched {
            let is_written = fdatasync(&self.file).is_ok();
            digest::outwait(&self.stat);
            self.is_fresh = !is_written || digest::is_fresh(&self.stat);
        }
    }

    fn keep_digest(&self, digest: &[u8; 32]) {
        if !self.untouched && !self.is_fresh {
            // That it cannot be kept is no error: it can be taken again.
            let _ = Attribute::new(*digest, self.kept).write_if_unchanged(&self.file, &self.stat);
        }
    }
}
