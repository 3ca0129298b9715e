//! The record of the locks of clients: one file at the root, replaced as a whole by a rename. What is in it, the daemon
//! knows.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, ResolveFlag, renameat};
use nix::sys::stat::{FileStat, fstat, fstatat};

use super::{
    LOCK_RECORD_NAME, NameGuard, Temporary, Volume, change_time, errno_of, is_regular, map_errno,
    open_beneath, size_of,
};
use crate::error::{Error, Result};
use crate::store::{LockRecordChange, LockRecordVersion, Name};

/// Returns the version of the record, by a look-up.
pub(super) fn version(volume: &Volume) -> Result<Option<LockRecordVersion>> {
    match fstatat(&volume.root.handle, LOCK_RECORD_NAME, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => Ok(None),
        stat => stat.map(|stat| Some(version_of(&stat))).map_err(named),
    }
}

/// Reads the record.
pub(super) fn read(volume: &Volume) -> Result<Option<(Vec<u8>, LockRecordVersion)>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let root = volume.root.handle.as_fd();
    let mut file = match open_beneath(root, LOCK_RECORD_NAME, flags, ResolveFlag::RESOLVE_NO_SYMLINKS) {
        Err(Errno::ENOENT) => return Ok(None),
        opened => File::from(opened.map_err(named)?),
    };
    let stat = fstat(&file).map_err(named)?;
    if !is_regular(&stat) {
        return Err(named(Errno::EINVAL));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Error::io(LOCK_RECORD_NAME, error))?;
    Ok(Some((bytes, version_of(&stat))))
}

/// Replaces the record by what `change` makes of it.
pub(super) fn update(
    volume: &Volume,
    name: Option<&Name>,
    change: LockRecordChange<'_>,
) -> Result<LockRecordVersion> {
    let _guard = volume.locks.lock_lock_record().map_err(named)?;
    let present = read(volume)?.map(|(bytes, _)| bytes).unwrap_or_default();
    let bytes = change(&present)?;
    let _name = name.map(|name| hold_between_daemons(volume, name)).transpose()?;
    write(volume, &bytes, &present).map_err(|errno| match (name, errno) {
        // What concerns the whole file system is said of the name that the client knows.
        (Some(name), Errno::EROFS | Errno::ENOSPC | Errno::EDQUOT) => map_errno(name, errno),
        _ => named(errno),
    })
}

/// Locks a name while other daemons write to the same files: the threads of this one do not need it.
fn hold_between_daemons<'v>(volume: &'v Volume, name: &Name) -> Result<Option<NameGuard<'v>>> {
    match volume.locks.is_shared() {
        true => volume.lock_name(name).map_err(|errno| map_errno(name, errno)),
        false => Ok(None),
    }
}

/// Replaces the content `before`, which is written back where the directory cannot be fsynced: the change is not
/// acknowledged, and the next start must not find it.
fn write(volume: &Volume, bytes: &[u8], before: &[u8]) -> nix::Result<LockRecordVersion> {
    let written = rename_into_place(volume, bytes)?;
    if let Err(errno) = volume.sync.directory(&written.entry) {
        let _ = rename_into_place(volume, before);
        return Err(errno);
    }
    fstat(&written.file).map(|stat| version_of(&stat))
}

fn rename_into_place(volume: &Volume, bytes: &[u8]) -> nix::Result<Temporary> {
    let mut temporary = Temporary::file(volume.root.handle.try_clone().map_err(errno_of)?)?;
    temporary.file.write_all(bytes).map_err(errno_of)?;
    volume.sync.content(&temporary.file)?;
    let entry = &temporary.entry;
    renameat(&entry.parent, entry.last.as_slice(), &entry.parent, LOCK_RECORD_NAME)?;
    temporary.persists = true;
    Ok(temporary)
}

/// Returns its inode, size and ctime: each replacement is another file.
fn version_of(stat: &FileStat) -> LockRecordVersion {
    LockRecordVersion(vec![stat.st_ino.into(), size_of(stat).into(), change_time(stat)])
}

fn named(errno: Errno) -> Error {
    Error::io(LOCK_RECORD_NAME, errno.into())
}
