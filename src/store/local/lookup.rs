//! What stands under a name, as a client sees it and as a write needs to know it.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, fstat, fstatat};

use super::digest::{Attribute, of_entry, of_handle, read_consistently};
use super::errors::{absent, is_absent, map_errno};
use super::meta::meta_of;
use super::root::{EntryAt, HANDLE, Links, Root};
use super::stat::{FileId, change_time, file_id, is_link};
use super::volume::Volume;
use crate::error::Result;
use crate::store::contract::{Kind, Meta};
use crate::store::name::Name;

/// What a directory entry is.
pub(super) enum Lookup {
    /// Nothing: the name is free.
    Free,
    /// Something that is not there for a client but takes the name: a device, a FIFO, a socket, a link that leads
    /// nowhere or outside.
    Unserved,
    /// A file or a directory.
    Found(Found),
}

/// A file or a directory, or what a link to one leads to.
pub(super) struct Found {
    /// What a client knows of it.
    pub meta: Meta,
    /// Its ctime in nanoseconds.
    pub changed: i128,
    /// The file itself, whatever its names.
    pub file: FileId,
    /// Whether the name itself is a symbolic link.
    pub link: bool,
}

/// Looks up what a name leads to.
pub(super) fn meta(volume: &Volume, name: &Name) -> Result<Meta> {
    let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
    let named = |errno| volume.root.explain_absence(map_errno(name, errno));
    let handle = volume.root.open_beneath(name.components(), HANDLE | kind).map_err(named)?;
    let look = || fstat(&handle).map(|stat| (stat, of_handle(&handle, &stat)));
    let (stat, kept) = stat_consistently(volume, name, look).map_err(named)?;
    meta_of(&stat, kept).ok_or_else(|| absent(name))
}

/// Looks up an entry; `name` leads to it.
pub(super) fn lookup(root: &Root, name: &Name, entry: &EntryAt) -> Result<Lookup> {
    lookup_entry(root, name.components(), entry).map_err(|errno| map_errno(name, errno))
}

/// Looks up an entry of a list once more, under the lock of its name.
pub(super) fn lookup_locked(volume: &Volume, name: &Name) -> nix::Result<Lookup> {
    let Ok(entry) = volume.root.entry_to_write(name, Links::Followed) else { return Ok(Lookup::Free) };
    let _guard = volume.locks.hold(vec![entry.key()]);
    lookup_entry(&volume.root, name.components(), &entry)
}

fn lookup_entry(root: &Root, components: &[Vec<u8>], entry: &EntryAt) -> nix::Result<Lookup> {
    match fstatat(&entry.parent, entry.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => classify(root, components, stat, of_entry(&entry.parent, &entry.last, &stat)),
        Err(Errno::ENOENT) => Ok(Lookup::Free),
        Err(errno) => Err(errno),
    }
}

/// Tells what an entry is to a client. `stat` and `kept` are of the entry itself; where it is a link, it is followed by
/// `components`, which lead to it.
pub(super) fn classify(
    root: &Root,
    components: &[Vec<u8>],
    stat: FileStat,
    kept: Option<Attribute>,
) -> nix::Result<Lookup> {
    let link = is_link(&stat);
    let (stat, kept) = match link {
        true => match root.open_beneath(components, HANDLE) {
            Err(errno) if is_absent(errno) => return Ok(Lookup::Unserved),
            opened => {
                let handle = opened?;
                let stat = fstat(&handle)?;
                (stat, of_handle(&handle, &stat))
            }
        },
        false => (stat, kept),
    };
    Ok(match meta_of(&stat, kept) {
        Some(meta) => Lookup::Found(Found { meta, changed: change_time(&stat), file: file_id(&stat), link }),
        None => Lookup::Unserved,
    })
}

/// Stats a file and reads its digest attribute; once more under the lock of the name where the two do not fit: another
/// thread may be between a rename and the attribute that it writes then.
pub(super) fn stat_consistently(
    volume: &Volume,
    name: &Name,
    look: impl Fn() -> nix::Result<(FileStat, Option<Attribute>)>,
) -> nix::Result<(FileStat, Option<Attribute>)> {
    let looked = look()?;
    if looked.1.is_none_or(|kept| kept.is_true) {
        return Ok(looked);
    }
    let Ok(entry) = volume.root.entry_to_write(name, Links::Followed) else { return Ok(looked) };
    let _guard = volume.locks.hold(vec![entry.key()]);
    read_consistently(look)
}

impl Lookup {
    /// What a client sees there.
    pub fn meta(&self) -> Option<&Meta> {
        self.found().map(|found| &found.meta)
    }

    /// What is there for a client.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Lookup::Found(found) => Some(found),
            Lookup::Free | Lookup::Unserved => None,
        }
    }

    /// What is there for a client, or the error that nothing is.
    pub fn require(&self, name: &Name) -> Result<&Found> {
        self.found().ok_or_else(|| absent(name))
    }
}

impl Found {
    /// Whether the entry itself is a directory, not a link to one.
    pub fn is_tree(&self) -> bool {
        !self.link && self.meta.kind == Kind::Directory
    }
}
