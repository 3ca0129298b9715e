//! The content of a stored file, held open: it stays the same when its name is replaced or deleted.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, fstat};
use nix::unistd::fdatasync;

use super::{
    Attribute, CacheCandidate, ContentSnapshot, FileCache, READ, Volume, absent, digest_writer, is_unchanged,
    map_errno, meta_of, read_consistently, snapshot, stat_content, write_if_unchanged,
};
use crate::error::{Error, Result};
use crate::store::{Content, Kind, Meta, Name};

/// An open file and its stat.
pub(super) struct OpenFile {
    name: Name,
    /// The open file.
    pub file: File,
    meta: Meta,
    stat: FileStat,
    attribute: Option<Attribute>,
    /// The bytes, where `st_size` is wrong.
    pub snapshot: Option<ContentSnapshot>,
    /// See [`Content::read_size`].
    read_size: usize,
    /// Whether no digest may be stored with it.
    read_only: bool,
    /// Whether a change since the open may have left the ctime the same, since the clock is coarse.
    is_fresh: bool,
    /// The cache that is offered the file at the end, when its client has been answered.
    cache: Option<Arc<FileCache>>,
}

/// Opens a regular file.
pub(super) fn open(volume: &Volume, name: &Name) -> Result<OpenFile> {
    let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
    let named = |errno| map_errno(name, errno);
    let open = || volume.root.open_beneath(name.components(), READ | kind).map(File::from);
    let look = |file: &File| stat_content(file, volume.read_size > 0);
    let (file, stat, attribute) = open_consistently(open, look, || volume.lock_name(name)).map_err(named)?;
    let meta = meta_of(&stat, attribute.map(|attribute| attribute.mark)).ok_or_else(|| absent(name))?;
    match meta.kind {
        Kind::Directory => {
            volume.cache.iter().for_each(|cache| {
                cache.offer(name, CacheCandidate { file: &file, meta: &meta, stat: &stat, attribute })
            });
            Err(no_file(name))
        }
        Kind::File => {
            let snapshot = snapshot::take(volume.snapshots, || volume.spools.make(), &file, &stat);
            let snapshot = snapshot.map_err(|error| Error::io(name.shown(), error))?;
            let meta = snapshot.as_ref().map_or(meta, ContentSnapshot::meta);
            let read_only = volume.read_only || snapshot.is_some();
            let (name, read_size) = (name.clone(), volume.read_size);
            Ok(OpenFile {
                name,
                file,
                meta,
                stat,
                attribute,
                snapshot,
                read_size,
                read_only,
                is_fresh: true,
                cache: None,
            })
        }
    }
}

/// Opens a file, stats it and reads its digest attribute; again under the lock of its name where the two do not match: another
/// thread may be between a rename and the write of the attribute that follows it, or may have replaced what was opened,
/// which has changed its ctime. `lock` locks the name, where its directory is still there.
pub(super) fn open_consistently<T, G>(
    open: impl Fn() -> nix::Result<T>,
    look: impl Fn(&T) -> nix::Result<(FileStat, Option<Attribute>)>,
    lock: impl FnOnce() -> nix::Result<Option<G>>,
) -> nix::Result<(T, FileStat, Option<Attribute>)> {
    let opened = open()?;
    let (stat, attribute) = look(&opened)?;
    if attribute.is_none_or(|attribute| attribute.is_current) {
        return Ok((opened, stat, attribute));
    }
    let Some(_guard) = lock()? else { return Ok((opened, stat, attribute)) };
    let opened = open()?;
    let (stat, attribute) = read_consistently(|| look(&opened))?;
    Ok((opened, stat, attribute))
}

/// Returns the error of a directory that is opened as a file.
pub(super) fn no_file(name: &Name) -> Error {
    Error::is_directory(name.shown(), "is a directory")
}

impl OpenFile {
    /// Has a cache offered the file when it is closed.
    pub fn offer_to(&mut self, cache: Option<Arc<FileCache>>) {
        self.cache = cache.filter(|_| self.snapshot.is_none());
    }

    /// Returns whether nothing has changed it since it was opened.
    pub fn is_unchanged(&self) -> bool {
        fstat(&self.file).is_ok_and(|now| is_unchanged(&now, &self.stat))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if let Some(cache) = &self.cache {
            let OpenFile { file, meta, stat, attribute, .. } = self;
            cache.offer(&self.name, CacheCandidate { file, meta, stat, attribute: *attribute });
        }
    }
}

/// Reads a range in order.
struct RangeReader<'a> {
    file: &'a OpenFile,
    /// What is still to be read.
    left: Range<u64>,
}

impl Read for RangeReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end.saturating_sub(self.left.start)).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        let read = self.file.read_at(buffer.get_mut(..most).unwrap_or_default(), self.left.start)?;
        self.left.start += read as u64;
        Ok(read)
    }
}

impl Content for OpenFile {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn reader(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(RangeReader { file: self, left: range }))
    }

    /// Errors name the file. Where another program has truncated it since, the read fails (`Interrupted`) instead of
    /// returning 0.
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
            Ok(0) => Err(Error::interrupted(self.name.shown(), "became shorter while it was read").into()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(Error::io(self.name.shown(), error).into())
            }
            read => read,
        }
    }

    fn read_size(&self) -> usize {
        self.read_size
    }

    fn descriptor(&self) -> Option<&File> {
        Some(&self.file).filter(|_| self.snapshot.is_none())
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.attribute?.digest
    }

    /// Writes back dirty pages of another program's mapping: only then does its next change update the ctime.
    fn prepare_digest(&mut self) {
        if !self.read_only {
            let is_written = fdatasync(&self.file).is_ok();
            digest_writer::outwait(&self.stat);
            self.is_fresh = !is_written || digest_writer::is_fresh(&self.stat);
        }
    }

    fn keep_digest(&self, digest: &[u8; 32]) {
        if !self.read_only && !self.is_fresh {
            // Ignore the error: the digest can be computed again.
            let _ = write_if_unchanged(&Attribute::new(*digest, self.attribute), &self.file, &self.stat);
        }
    }
}
