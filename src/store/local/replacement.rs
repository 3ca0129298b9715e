//! The system calls by which a name changes hands: one rename where the file system can, else what comes nearest. What
//! may take whose place is `settle`'s to judge.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, RenameFlags, renameat, renameat2};
use nix::sys::stat::fstatat;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::delete::hide;
use super::engine::Local;
use super::intent::Record;
use super::root::Place;
use super::stat::is_directory;

/// Renames. `is_tree` tells whether `from` is a directory, not a link to one.
pub(super) fn take(from: &Place, to: &Place, how: RenameFlags, is_tree: bool) -> nix::Result<()> {
    match how {
        RenameFlags::RENAME_NOREPLACE => rename_to_free(from, to, is_tree),
        how => renameat2(&from.parent, from.last.as_slice(), &to.parent, to.last.as_slice(), how),
    }
}

/// Renames to a name that must be free. Not every file system (NFS) can refuse a name that is taken, but most can link a
/// file to a free one; where there are no links either (exFAT), what another program puts there in this moment is replaced.
/// No directory takes the place of anything but an empty one.
pub(super) fn rename_to_free(from: &Place, to: &Place, is_tree: bool) -> nix::Result<()> {
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

/// Replaces what stands where the file system cannot exchange: it is moved aside, and its name is free until the other
/// comes. The caller holds the lock of the name. Until what is aside is hidden, a start puts it back or drops it.
pub(super) fn two_renames(
    local: &Local,
    mut record: Record,
    from: &Place,
    to: &Place,
    is_tree: bool,
) -> Result<Record, Option<Errno>> {
    let Some(aside) = record.aside() else { return Err(None) };
    let old = fstatat(&to.parent, to.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    renameat(&to.parent, to.last.as_slice(), &aside.parent, aside.last.as_slice())?;
    if let Err(errno) = rename_to_free(from, to, is_tree) {
        if rename_to_free(aside, to, is_directory(&old)).is_err() {
            // The next start tries again.
            record.stay();
        }
        return Err(Some(errno));
    }
    // The new name first: what is hidden is swept.
    let hidden = local.durability.entry(to).and_then(|()| hide(aside));
    if hidden.is_err() {
        record.stay();
    }
    record.set_hidden(hidden?);
    Ok(record)
}

/// Whether the file system may not know what was asked of it.
pub(super) fn is_unable(errno: Errno) -> bool {
    matches!(errno, Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)
}
