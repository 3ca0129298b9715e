//! Moves between file systems or mounts, and out of a lower layer of an overlay, where rename(2) fails (`EXDEV`). Like
//! mv(1), it makes a copy, then deletes the original. Both exist during the move, and after a kill; what is changed
//! during the move stays under the old name.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, fstat, fstatat};

use super::{
    DIRECTORY, EntryAt, Links, Temporary, Volume, Walk, WalkEntry, change_time, classify, copy_directory,
    copy_file, errno_of, is_directory, lookup, map_errno, remove_in_place, walk,
};
use crate::error::{Error, Result};
use crate::store::{Kind, Name, Transfer, Written};

/// How long, and how often, to wait for the clock of a file system. FAT has steps of two seconds.
const CLOCK_STEP: Duration = Duration::from_millis(5);
const CLOCK_STEPS: u32 = 500;

/// Copies `from`, then deletes it. The checks are called as in a copy.
pub(super) fn move_across(volume: &Volume, transfer: Transfer<'_>) -> Result<Written> {
    let from = transfer.from;
    let old = volume.root.existing_entry(from)?;
    let moved = lookup(&volume.root, from, &old)?.require(from)?;
    match moved.meta.kind {
        _ if moved.link => {
            let what = "is a symbolic link, which is not moved to another file system";
            Err(Error::conflict(from.shown(), what))
        }
        Kind::File => move_file(volume, &old, transfer),
        Kind::Directory => move_directory(volume, &old, Transfer { from: &from.as_directory(), ..transfer }),
    }
}

fn move_file(volume: &Volume, old: &EntryAt, transfer: Transfer<'_>) -> Result<Written> {
    let from = transfer.from;
    let named = |errno| map_errno(from, errno);
    let before = old.stat().map_err(named)?;
    let written = copy_file(volume, transfer, Links::Replaced)?;
    let guard = volume.lock_names(&[old]).map_err(named)?;
    let now = old.stat().map_err(named)?;
    let version = |stat: &FileStat| (stat.st_ino, stat.st_size, change_time(stat));
    if version(&now) != version(&before) {
        return Err(changed_meanwhile(from));
    }
    old.unlink().map_err(named)?;
    drop(guard);
    volume.sync.directory(old).map_err(named)?;
    Ok(written)
}

fn move_directory(volume: &Volume, old: &EntryAt, transfer: Transfer<'_>) -> Result<Written> {
    let from = transfer.from;
    let named = |errno| match errno {
        Errno::EAGAIN => changed_meanwhile(from),
        errno => map_errno(from, errno),
    };
    volume.mounts.refuse(from, old)?;
    refuse_unserved(volume, from)?;
    let begun = time_after_changes(&old.parent).map_err(named)?;
    let written = copy_directory(volume, transfer, Links::Replaced)?;
    let may_remove = |directory: &OwnedFd, name: &[u8]| {
        let stat = fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        let is_copied = is_directory(&stat) || change_time(&stat) < begun;
        if is_copied { Ok(()) } else { Err(Errno::EAGAIN) }
    };
    remove_in_place(&old.parent, &old.last, &may_remove)
        .and_then(|()| volume.sync.directory(old))
        .map_err(named)?;
    Ok(written)
}

/// Refuses a directory with an entry that a copy omits: it would be lost.
fn refuse_unserved(volume: &Volume, from: &Name) -> Result<()> {
    let named = |errno| map_errno(from, errno);
    let base = volume.root.open_beneath(from.components(), DIRECTORY).map_err(named)?;
    for found in Walk::new(base, true, walk::stat).map_err(named)? {
        let WalkEntry { path, details: stat, .. } = found.map_err(named)?;
        let components = [from.components(), std::slice::from_ref(&path)].concat();
        if classify(&volume.root, &components, stat, None).map_err(named)?.found().is_none() {
            let what = "is not served, and cannot be moved to another file system";
            return Err(Error::conflict(from.join(&path, false).shown(), what));
        }
    }
    Ok(())
}

/// Waits until the clock of the file system is past all changes so far, and returns its time as a ctime.
fn time_after_changes(directory: &OwnedFd) -> nix::Result<i128> {
    let probe = Temporary::file(directory.try_clone().map_err(errno_of)?)?;
    let mut file: &File = &probe.file;
    let made = change_time(&fstat(file)?);
    for _ in 0..CLOCK_STEPS {
        thread::sleep(CLOCK_STEP);
        file.write_all(b".").map_err(errno_of)?;
        let now = change_time(&fstat(file)?);
        if now > made {
            return Ok(now);
        }
    }
    // The clock does not advance: an equal ctime counts as changed.
    Ok(made)
}

fn changed_meanwhile(from: &Name) -> Error {
    Error::conflict(from.shown(), "was changed while it was moved: what is left of it stays, beside a copy")
}
