//! Finishes or undoes at a start what a daemon that was killed has left half done, as its intent records tell (`intent`).
//! A record that some process has locked is in use, and one that another user made is none.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};

use super::delete::hide;
use super::engine::Local;
use super::intent::{Identity, Intent, is_own, is_record_name, place_at, read};
use super::replacement::rename_to_free;
use super::root::{DIRECTORY, Place, is_absent};
use super::stat::is_directory;
use super::temporary::Temporary;
use super::unlink_in_place::remove_in_place;
use super::walk::errno_of;
use crate::error::{Error, Result, shown};

/// Reads all records; says how many moves were finished or undone. What is no longer needed is hidden, and left to the
/// next sweep. The first failure is an error once all were tried; its record stays.
pub(super) fn recover(local: &Local) -> Result<u64> {
    let (mut done, mut failed) = (0, None);
    for last in records(local).map_err(|errno| Error::io("/", errno.into()))? {
        match recover_one(local, &last) {
            Ok(changed) => done += u64::from(changed),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(done), Err)
}

fn records(local: &Local) -> nix::Result<Vec<Vec<u8>>> {
    let directory = openat(local.root.handle(), ".", DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut found = Vec::new();
    for entry in Dir::from_fd(directory)?.iter() {
        let entry = entry?;
        let last = entry.file_name().to_bytes();
        if is_record_name(last) {
            found.push(last.to_vec());
        }
    }
    Ok(found)
}

/// Carries one out and removes it. False where there was nothing to do.
fn recover_one(local: &Local, last: &[u8]) -> Result<bool> {
    let named = |errno: Errno| Error::io([b"/", last].concat(), errno.into());
    // Opening may wake up what is no file.
    let stat = fstatat(local.root.handle(), OsStr::from_bytes(last), AtFlags::AT_SYMLINK_NOFOLLOW);
    if !stat.is_ok_and(|stat| is_own(&stat)) {
        return Ok(false);
    }
    let root = local.root.handle().try_clone().map_err(errno_of).map_err(named)?;
    let mut record = match Temporary::lasting(root, last.to_vec(), OFlag::empty()) {
        Ok(record) => record,
        Err(Errno::EAGAIN) => return Ok(false),
        Err(errno) if is_absent(errno) => return Ok(false),
        Err(errno) => return Err(named(errno)),
    };
    record.stay();
    if record.handle().try_lock().is_err() || !fstat(record.handle()).is_ok_and(|stat| is_own(&stat)) {
        return Ok(false);
    }
    let done = match read(record.handle()).map_err(|wrong| named(errno_of(wrong)))? {
        // It was cut short: nothing was begun.
        None => false,
        Some(Intent::Exchange { source, replaced }) => finish_exchange(local, &source, &replaced)?,
        Some(Intent::TwoRenames { source, target, aside }) => {
            finish_two_renames(local, &source, &target, aside)?
        }
    };
    record.go();
    drop(record);
    Ok(done)
}

/// Removes what was replaced where it still has the name of what replaced it.
fn finish_exchange(local: &Local, source: &[u8], replaced: &Identity) -> Result<bool> {
    let named = |errno: Errno| Error::io([b"/", source].concat(), errno.into());
    let Some(place) = found(place_at(local, source)).map_err(named)? else { return Ok(false) };
    let _held = local.locks.hold(vec![place.key()]);
    match found(Identity::of(&place)).map_err(named)? {
        Some(now) if now.is_same(replaced) => {}
        _ => return Ok(false),
    }
    match hide(&place) {
        Err(Errno::EXDEV) => remove_in_place(&place.parent, &place.last, &|_, _| Ok(())),
        hidden => hidden.map(drop),
    }
    .and_then(|()| local.durability.entry(&place))
    .map_err(named)?;
    Ok(true)
}

/// Puts back what is aside where its name is free, and drops it where the other has come to that name. Where both could
/// be, as when another program made something there, all stays.
fn finish_two_renames(local: &Local, source: &[u8], target: &[u8], aside: Vec<u8>) -> Result<bool> {
    let named = |errno: Errno| Error::io([b"/", target].concat(), errno.into());
    let Some(place) = found(place_at(local, target)).map_err(named)? else { return Ok(false) };
    let aside = place
        .parent
        .try_clone()
        .map_err(errno_of)
        .and_then(|parent| Place::new(parent, aside))
        .map_err(named)?;
    let _held = local.locks.hold(vec![place.key()]);
    let Some(stat) = entry(&aside).map_err(named)? else { return Ok(false) };
    let is_source_there = match found(place_at(local, source)).map_err(named)? {
        Some(source) => entry(&source).map_err(named)?.is_some(),
        None => false,
    };
    match (entry(&place).map_err(named)?.is_some(), is_source_there) {
        (false, _) => rename_to_free(&aside, &place, is_directory(&stat)),
        (true, false) => hide(&aside).map(drop),
        (true, true) => {
            let kept =
                format!("was replaced while it was moved: the old one is kept as {}", shown(&aside.last));
            return Err(Error::status(409, [b"/", target].concat(), kept));
        }
    }
    .and_then(|()| local.durability.entry(&place))
    .map_err(named)?;
    Ok(true)
}

fn entry(place: &Place) -> nix::Result<Option<FileStat>> {
    found(fstatat(&place.parent, place.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW))
}

/// Nothing where it is not there.
fn found<T>(looked: nix::Result<T>) -> nix::Result<Option<T>> {
    match looked {
        Err(errno) if is_absent(errno) => Ok(None),
        looked => looked.map(Some),
    }
}
