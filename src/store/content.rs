//! The content of a stored file, held open: it stays what it was when its name is replaced or goes.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, fstat};

use super::beneath::{READ, absent, wrong};
use super::local::Local;
use super::{Content, Kind, Meta, Name, digest};
use crate::error::{Error, Result};

/// An open file and what one `fstat` said of it.
pub(super) struct Opened {
    name: Vec<u8>,
    file: File,
    meta: Meta,
    stat: FileStat,
    /// Whether nothing is to be kept with it.
    untouched: bool,
}

/// Opens a regular file. What it is, is asked of the open file: a name can change hands in between.
pub(super) fn open(local: &Local, name: &Name) -> Result<Opened> {
    let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
    let file = local.root.descend(name.components(), READ | kind).map_err(|errno| wrong(name, errno))?;
    let stat = fstat(&file).map_err(|errno| wrong(name, errno))?;
    let meta = Meta::of(&stat).ok_or_else(|| absent(name))?;
    match meta.kind {
        Kind::Directory => Err(Error::status(409, name.shown(), "is a directory")),
        Kind::File => {
            Ok(Opened { name: name.shown(), file: file.into(), meta, stat, untouched: local.untouched })
        }
    }
}

impl Opened {
    /// The open file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// All the system knows of it.
    pub fn stat(&self) -> &FileStat {
        &self.stat
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
        match self.file.read_at(wanted, offset) {
            Ok(0) => Err(Error::cut(&self.name, "became shorter while it was read").into()),
            Err(wrong) if wrong.kind() != io::ErrorKind::Interrupted => {
                Err(Error::io(&self.name, wrong).into())
            }
            read => read,
        }
    }

    fn descriptor(&self) -> Option<&File> {
        Some(&self.file)
    }

    fn digest(&self) -> Option<[u8; 32]> {
        digest::read(&self.file, &self.stat)
    }

    fn keep_digest(&self, digest: &[u8; 32]) {
        if !self.untouched {
            digest::write(&self.file, &self.stat, digest);
        }
    }
}
