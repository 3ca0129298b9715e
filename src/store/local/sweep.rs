//! Removes the temporary files and directories of a daemon that died: those with the names of temporary files that no
//! process has locked. Other names with the same prefix stay; so do partial uploads, which expire.

use std::fs::File;

use nix::fcntl::{OFlag, ResolveFlag};
use nix::sys::stat::SFlag;

use super::errors::is_absent;
use super::reserved::is_fresh_name;
use super::root::{DIRECTORY, HANDLE, READ, open_beneath};
use super::unlink::remove;
use super::volume::Volume;
use super::walk::{Walk, WalkEntry, type_alone};
use crate::error::{Error, Result};

/// Walks through the whole store and returns how many leftovers it removed. Skips what cannot be read; returns the
/// first error of a removal at the end.
pub(super) fn sweep(volume: &Volume) -> Result<u64> {
    let named = |errno: nix::errno::Errno| Error::io("/", errno.into());
    let base = volume.root.open_beneath(&[], DIRECTORY).map_err(named)?;
    let mut walk = Walk::new(base, true, type_alone).map_err(named)?;
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

/// Locks a leftover and removes it. False where another process has it locked.
fn clear(walk: &Walk<SFlag>, found: &WalkEntry<SFlag>) -> nix::Result<bool> {
    let (above, last) = found.split();
    let parent = walk.open(above, HANDLE | OFlag::O_DIRECTORY)?;
    let left = File::from(open_beneath(&parent, last, READ, ResolveFlag::RESOLVE_NO_SYMLINKS)?);
    if left.try_lock().is_err() {
        return Ok(false);
    }
    remove(&parent, last)?;
    Ok(true)
}
