//! What a killed daemon left. Recovery at the start finishes or undoes what is incomplete, by its intent records (`intent`):
//! a record that another process has locked is in use; one of another user is ignored. A sweep removes the temporary
//! files and directories, those with the names of temporary files that no process has locked. Other names with the same
//! prefix stay; so do partial uploads, which expire.

use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, ResolveFlag};
use nix::sys::stat::{SFlag, fstat, fstatat};

use super::intent::read;
use super::{
    DIRECTORY, EntryAt, HANDLE, InodeIdentity, Intent, READ, Temporary, Volume, Walk, WalkEntry,
    entry_at_path, errno_of, hide, is_absent, is_directory, is_fresh_name, is_own, is_record_name, names_in,
    open_beneath, remove, rename_to_free, reopen, type_alone,
};
use crate::error::{Error, Result, shown};

/// Applies all records and returns how many moves were finished or undone. What is no longer needed is hidden, and
/// removed by the next sweep. Returns the first failure once all were tried; its record stays.
pub(super) fn recover(volume: &Volume) -> Result<u64> {
    let (mut done, mut failed) = (0, None);
    for last in records(volume).map_err(|errno| Error::io("/", errno.into()))? {
        match recover_one(volume, &last) {
            Ok(changed) => done += u64::from(changed),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(done), Err)
}

fn records(volume: &Volume) -> nix::Result<Vec<Vec<u8>>> {
    let names = names_in(reopen(&volume.root.handle)?)?;
    names.filter(|name| name.as_ref().map_or(true, |name| is_record_name(name))).collect()
}

/// Applies one record and removes it. False where there was nothing to do.
fn recover_one(volume: &Volume, last: &[u8]) -> Result<bool> {
    let named = |errno: Errno| Error::io([b"/", last].concat(), errno.into());
    // Check the type first: opening a device may have side effects.
    let stat = fstatat(&volume.root.handle, last, AtFlags::AT_SYMLINK_NOFOLLOW);
    if !stat.is_ok_and(|stat| is_own(&stat)) {
        return Ok(false);
    }
    let root = volume.root.handle.try_clone().map_err(errno_of).map_err(named)?;
    let mut record = match Temporary::named(root, last.to_vec(), OFlag::empty()) {
        Ok(record) => record,
        Err(Errno::EAGAIN) => return Ok(false),
        Err(errno) if is_absent(errno) => return Ok(false),
        Err(errno) => return Err(named(errno)),
    };
    record.persists = true;
    if record.file.try_lock().is_err() || !fstat(&record.file).is_ok_and(|stat| is_own(&stat)) {
        return Ok(false);
    }
    let done = match read(&record.file).map_err(|error| named(errno_of(error)))? {
        // A truncated record: nothing was begun.
        None => false,
        Some(Intent::Exchange { source, aside, replaced }) => {
            finish_exchange(volume, &source, aside, &replaced)?
        }
        Some(Intent::TwoRenames { source, target, aside }) => {
            finish_two_renames(volume, &source, &target, aside)?
        }
    };
    record.persists = false;
    drop(record);
    Ok(done)
}

/// Hides `aside` where it is what was replaced, and else renames it back to `source`. Where another program has created
/// something there, changes nothing.
fn finish_exchange(volume: &Volume, source: &[u8], aside: Vec<u8>, replaced: &InodeIdentity) -> Result<bool> {
    let named = |errno: Errno| Error::io([b"/", source].concat(), errno.into());
    let Some(entry) = found(entry_at_path(volume, source)).map_err(named)? else { return Ok(false) };
    let aside = entry.sibling(aside).map_err(named)?;
    let _held = volume.lock_names(&[&entry]).map_err(named)?;
    let Some(stat) = found(aside.stat()).map_err(named)? else { return Ok(false) };
    match InodeIdentity::of(&aside).map_err(named)?.is_same(replaced) {
        true => hide(&aside).map(drop),
        false if found(entry.stat()).map_err(named)?.is_some() => return Err(kept_aside(source, &aside)),
        false => rename_to_free(&aside, &entry, is_directory(&stat)),
    }
    .and_then(|()| volume.sync.directory(&entry))
    .map_err(named)?;
    Ok(true)
}

/// Renames `aside` back where its name is free, and hides it where the source was renamed to that name. Where another
/// program has created something there, changes nothing.
fn finish_two_renames(volume: &Volume, source: &[u8], target: &[u8], aside: Vec<u8>) -> Result<bool> {
    let named = |errno: Errno| Error::io([b"/", target].concat(), errno.into());
    let Some(entry) = found(entry_at_path(volume, target)).map_err(named)? else { return Ok(false) };
    let aside = entry.sibling(aside).map_err(named)?;
    let _held = volume.lock_names(&[&entry]).map_err(named)?;
    let Some(stat) = found(aside.stat()).map_err(named)? else { return Ok(false) };
    let source = found(entry_at_path(volume, source).and_then(|source| source.stat())).map_err(named)?;
    match (found(entry.stat()).map_err(named)?.is_some(), source.is_some()) {
        (false, _) => rename_to_free(&aside, &entry, is_directory(&stat)),
        (true, false) => hide(&aside).map(drop),
        (true, true) => return Err(kept_aside(target, &aside)),
    }
    .and_then(|()| volume.sync.directory(&entry))
    .map_err(named)?;
    Ok(true)
}

fn kept_aside(path: &[u8], aside: &EntryAt) -> Error {
    let kept = format!("was replaced while it was moved: the old one is kept as {}", shown(&aside.last));
    Error::conflict([b"/", path].concat(), kept)
}

/// Maps absence to `None`.
fn found<T>(looked: nix::Result<T>) -> nix::Result<Option<T>> {
    match looked {
        Err(errno) if is_absent(errno) => Ok(None),
        looked => looked.map(Some),
    }
}

/// Walks through the whole store and returns how many leftovers it removed; 0 while another daemon does. Skips what
/// cannot be read; returns the first error of a removal at the end.
pub(super) fn sweep(volume: &Volume) -> Result<u64> {
    let named = |errno: Errno| Error::io("/", errno.into());
    let _held = match volume.locks.lock_upkeep() {
        Err(Errno::EAGAIN) => return Ok(0),
        held => held.map_err(named)?,
    };
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
