//! Looks up what exists under a name, as a client sees it and as a write needs it; and makes the metadata of a file from one
//! stat.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, SFlag};

use super::{
    Attribute, EntryAt, FileId, HANDLE, Links, Root, Volume, absent, change_time, file_id, file_type,
    is_absent, is_link, map_errno, modification_time, modified, of_entry, read_consistently, size_of,
    stat_handle,
};
use crate::error::Result;
use crate::store::{Kind, Meta, Name};

/// The result of a look-up.
pub(super) enum Lookup {
    /// Nothing: the name is free.
    Free,
    /// Something that clients do not see but that occupies the name: a device, a FIFO, a socket, a link that leads
    /// nowhere or outside.
    Unserved,
    /// A file or a directory.
    Found(Found),
}

/// A file or a directory, perhaps through a symbolic link.
pub(super) struct Found {
    /// Its metadata for clients.
    pub meta: Meta,
    /// Its ctime in nanoseconds.
    changed: i128,
    /// Its inode, whatever its names.
    pub file: FileId,
    /// Whether the name itself is a symbolic link.
    pub link: bool,
}

/// Looks up what a name leads to.
pub(super) fn meta(volume: &Volume, name: &Name) -> Result<Meta> {
    let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
    let named = |errno| volume.root.explain_absence(map_errno(name, errno));
    let handle = volume.root.open_beneath(name.components(), HANDLE | kind).map_err(named)?;
    let (stat, kept) = stat_consistently(volume, name, || stat_handle(&handle)).map_err(named)?;
    meta_of(&stat, kept).ok_or_else(|| absent(name))
}

/// Looks up the entry in which a write to a name takes place.
pub(super) fn look_up_to_write(volume: &Volume, name: &Name, links: Links) -> Result<(EntryAt, Lookup)> {
    let entry = volume.root.entry_to_write(name, links)?;
    let existing = lookup(&volume.root, name, &entry)?;
    Ok((entry, existing))
}

/// Looks up an entry; `name` leads to it.
pub(super) fn lookup(root: &Root, name: &Name, entry: &EntryAt) -> Result<Lookup> {
    lookup_entry(root, name.components(), entry).map_err(|errno| map_errno(name, errno))
}

/// Looks up an entry of a list again, under the lock of its name.
pub(super) fn lookup_locked(volume: &Volume, name: &Name) -> nix::Result<Lookup> {
    let Ok(entry) = volume.root.entry_to_write(name, Links::Followed) else { return Ok(Lookup::Free) };
    let _guard = volume.hold(&[&entry])?;
    lookup_entry(&volume.root, name.components(), &entry)
}

fn lookup_entry(root: &Root, components: &[Vec<u8>], entry: &EntryAt) -> nix::Result<Lookup> {
    match entry.stat() {
        Ok(stat) => classify(root, components, stat, of_entry(&entry.parent, &entry.last, &stat)),
        Err(Errno::ENOENT) => Ok(Lookup::Free),
        Err(errno) => Err(errno),
    }
}

/// Classifies an entry. `stat` and `kept` are of the entry itself; where it is a symbolic link, its target is looked up
/// by `components`, the path of the entry.
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
            opened => stat_handle(&opened?)?,
        },
        false => (stat, kept),
    };
    Ok(match meta_of(&stat, kept) {
        Some(meta) => Lookup::Found(Found { meta, changed: change_time(&stat), file: file_id(&stat), link }),
        None => Lookup::Unserved,
    })
}

/// Stats a file and reads its digest attribute; again under the lock of the name where the two do not match: another
/// thread may be between a rename and the write of the attribute that follows it.
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
    let _guard = volume.hold(&[&entry])?;
    read_consistently(look)
}

impl Lookup {
    /// The metadata of what a client sees there.
    pub fn meta(&self) -> Option<&Meta> {
        self.found().map(|found| &found.meta)
    }

