//! Lists directories as a client sees them: a link that stays beneath the root is listed as its target; what is not
//! served, and the daemon's own files, are omitted.

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};

use super::{
    Attribute, DIRECTORY, HANDLE, Volume, Walk, classify, entry_stat, is_absent, is_link, lookup_locked,
    map_errno, meta_of, properties_of_handle, stat_and_digest, stat_digest_and_properties, type_alone, walk,
};
use crate::error::Result;
use crate::store::{Detail, Entries, Entry, EntryStat, Kind, Meta, Name, RESERVED};

/// Lists a directory lazily. It is an error if the daemon may not read or search it; directories beneath it of which that
/// is true, or whose paths are longer than PATH_MAX, are listed without their entries.
pub(super) fn list<'a>(
    volume: &'a Volume,
    name: &Name,
    recursive: bool,
    detail: Detail,
) -> Result<Entries<'a>> {
    let named = |errno| map_errno(name, errno);
    let base = volume.root.open_beneath(name.components(), DIRECTORY).map_err(named)?;
    // Without the permission to search it, each of its entries would be omitted, and it would seem to be empty.
    fstatat(&base, ".", AtFlags::empty()).map_err(named)?;
    Ok(match detail {
        Detail::Names => {
            let walk = Walk::new(base, recursive, type_alone).map_err(named)?;
            Box::new(entries(walk, name.clone(), move |path, file_type| {
                let kind = kind_of(volume, path, file_type)?;
                Ok(kind.map(|kind| Known { kind, stat: None, meta: None, properties: Vec::new() }))
            }))
        }
        Detail::Sizes => {
            let walk = Walk::new(base, recursive, walk::stat).map_err(named)?;
            Box::new(entries(walk, name.clone(), move |path, stat| {
                let stat = if is_link(&stat) { target_stat(volume, path)? } else { Some(stat) };
                let found = stat.and_then(|stat| entry_stat(&stat));
                Ok(found.map(|(kind, stat)| Known {
                    kind,
                    stat: Some(stat),
                    meta: None,
                    properties: Vec::new(),
                }))
            }))
        }
        Detail::Metadata => {
            let walk = Walk::new(base, recursive, stat_and_digest).map_err(named)?;
            Box::new(entries(walk, name.clone(), move |path, details| {
                Ok(lookup(volume, path, details)?.map(|meta| Known::of(meta, Vec::new())))
            }))
        }
        Detail::Properties => {
            let walk = Walk::new(base, recursive, stat_digest_and_properties).map_err(named)?;
            Box::new(entries(walk, name.clone(), move |path, (details, properties)| {
                let properties = match is_link(&details.0) {
                    true => properties_of_target(volume, path),
                    false => properties,
                };
                Ok(lookup(volume, path, details)?.map(|meta| Known::of(meta, properties)))
            }))
        }
    })
}

/// Returns the entries of a walk that clients see: `classify` returns what is known of a path, `None` where clients must not see
/// it.
fn entries<D>(
    walk: Walk<D>,
    name: Name,
    classify: impl Fn(&EntryPath<'_>, D) -> nix::Result<Option<Known>>,
) -> impl Iterator<Item = Result<Entry>> {
    walk.filter_map(move |found| {
        let entry = found.and_then(|found| {
            if found.is_temporary() || is_reserved(&name, &found.path) {
                return Ok(None);
            }
            let is_link = found.file_type == SFlag::S_IFLNK;
            let known = classify(&EntryPath { directory: &name, below: &found.path }, found.details)?;
            Ok(known.map(|Known { kind, stat, meta, properties }| Entry {
                name: found.path,
                kind,
                is_link,
                stat,
                meta,
                properties,
            }))
        });
        match entry {
            Err(Errno::EACCES | Errno::EPERM | Errno::ENAMETOOLONG) => None,
            entry => entry.map_err(|errno| map_errno(&name, errno)).transpose(),
        }
    })
}

/// What is known of an entry.
struct Known {
    kind: Kind,
    stat: Option<EntryStat>,
    meta: Option<Meta>,
    properties: Vec<u8>,
}

impl Known {
    fn of(meta: Meta, properties: Vec<u8>) -> Self {
        Known { kind: meta.kind, stat: Some(meta.stat()), meta: Some(meta), properties }
    }
}

/// The path of an entry: the directory that is listed, and the path from there.
struct EntryPath<'a> {
    directory: &'a Name,
    below: &'a [u8],
}

impl EntryPath<'_> {
    /// Returns the components for an open beneath the root; the last one may be several.
    fn components(&self) -> Vec<Vec<u8>> {
        let below = std::iter::once(self.below.to_vec());
        self.directory.components().iter().cloned().chain(below).collect()
    }
}

/// Returns the kind of an entry; a symbolic link is followed.
fn kind_of(volume: &Volume, path: &EntryPath<'_>, file_type: SFlag) -> nix::Result<Option<Kind>> {
    Ok(match file_type {
        SFlag::S_IFREG => Some(Kind::File),
        SFlag::S_IFDIR => Some(Kind::Directory),
        SFlag::S_IFLNK => target_stat(volume, path)?.and_then(|stat| entry_stat(&stat)).map(|(kind, _)| kind),
        _ => None,
    })
}

/// Returns the stat of what a symbolic link leads to; none where clients must not see it.
fn target_stat(volume: &Volume, path: &EntryPath<'_>) -> nix::Result<Option<FileStat>> {
    match volume.root.open_beneath(&path.components(), HANDLE) {
        Err(errno) if is_absent(errno) => Ok(None),
        opened => fstat(opened?).map(Some),
    }
}

/// Returns the properties of what a symbolic link leads to.
fn properties_of_target(volume: &Volume, path: &EntryPath<'_>) -> Vec<u8> {
    let target = volume.root.open_beneath(&path.components(), HANDLE);
    target.map_or(Vec::new(), |target| properties_of_handle(&target))
}

/// Returns the metadata of an entry; again under the lock of its name where its digest attribute does not fit.
fn lookup(
    volume: &Volume,
    path: &EntryPath<'_>,
    (stat, attribute): (FileStat, Option<Attribute>),
) -> nix::Result<Option<Meta>> {
    if !is_link(&stat) && attribute.is_none_or(|attribute| attribute.is_current) {
        return Ok(meta_of(&stat, attribute.map(|attribute| attribute.mark)));
    }
    let found = match attribute.is_none_or(|attribute| attribute.is_current) {
        false => lookup_locked(volume, &Name::join(path.directory, path.below, false))?,
        true => classify(&volume.root, &path.components(), stat, attribute)?,
    };
    Ok(found.into_found().map(|found| found.meta))
}

/// Returns whether it is beneath `/.cfpd`.
fn is_reserved(name: &Name, path: &[u8]) -> bool {
    name.components().is_empty() && path.split(|&byte| byte == b'/').next() == Some(RESERVED)
}
