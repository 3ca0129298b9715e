//! Lists directories as a client sees them: a link that stays beneath the root is listed as its target; what is not
//! served, and the daemon's own files, are omitted.

use nix::errno::Errno;

use super::errors::map_errno;
use super::lookup::{Lookup, classify, lookup_locked};
use super::root::DIRECTORY;
use super::volume::Volume;
use super::walk::{Walk, WalkEntry};
use crate::error::Result;
use crate::store::contract::{Entries, Entry};
use crate::store::name::Name;
use crate::store::name::RESERVED;

/// Lists a directory lazily. Directories beneath it that the daemon may not read, or whose paths are longer than
/// PATH_MAX, are listed without their entries.
pub(super) fn list<'a>(volume: &'a Volume, name: &Name, recursive: bool) -> Result<Entries<'a>> {
    let base =
        volume.root.open_beneath(name.components(), DIRECTORY).map_err(|errno| map_errno(name, errno))?;
    let walk = Walk::new(base, recursive).map(Walk::with_digest).map_err(|errno| map_errno(name, errno))?;
    let name = name.clone();
    Ok(Box::new(walk.filter_map(move |found| match found {
        Ok(found) => listed(volume, &name, found),
        Err(Errno::EACCES | Errno::EPERM | Errno::ENAMETOOLONG) => None,
        Err(errno) => Some(Err(map_errno(&name, errno))),
    })))
}

/// Looks up an entry; `None` where clients must not see it.
fn listed(volume: &Volume, name: &Name, found: WalkEntry) -> Option<Result<Entry>> {
    if found.is_temporary() || is_reserved(name, &found) {
        return None;
    }
    let mut path = name.components().to_vec();
    path.push(found.path);
    let result = match found.kept.is_none_or(|kept| kept.is_true) {
        true => classify(&volume.root, &path, found.stat, found.kept),
        false => lookup_locked(volume, &Name::join(name, path.last()?, false)),
    };
    match result {
        Ok(Lookup::Found(found)) => Some(Ok(Entry { name: path.pop()?, meta: found.meta })),
        Ok(Lookup::Free | Lookup::Unserved) | Err(Errno::EACCES | Errno::ENAMETOOLONG) => None,
        Err(errno) => Some(Err(map_errno(name, errno))),
    }
}

/// Whether it is beneath `/.cfpd`.
fn is_reserved(name: &Name, found: &WalkEntry) -> bool {
    name.components().is_empty() && found.path.split(|&byte| byte == b'/').next() == Some(RESERVED)
}