    /// What a client sees there.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Lookup::Found(found) => Some(found),
            Lookup::Free | Lookup::Unserved => None,
        }
    }

    /// See [`Lookup::found`].
    pub fn into_found(self) -> Option<Found> {
        if let Lookup::Found(found) = self { Some(found) } else { None }
    }

    /// What a client sees there, or the error `NotFound`.
    pub fn require(self, name: &Name) -> Result<Found> {
        self.into_found().ok_or_else(|| absent(name))
    }
}

impl Found {
    /// What changes with the content or any attribute: the identity and the ctime.
    pub fn version(&self) -> (FileId, i128) {
        (self.file, self.changed)
    }

    /// Whether the entry itself is a directory, not a link to one.
    pub fn is_tree(&self) -> bool {
        !self.link && self.meta.kind == Kind::Directory
    }
}

/// Makes it from a stat and the digest attribute; `None` where it is neither a regular file nor a directory.
pub(super) fn meta_of(stat: &FileStat, kept: Option<Attribute>) -> Option<Meta> {
    let (kind, size) = match file_type(stat) {
        SFlag::S_IFREG => (Kind::File, size_of(stat)),
        SFlag::S_IFDIR => (Kind::Directory, 0),
        _ => return None,
    };
    Some(Meta { kind, size, modified: modified(stat), etag: etag(stat, kept) })
}

/// Makes the entity tag. The inode number distinguishes replaced files, size and mtime those written in place, the mark
/// those whose mtime was set back. The ctime is not part of it: a rename changes it, but no byte.
fn etag(stat: &FileStat, kept: Option<Attribute>) -> String {
    let mark = kept.map(|kept| kept.mark).filter(|mark| *mark != 0);
    let mark = mark.map(|mark| format!("-c{mark:x}")).unwrap_or_default();
    format!("\"{:x}-{:x}-{:x}{mark}\"", stat.st_ino, stat.st_size, modification_time(stat))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn stat(change: impl FnOnce(&mut FileStat)) -> FileStat {
        let mut stat = nix::sys::stat::fstat(std::fs::File::open("Cargo.toml").unwrap()).unwrap();
        (stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec) = (0x1a, 0x400, 1, 5);
        change(&mut stat);
        stat
    }

    #[test]
    fn the_tag_is_of_inode_size_time_and_mark() {
        let plain = |change: fn(&mut FileStat)| etag(&stat(change), None);
        assert_eq!(plain(|_| ()), "\"1a-400-3b9aca05\"");
        let marked = |mark| etag(&stat(|_| ()), Some(Attribute { digest: None, mark, is_true: true }));
        assert_eq!((marked(0), marked(0x1f)), (plain(|_| ()), "\"1a-400-3b9aca05-c1f\"".to_owned()));
        let others: [fn(&mut FileStat); 4] = [
            |stat| stat.st_ino += 1,
            |stat| stat.st_size += 1,
            |stat| stat.st_mtime += 1,
            |stat| {
                stat.st_mtime_nsec += 1;
            },
        ];
        for change in others {
            assert_ne!(plain(change), plain(|_| ()));
        }
        assert_eq!(plain(|stat| stat.st_ctime += 1), plain(|_| ()));
    }

    #[test]
    fn a_time_before_1970_is_kept() {
        let before = stat(|stat| (stat.st_mtime, stat.st_mtime_nsec) = (-2, 500_000_000));
        assert_eq!(modified(&before), UNIX_EPOCH - Duration::from_millis(1500));
    }

    #[test]
    fn only_regular_files_and_directories_are_served() {
        let rows = [
            (SFlag::S_IFREG, Some(Kind::File)),
            (SFlag::S_IFDIR, Some(Kind::Directory)),
            (SFlag::S_IFIFO, None),
            (SFlag::S_IFSOCK, None),
            (SFlag::S_IFCHR, None),
            (SFlag::S_IFBLK, None),
            (SFlag::S_IFLNK, None),
        ];
        for (kind, found) in rows {
            let meta = meta_of(&stat(|stat| stat.st_mode = kind.bits() | 0o644), None);
            assert_eq!(meta.map(|meta| meta.kind), found, "{kind:?}");
        }
    }
}
