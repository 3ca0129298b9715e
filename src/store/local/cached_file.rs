//! A small file in memory, or that a name is a directory's, and the proof that it is what a fresh open of its name would
//! find at that moment. Nothing of it is served without that proof.
//!
//! The proof is one stat of the name for a file in the root: the entry is the same inode, with the same size, mtime and
//! ctime. A change of the content, the mode, the owner or the attributes changes the ctime, which no program can set; a
//! rename, a new link and the removal of one do, too. So an unchanged inode has not left the directory it was in.
//!
//! Beneath the root, the directories must be proved as well, since a plain stat follows symbolic links out of the root. For
//! a file in a directory of the root that is a second stat: the entry in the root is that directory itself, no link. Both
//! together are the steps of an open, each with what it found. For a longer path the parent is opened with openat2(2)
//! beneath the root, and the last component looked up in it.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, ResolveFlag};
use nix::sys::stat::{FileStat, fstat, fstatat};
use nix::unistd::fdatasync;

use super::{Attribute, FileId, HANDLE, file_id, is_directory, is_racy, is_unchanged, open_beneath};
use crate::store::{Content, Kind, Meta};

/// A file that was read.
pub(super) struct CachedFile {
    meta: Meta,
    stat: FileStat,
    /// The SHA-256 that is stored with the file, or was computed since.
    digest: OnceLock<[u8; 32]>,
    bytes: Vec<u8>,
    /// The directory in the root that it is in, where its path has two components and no link.
    directory: Option<DirectoryIdentity>,
}

/// An open file that may be read into the cache: what its open has found.
#[derive(Clone, Copy)]
pub(super) struct CacheCandidate<'a> {
    /// The file.
    pub file: &'a File,
    /// Its metadata.
    pub meta: &'a Meta,
    /// Its stat.
    pub stat: &'a FileStat,
    /// Its digest attribute.
    pub attribute: Option<Attribute>,
}

/// What identifies a directory, and who may search it.
type DirectoryIdentity = (FileId, u32, u32, u32);

impl CachedFile {
    /// Reads an open file; `None` where it may have changed since its stat, or where a later change could not be told.
    pub fn read(root: &OwnedFd, components: &[Vec<u8>], opened: CacheCandidate<'_>) -> Option<Self> {
        let CacheCandidate { file, meta, stat, attribute } = opened;
        // Writes back dirty pages of another program's mapping: only then does its next change update the ctime.
        let is_written = meta.kind == Kind::Directory || fdatasync(file).is_ok();
        if !is_written || is_racy(stat) {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(meta.size).ok()?];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let directory = match components {
            [first, _] => directory_identity(root, first),
            _ => None,
        };
        let digest =
            attribute.and_then(|attribute| attribute.digest).map_or_else(OnceLock::new, OnceLock::from);
        let read = CachedFile { meta: meta.clone(), stat: *stat, digest, bytes, directory };
        let is_same = fstat(file).is_ok_and(|now| is_same(&now, stat));
        (is_same && read.is_current(root, components)).then_some(read)
    }

    /// Returns whether it is not a file but a directory, of which nothing more is known.
    pub fn is_directory(&self) -> bool {
        self.meta.kind == Kind::Directory
    }

    /// Returns how many bytes it has.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Returns whether these components lead to it now, and nothing has changed it.
    pub fn is_current(&self, root: &OwnedFd, components: &[Vec<u8>]) -> bool {
        let found = match (components, self.directory) {
            ([last], _) => stat_entry(root, last),
            ([first, _], Some(directory)) => match directory_identity(root, first) == Some(directory) {
                true => stat_entry(root, &components.join(&b'/')),
                false => return false,
            },
            _ => stat_in_parent(root, components),
        };
        found.is_ok_and(|found| is_same(&found, &self.stat))
    }
}

/// Stats the last component in its directory, which is opened beneath the root.
fn stat_in_parent(root: &OwnedFd, components: &[Vec<u8>]) -> nix::Result<FileStat> {
    let (last, above) = components.split_last().ok_or(Errno::ENOENT)?;
    let flags = HANDLE | OFlag::O_DIRECTORY;
    let parent = open_beneath(root, &above.join(&b'/'), flags, ResolveFlag::empty())?;
    stat_entry(&parent, last)
}

/// Stats an entry, following no link at the end of the path.
fn stat_entry(directory: &OwnedFd, path: &[u8]) -> nix::Result<FileStat> {
    fstatat(directory, path, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn directory_identity(root: &OwnedFd, name: &[u8]) -> Option<DirectoryIdentity> {
    let found = stat_entry(root, name).ok().filter(is_directory)?;
    Some((file_id(&found), found.st_mode, found.st_uid, found.st_gid))
}

/// Returns whether two stats are of the same inode, and nothing has changed it in between.
fn is_same(now: &FileStat, before: &FileStat) -> bool {
    file_id(now) == file_id(before)
        && is_unchanged(now, before)
        && (now.st_mode, now.st_uid, now.st_gid, now.st_nlink)
            == (before.st_mode, before.st_uid, before.st_gid, before.st_nlink)
}

impl Content for Arc<CachedFile> {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn reader(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>> {
        let at = |offset| usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        Ok(Box::new(self.bytes.get(at(range.start)..at(range.end)).unwrap_or_default()))
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }

    fn digest(&self) -> Option<[u8; 32]> {
        self.digest.get().copied()
    }

    fn keep_digest(&self, digest: &[u8; 32]) {
        self.digest.get_or_init(|| *digest);
    }
}
