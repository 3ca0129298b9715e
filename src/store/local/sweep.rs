//! Removes what a daemon that died left behind: its temporary files and directories that no process has locked, by the
//! names that only the daemon makes. Other names with the daemon's prefix are somebody else's, and stay; so do contents
//! that come in several pieces, which expire by themselves.

use std::fs::File;

use nix::fcntl::{OFlag, ResolveFlag};

use super::delete::remove;
use super::engine::Local;
use super::root::{DIRECTORY, HANDLE, READ, is_absent, open_beneath};
use super::temporary::is_fresh_name;
use super::walk::{Found, Walk};
use crate::error::{Error, Result};

/// Walks through all of the store once; says how many leftovers are gone. What cannot be read stays; what cannot be
/// removed stays too, and the first of it is an error once all of the store was walked through.
pub(super) fn sweep(local: &Local) -> Result<u64> {
    let named = |errno: nix::errno::Errno| Error::io("/", errno.into());
    let base = local.root.descend(&[], DIRECTORY).map_err(named)?;
    let mut walk = Walk::new(base, true).map_err(named)?;
    let (mut gone, mut left) = (0, None);
    while let Some(found) = walk.next() {
        if let Ok(found) = found
            && is_fresh_name(found.split().1)
        {
            match clear(&walk, &found) {
                Ok(cleared) => gone += u64::from(cleared),
                Err(errno) if is_absent(errno) => {}
                Err(errno) => left = left.or(Some(Error::io([b"/", &*found.path].concat(), errno.into()))),
            }
        }
    }
    left.map_or(Ok(gone), Err)
}

/// Removes one that nobody has locked. The lock is held meanwhile, so that no new one is begun under its name.
fn clear(walk: &Walk, found: &Found) -> nix::Result<bool> {
    let (above, last) = found.split();
    let parent = walk.open(above, HANDLE | OFlag::O_DIRECTORY)?;
    let left = File::from(open_beneath(&parent, last, READ, ResolveFlag::RESOLVE_NO_SYMLINKS)?);
    if left.try_lock().is_err() {
        return Ok(false);
    }
    remove(&parent, last)?;
    Ok(true)
}
