//! Lists: a walk as a client may see it. Links that stay beneath the root are what they lead to; what is not
//! served, and what is the daemon's own, is not there.

use nix::errno::Errno;

use super::engine::Local;
use super::lookup::Standing;
use super::root::{DIRECTORY, wrong};
use super::walk::{Found, Walk};
use crate::error::Result;
use crate::store::contract::{Entries, Entry};
use crate::store::name::Name;
use crate::store::name::RESERVED;

/// A list that is read while the directory is. Directories beneath it that the daemon may not read, or whose names
/// are longer than the system takes, are listed without what is in them.
pub(super) fn list<'a>(local: &'a Local, name: &Name, recursive: bool) -> Result<Entries<'a>> {
    let base = local.root.descend(name.components(), DIRECTORY).map_err(|errno| wrong(name, errno))?;
    let walk = Walk::new(base, recursive).map(Walk::with_kept).map_err(|errno| wrong(name, errno))?;
    let name = name.clone();
    Ok(Box::new(walk.filter_map(move |found| match found {
        Ok(found) => entry(local, &name, found),
        Err(Errno::EACCES | Errno::EPERM | Errno::ENAMETOOLONG) => None,
        Err(errno) => Some(Err(wrong(&name, errno))),
    })))
}

/// What is found as a client sees it, if it does.
fn entry(local: &Local, name: &Name, found: Found) -> Option<Result<Entry>> {
    if found.is_temporary() || is_reserved(name, &found) {
        return None;
    }
    let mut way = name.components().to_vec();
    way.push(found.path);
    let judged = match found.kept.is_none_or(|kept| kept.is_true) {
        true => local.root.judge(&way, found.stat, found.kept),
        false => local.look_again(&Name::join(name, way.last()?, false)),
    };
    match judged {
        Ok(Standing::Served(served)) => Some(Ok(Entry { name: way.pop()?, meta: served.meta })),
        Ok(Standing::Nothing | Standing::Unserved) | Err(Errno::EACCES | Errno::ENAMETOOLONG) => None,
        Err(errno) => Some(Err(wrong(name, errno))),
    }
}

/// Whether it is at the root and has the name of the daemon's own resources.
fn is_reserved(name: &Name, found: &Found) -> bool {
    name.components().is_empty() && found.path.split(|&byte| byte == b'/').next() == Some(RESERVED)
}
