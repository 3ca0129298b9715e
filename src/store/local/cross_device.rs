//! Moving where the system cannot rename: between file systems or mounts, and out of a lower layer of an overlay. As
//! mv(1) does it, a copy is made and what was copied is deleted then. Both are there meanwhile, and after a kill; what
//! is changed meanwhile stays under the old name.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::copy::{copy_directory, copy_file};
use super::delete::refuse_mounts;
use super::engine::Local;
use super::root::{DIRECTORY, Links, Place, absent, wrong};
use super::stat::file_type;
use super::temporary::Temporary;
use super::unlink_in_place::remove_in_place;
use super::walk::{Found, Walk, errno_of};
use crate::error::{Error, Result};
use crate::store::contract::{Check, Kind, Written};
use crate::store::name::Name;

/// How long, and how often, the clock of a file system is waited for. That of FAT goes in steps of two seconds.
const CLOCK_STEP: Duration = Duration::from_millis(5);
const CLOCK_STEPS: u32 = 500;

/// Seconds and nanoseconds on the clock of a file system.
type Moment = (i64, i64);

/// Copies what stands at `from`, then deletes it. The checks are asked as those of a copy are.
pub(super) fn move_across(
    local: &Local,
    from: &Name,
    to: &Name,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    let old = local.root.place_of(from)?;
    let standing = local.root.look(from.components(), &old).map_err(|errno| wrong(from, errno))?;
    let moved = standing.served().ok_or_else(|| absent(from))?;
    match moved.meta.kind {
        _ if moved.link => {
            let what = "is a symbolic link, which is not moved to another file system";
            Err(Error::status(409, from.shown(), what))
        }
        Kind::File => move_file(local, &old, from, to, source, target),
        Kind::Directory => move_directory(local, &old, &from.as_directory(), to, source, target),
    }
}

fn move_file(
    local: &Local,
    old: &Place,
    from: &Name,
    to: &Name,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    let named = |errno| wrong(from, errno);
    let before = entry(&old.parent, &old.last).map_err(named)?;
    let written = copy_file(local, from, to, Links::Replaced, source, target)?;
    let held = local.locks.hold(vec![old.key()]);
    let now = entry(&old.parent, &old.last).map_err(named)?;
    if (now.st_ino, now.st_size, changed(&now)) != (before.st_ino, before.st_size, changed(&before)) {
        return Err(changed_meanwhile(from));
    }
    unlinkat(&old.parent, old.last.as_slice(), UnlinkatFlags::NoRemoveDir).map_err(named)?;
    drop(held);
    local.durability.entry(old).map_err(named)?;
    Ok(written)
}

fn move_directory(
    local: &Local,
    old: &Place,
    from: &Name,
    to: &Name,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    let named = |errno| match errno {
        Errno::EAGAIN => changed_meanwhile(from),
        errno => wrong(from, errno),
    };
    refuse_mounts(local, from, old)?;
    refuse_unserved(local, from)?;
    let begun = begin(&old.parent).map_err(named)?;
    let written = copy_directory(local, from, to, Links::Replaced, source, target)?;
    let may_go = |directory: &OwnedFd, name: &[u8]| {
        let stat = entry(directory, name)?;
        let is_copied = file_type(&stat) == SFlag::S_IFDIR || changed(&stat) < begun;
        if is_copied { Ok(()) } else { Err(Errno::EAGAIN) }
    };
    remove_in_place(&old.parent, &old.last, &may_go)
        .and_then(|()| local.durability.entry(old))
        .map_err(named)?;
    Ok(written)
}

/// Refuses a directory with something in it that a copy leaves out: it would be lost.
fn refuse_unserved(local: &Local, from: &Name) -> Result<()> {
    let named = |errno| wrong(from, errno);
    let base = local.root.descend(from.components(), DIRECTORY).map_err(named)?;
    for found in Walk::new(base, true).map_err(named)? {
        let Found { path, stat, .. } = found.map_err(named)?;
        let way = [from.components(), std::slice::from_ref(&path)].concat();
        if local.root.judge(&way, stat, None).map_err(named)?.served().is_none() {
            let what = "is not served, and cannot be moved to another file system";
            return Err(Error::status(409, from.join(&path, false).shown(), what));
        }
    }
    Ok(())
}

/// A moment after all changes there were so far, on the clock of a directory's own file system.
fn begin(directory: &OwnedFd) -> nix::Result<Moment> {
    let probe = Temporary::file(directory.try_clone().map_err(errno_of)?)?;
    let mut file: &File = probe.handle();
    let made = changed(&fstat(file)?);
    for _ in 0..CLOCK_STEPS {
        thread::sleep(CLOCK_STEP);
        file.write_all(b".").map_err(errno_of)?;
        let now = changed(&fstat(file)?);
        if now > made {
            return Ok(now);
        }
    }
    // Without a clock that goes, what is as new as this counts as changed.
    Ok(made)
}

fn entry(directory: impl AsFd, name: &[u8]) -> nix::Result<FileStat> {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn changed(stat: &FileStat) -> Moment {
    (stat.st_ctime, stat.st_ctime_nsec)
}

fn changed_meanwhile(from: &Name) -> Error {
    Error::status(
        409,
        from.shown(),
        "was changed while it was moved: what is left of it stays, beside a copy",
    )
}
