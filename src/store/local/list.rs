//! Lists directories as a client sees them: a link that stays beneath the root is listed as its target; what is not
//! served, and the daemon's own files, are omitted.

use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, fstat};

use super::{
    Attribute, DIRECTORY, HANDLE, Volume, Walk, classify, is_absent, lookup_locked, map_errno, meta_of,
    stat_and_digest, type_alone,
};
use crate::error::Result;
use crate::store::{Detail, Entries, Entry, Kind, Meta, Name, RESERVED};

/// Lists a directory lazily. Directories beneath it that the daemon may not read, or whose paths are longer than
/// PATH_MAX, are listed without their entries.
pub(super) fn list<'a>(
    volume: &'a Volume,
    name: &Name,
    recursive: bool,
    detail: Detail,
) -> Result<Entries<'a>> {
    let named = |errno| map_errno(name, errno);
    let base = volume.root.open_beneath(name.components(), DIRECTORY).map_err(named)?;
    Ok(match detail {
        Detail::Names => {
            let walk = Walk::new(base, recursive, type_alone).map_err(named)?;
            Box::new(entries(walk, name.clone(), move |path, file_type| {
                Ok(kind_of(volume, path, file_type)?.map(|kind| (kind, None)))
            }))
        }
        Detail::Metadata => {
            let walk = Walk::new(base, recursive, stat_and_digest).map_err(named)?;
            let directory = name.clone();
            Box::new(entries(walk, name.clone(), move |path, details| {
                let found = lookup(volume, &directory, path, details)?;
                Ok(found.map(|meta| (meta.kind, Some(meta))))
            }))
        }
    })
}

/// The entries of a walk that clients see: `classify` returns what is known of a path, `None` where clients must not see
/// it.
fn entries<D>(
    walk: Walk<D>,
    name: Name,
    classify: impl Fn(&[Vec<u8>], D) -> nix::Result<Option<(Kind, Option<Meta>)>>,
) -> impl Iterator<Item = Result<Entry>> {
    walk.filter_map(move |found| {
        let entry = found.and_then(|found| {
            if found.is_temporary() || is_reserved(&name, &found.path) {
                return Ok(None);
            }
            let path = [name.components(), std::slice::from_ref(&found.path)].concat();
            let is_link = found.file_type == SFlag::S_IFLNK;
            let known = classify(&path, found.details)?;
            Ok(known.map(|(kind, meta)| Entry { name: found.path, kind, is_link, meta }))
        });
        match entry {
            Err(Errno::EACCES | Errno::EPERM | Errno::ENAMETOOLONG) => None,
            entry => entry.map_err(|errno| map_errno(&name, errno)).transpose(),
        }
    })
}

/// The kind of an entry; a symbolic link is followed.
fn kind_of(volume: &Volume, path: &[Vec<u8>], file_type: SFlag) -> nix::Result<Option<Kind>> {
    Ok(match file_type {
        SFlag::S_IFREG => Some(Kind::File),
        SFlag::S_IFDIR => Some(Kind::Directory),
        SFlag::S_IFLNK => match volume.root.open_beneath(path, HANDLE) {
            Err(errno) if is_absent(errno) => None,
            opened => meta_of(&fstat(opened?)?, None).map(|meta| meta.kind),
        },
        _ => None,
    })
}

/// The metadata of an entry; again under the lock of its name where its digest attribute does not fit.
fn lookup(
    volume: &Volume,
    directory: &Name,
    path: &[Vec<u8>],
    (stat, kept): (FileStat, Option<Attribute>),
) -> nix::Result<Option<Meta>> {
    let found = match (kept.is_none_or(|kept| kept.is_true), path.last()) {
        (false, Some(last)) => lookup_locked(volume, &Name::join(directory, last, false))?,
        _ => classify(&volume.root, path, stat, kept)?,
    };
    Ok(found.into_found().map(|found| found.meta))
}

/// Whether it is beneath `/.cfpd`.
fn is_reserved(name: &Name, path: &[u8]) -> bool {
    name.components().is_empty() && path.split(|&byte| byte == b'/').next() == Some(RESERVED)
}
