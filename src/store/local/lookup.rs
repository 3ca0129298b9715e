//! Looks up what exists under a name, as a client sees it and as a write needs it.

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, fstat};

use super::{
    Attribute, EntryAt, FileId, HANDLE, Links, Root, Volume, absent, change_time, file_id, is_absent,
    is_link, map_errno, meta_of, of_entry, open_consistently, stat_handle,
};
use crate::error::Result;
use crate::store::{DiskSpace, Kind, Meta, Name};

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
    /// Whether nothing has changed the file since its digest attribute was written, where it has one.
    is_current: bool,
}

/// Looks up what a name leads to.
pub(super) fn meta(volume: &Volume, name: &Name) -> Result<Meta> {
    let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
    let named = |errno| volume.root.explain_absence(map_errno(name, errno));
    let open = || volume.root.open_beneath(name.components(), HANDLE | kind);
    let (_, stat, attribute) =
        open_consistently(open, stat_handle, || volume.lock_name(name)).map_err(named)?;
    meta_of(&stat, attribute.map(|attribute| attribute.mark)).ok_or_else(|| absent(name))
}

/// Looks up the disk space beneath a directory; `None` where the file system does not tell it.
pub(super) fn disk_space(volume: &Volume, directory: &Name) -> Result<Option<DiskSpace>> {
    let opened = volume.root.open_beneath(directory.components(), HANDLE | OFlag::O_DIRECTORY);
    let space = opened.and_then(|handle| volume.space().disk_space(&handle, fstat(&handle)?.st_dev));
    space.map_err(|errno| map_errno(directory, errno))
}

/// Looks up the entry in which a write to a name takes place.
pub(super) fn look_up_to_write(volume: &Volume, name: &Name, links: Links) -> Result<(EntryAt, Lookup)> {
    let entry = volume.root.entry_to_write(name, links)?;
    let existing = lookup_unlocked(volume, name, &entry)?;
    Ok((entry, existing))
}

/// Looks up an entry whose name the caller has not locked: again under its lock where the digest attribute does not fit,
/// since another thread may be between a rename and the write of the attribute that follows it.
pub(super) fn lookup_unlocked(volume: &Volume, name: &Name, entry: &EntryAt) -> Result<Lookup> {
    let existing = lookup(&volume.root, name, entry)?;
    if existing.found().is_none_or(|found| found.is_current) {
        return Ok(existing);
    }
    let _guard = volume.lock_names(&[entry]).map_err(|errno| map_errno(name, errno))?;
    lookup(&volume.root, name, entry)
}

/// Looks up an entry under the lock of its name; `name` leads to it.
pub(super) fn lookup(root: &Root, name: &Name, entry: &EntryAt) -> Result<Lookup> {
    lookup_entry(root, name.components(), entry).map_err(|errno| map_errno(name, errno))
}

/// Looks up an entry of a list again, under the lock of its name.
pub(super) fn lookup_locked(volume: &Volume, name: &Name) -> nix::Result<Lookup> {
    let Ok(entry) = volume.root.entry_to_write(name, Links::Followed) else { return Ok(Lookup::Free) };
    let _guard = volume.lock_names(&[&entry])?;
    lookup_entry(&volume.root, name.components(), &entry)
}

fn lookup_entry(root: &Root, components: &[Vec<u8>], entry: &EntryAt) -> nix::Result<Lookup> {
    match entry.stat() {
        Ok(stat) => classify(root, components, stat, of_entry(&entry.parent, &entry.last, &stat)),
        Err(Errno::ENOENT) => Ok(Lookup::Free),
        Err(errno) => Err(errno),
    }
}

/// Classifies an entry. `stat` and `attribute` are of the entry itself; where it is a symbolic link, its target is looked up
/// by `components`, the path of the entry.
pub(super) fn classify(
    root: &Root,
    components: &[Vec<u8>],
    stat: FileStat,
    attribute: Option<Attribute>,
) -> nix::Result<Lookup> {
    let link = is_link(&stat);
    let (stat, attribute) = match link {
        true => match root.open_beneath(components, HANDLE) {
            Err(errno) if is_absent(errno) => return Ok(Lookup::Unserved),
            opened => stat_handle(&opened?)?,
        },
        false => (stat, attribute),
    };
    let is_current = attribute.is_none_or(|attribute| attribute.is_current);
    Ok(match meta_of(&stat, attribute.map(|attribute| attribute.mark)) {
        Some(meta) => {
            let (changed, file) = (change_time(&stat), file_id(&stat));
            Lookup::Found(Found { meta, changed, file, link, is_current })
        }
        None => Lookup::Unserved,
    })
}

impl Lookup {
    /// Returns the metadata of what a client sees there.
    pub fn meta(&self) -> Option<&Meta> {
        self.found().map(|found| &found.meta)
    }

    /// Returns what a client sees there.
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

    /// Returns what a client sees there, or the error `NotFound`.
    pub fn require(self, name: &Name) -> Result<Found> {
        self.into_found().ok_or_else(|| absent(name))
    }
}

impl Found {
    /// Returns what changes with the content or any attribute: the identity and the ctime.
    pub fn version(&self) -> (FileId, i128) {
        (self.file, self.changed)
    }

    /// Returns whether the entry itself is a directory, not a link to one.
    pub fn is_tree(&self) -> bool {
        !self.link && self.meta.kind == Kind::Directory
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Barrier;
    use std::thread;

    use super::*;
    use crate::store::local::store_digest;

    #[test]
    fn a_file_whose_digest_attribute_is_about_to_be_renewed_has_its_tag() {
        let folder = tempfile::tempdir().unwrap();
        let (path, volume) = (folder.path().join("f"), Volume::open(folder.path()).unwrap());
        let file = fs::File::create(&path).unwrap();
        store_digest(&file, [7; 32]).unwrap();
        let name = Name::new(vec![b"f".to_vec()], false).unwrap();
        let tag = meta(&volume, &name).unwrap().etag;
        for mode in 0..500 {
            let (entry, start) =
                (volume.root.entry_to_write(&name, Links::Followed).unwrap(), Barrier::new(2));
            let guard = volume.lock_names(&[&entry]).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600 + mode % 2)).unwrap();
            thread::scope(|scope| {
                let looking = scope.spawn(|| {
                    start.wait();
                    let (_, looked) = look_up_to_write(&volume, &name, Links::Followed).unwrap();
                    looked.meta().unwrap().etag.clone()
                });
                start.wait();
                store_digest(&file, [7; 32]).unwrap();
                drop(guard);
                assert_eq!(looking.join().unwrap(), tag);
            });
        }
    }
}
