//! The renames that install an entry: one system call where the file system supports it, else the closest fallback.
//! `install` has the rules of what may replace what.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, RenameFlags, renameat, renameat2};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::{EntryAt, Record, Volume, hide, is_directory};

/// Renames an entry. `is_tree` tells whether `from` is a directory itself, not a link to one.
pub(super) fn rename_entry(from: &EntryAt, to: &EntryAt, how: RenameFlags, is_tree: bool) -> nix::Result<()> {
    match how {
        RenameFlags::RENAME_NOREPLACE => rename_to_free(from, to, is_tree),
        how => renameat2(&from.parent, from.last.as_slice(), &to.parent, to.last.as_slice(), how),
    }
}

/// Renames to a name that must be free. On a file system without `RENAME_NOREPLACE` (NFS) a hard link is created, which
/// fails where the name exists; without hard links (exFAT), a file that another program creates at this moment is
/// replaced. A directory replaces nothing but an empty one.
pub(super) fn rename_to_free(from: &EntryAt, to: &EntryAt, is_tree: bool) -> nix::Result<()> {
    let (from, old) = (&from.parent, from.last.as_slice());
    let (to, new) = (&to.parent, to.last.as_slice());
    match renameat2(from, old, to, new, RenameFlags::RENAME_NOREPLACE) {
        Err(errno) if is_unable(errno) && is_tree => renameat(from, old, to, new),
        Err(errno) if is_unable(errno) => match linkat(from, old, to, new, AtFlags::empty()) {
            Ok(()) => unlinkat(from, old, UnlinkatFlags::NoRemoveDir),
            Err(errno) if errno == Errno::EPERM || is_unable(errno) => renameat(from, old, to, new),
            Err(errno) => Err(errno),
        },
        renamed => renamed,
    }
}

/// Exchanges an entry with what it replaces, which then has a hidden name. The entry is moved aside first, so that what was
/// replaced never has its old name: a client could write to it there, and the file would be removed with it. The caller holds
/// the locks of both names. After a kill in between, recovery moves the entry back or removes what was replaced.
pub(super) fn exchange(
    volume: &Volume,
    mut record: Record,
    from: &EntryAt,
    to: &EntryAt,
    is_tree: bool,
) -> nix::Result<Record> {
    let Some(mut aside) = record.aside.take() else { return Err(Errno::ENOENT) };
    renameat(&from.parent, from.last.as_slice(), &aside.parent, aside.last.as_slice())?;
    if let Err(errno) = rename_entry(&aside, to, RenameFlags::RENAME_EXCHANGE, is_tree) {
        if rename_to_free(&aside, from, is_tree).is_err() {
            // Recovery at the next start tries again.
            record.keep();
        }
        return Err(errno);
    }
    aside.last = hide_aside(volume, &mut record, &aside, to)?;
    record.aside = Some(aside);
    Ok(record)
}

/// Replaces what exists there by two renames: it is moved aside, so its name does not exist until the second rename.
/// The caller holds the lock of the name. After a kill in between, recovery moves it back or removes it.
pub(super) fn two_renames(
    volume: &Volume,
    mut record: Record,
    from: &EntryAt,
    to: &EntryAt,
    is_tree: bool,
) -> Result<Record, Option<Errno>> {
    let Some(mut aside) = record.aside.take() else { return Err(None) };
    let old = to.stat()?;
    renameat(&to.parent, to.last.as_slice(), &aside.parent, aside.last.as_slice())?;
    if let Err(errno) = rename_to_free(from, to, is_tree) {
        if rename_to_free(&aside, to, is_directory(&old)).is_err() {
            // Recovery at the next start tries again.
            record.keep();
        }
        return Err(Some(errno));
    }
    aside.last = hide_aside(volume, &mut record, &aside, to)?;
    record.aside = Some(aside);
    Ok(record)
}

/// Hides what was replaced. Fsyncs the new name first: a sweep may remove what is hidden.
fn hide_aside(volume: &Volume, record: &mut Record, aside: &EntryAt, to: &EntryAt) -> nix::Result<Vec<u8>> {
    let hidden = volume.sync.directory(to).and_then(|()| hide(aside));
    if hidden.is_err() {
        record.keep();
    }
    hidden
}

/// Returns whether the file system may not know this call or its flags.
pub(super) fn is_unable(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)
}
