//! Clears away what a daemon that died left behind: its temporaries that nobody has locked. Contents that come in
//! pieces have a time of their own, and stay.

use std::fs::File;

use nix::fcntl::{OFlag, ResolveFlag};

use super::beneath::{DIRECTORY, HANDLE, READ, open_beneath};
use super::local::Local;
use super::name::UPLOADS;
use super::removal::remove;
use super::walk::{Found, Walk};
use crate::error::{Error, Result};

/// Walks through all of the store once; says how many leftovers are gone. What cannot be read or removed stays.
pub(super) fn sweep(local: &Local) -> Result<u64> {
    let named = |errno: nix::errno::Errno| Error::io("/", errno.into());
    let base = local.root.descend(&[], DIRECTORY).map_err(named)?;
    let mut walk = Walk::new(base, true).map_err(named)?;
    let mut gone = 0;
    while let Some(found) = walk.next() {
        if let Ok(found) = found
            && found.is_temporary()
            && found.path != UPLOADS
        {
            gone += u64::from(clear(&walk, &found).is_ok_and(|cleared| cleared));
        }
    }
    Ok(gone)
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
