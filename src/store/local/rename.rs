//! Renames files and directories. A symbolic link itself is renamed. A rename changes the ctime, which invalidates the
//! digest attribute of a file: it is written again.

use std::cell::Cell;
use std::fs::File;

use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::{FileStat, fstat};

use super::{
    Attribute, EntryAt, FileId, Found, HANDLE, Incoming, InstallError, Installed, READ, RemoveAll, Volume,
    absent, differ_in_case, file_id, folds_case, hide, is_unchanged, lookup, map_errno, move_across,
    refuse_overlap, remove, remove_in_place, same_file, stat_file, write_attribute,
};
use crate::error::{Error, Result};
use crate::store::{Kind, Name, Transfer, Written};

/// Renames a file or a directory.
///
/// `to` exists at every moment: what replaces a directory is moved aside and exchanged with it, and what was replaced is
/// removed under a hidden name.
pub(super) fn rename(volume: &Volume, transfer: Transfer<'_>) -> Result<Written> {
    let Transfer { from, to, .. } = transfer;
    // Check the source first: a client that is told of a missing parent directory creates it, though nothing would be
    // moved there.
    lookup::meta(volume, from)?;
    let old = volume.root.existing_entry(from)?;
    let new = volume.root.new_entry(to)?;
    refuse_overlap(from, to)?;
    if old.key() == new.key() {
        return Err(same_file(to));
    }
    let guard = volume.lock_names(&[&old, &new]).map_err(|errno| map_errno(to, errno))?;
    let moved = lookup(&volume.root, from, &old)?.require(from)?;
    admit_source(volume, transfer, &old, &moved)?;
    if is_change_of_case(volume, &old, &new) {
        (transfer.target)(None)?;
        change_case(volume, &old, &new).map_err(|errno| map_errno(to, errno))?;
        return Ok(Written { created: true, meta: moved.meta });
    }
    let installed = match install_renamed(volume, transfer, &old, &new, &moved) {
        Err(refused) if refused.is_cross_device => {
            drop(guard);
            return move_across(volume, transfer);
        }
        installed => installed?,
    };
    let written = Written { created: installed.created, meta: moved.meta.clone() };
    let old_left = match installed.exchanged {
        true => hide(&old).map(Some),
        false => unlink_twin(&old, &moved).map(|()| None),
    };
    drop(guard);
    finish(volume, (from, &old), (to, &new), old_left, installed)?;
    Ok(written)
}

/// Refuses a source that may not be renamed, by the rules or by the caller's check.
fn admit_source(volume: &Volume, transfer: Transfer<'_>, old: &EntryAt, moved: &Found) -> Result<()> {
    let Transfer { from, to, source, .. } = transfer;
    if moved.meta.kind == Kind::File && from.is_directory() {
        return Err(absent(from));
    }
    source(Some(&moved.meta))?;
    match moved.link && !leads_to_same(volume, old, to, moved.file) {
        true => Err(Error::forbidden(to.shown(), "the symbolic link would lead to another file from there")),
        false => Ok(()),
    }
}

/// Installs the entry under its new name, and renews its digest.
fn install_renamed(
    volume: &Volume,
    transfer: Transfer<'_>,
    old: &EntryAt,
    new: &EntryAt,
    moved: &Found,
) -> Result<Installed, InstallError> {
    let renewal = DigestRenewal::open(old, moved);
    let incoming = Incoming {
        volume,
        entry: old,
        kind: moved.meta.kind,
        moved: Some((transfer.from, moved)),
        to: transfer.to,
        target: new,
        check: transfer.target,
        replaces_any: transfer.replaces_any,
        prepare: &|_| {
            renewal.iter().for_each(DigestRenewal::check);
            Ok(())
        },
    };
    let installed = incoming.install()?;
    renewal.iter().for_each(DigestRenewal::renew);
    Ok(installed)
}

/// Fsyncs both directories, ends the intent record, and removes what was replaced. `replaced` is its hidden name.
fn finish(
    volume: &Volume,
    (from, old): (&Name, &EntryAt),
    (to, new): (&Name, &EntryAt),
    replaced: nix::Result<Option<Vec<u8>>>,
    installed: Installed,
) -> Result<()> {
    let exchanged = installed.exchanged;
    let sync_and_end = || sync_entries(volume, old, new).and_then(|()| installed.end(volume));
    match replaced {
        Ok(hidden) => {
            sync_and_end().map_err(|errno| map_errno(to, errno))?;
            // Ignore the error: both names are right, and the next sweep removes what is hidden.
            if let Some(hidden) = hidden {
                let _ = remove(&old.parent, &hidden);
            }
            Ok(())
        }
        Err(Errno::EXDEV) if exchanged => remove_in_place(&old.parent, &old.last, &RemoveAll)
            .and_then(|()| sync_and_end())
            .map_err(|errno| map_errno(from, errno)),
        Err(errno) => Err(map_errno(from, errno)),
    }
}

/// Returns whether the new name is the old one in another case, in a directory that folds case: nothing is replaced then.
fn is_change_of_case(volume: &Volume, old: &EntryAt, new: &EntryAt) -> bool {
    old.directory() == new.directory()
        && differ_in_case(&old.last, &new.last)
        && folds_case(volume, &old.parent)
}

fn change_case(volume: &Volume, old: &EntryAt, new: &EntryAt) -> nix::Result<()> {
    renameat(&old.parent, old.last.as_slice(), &new.parent, new.last.as_slice())?;
    volume.sync.directory(new)
}

/// Fsyncs the new name first: a crash between the two fsyncs may leave both names, but not none.
fn sync_entries(volume: &Volume, old: &EntryAt, new: &EntryAt) -> nix::Result<()> {
    volume.sync.directory(new)?;
    if old.directory() == new.directory() { Ok(()) } else { volume.sync.directory(old) }
}

/// Returns whether a symbolic link would lead to the same file from its new name. Else it could lead to a file that the client
/// has no right to read.
fn leads_to_same(volume: &Volume, link: &EntryAt, to: &Name, target: FileId) -> bool {
    let above = to.components().split_last().map_or(&[][..], |(_, above)| above);
    let Ok(text) = link.read_link() else { return false };
    let path = [above, &[text]].concat();
    let led = volume.root.open_beneath(&path, HANDLE).and_then(fstat);
    led.is_ok_and(|stat| file_id(&stat) == target)
}

/// Unlinks the old name where both are hard links of one file: rename(2) does nothing then and leaves both.
fn unlink_twin(old: &EntryAt, moved: &Found) -> nix::Result<()> {
    if old.stat().is_ok_and(|left| file_id(&left) == moved.file) { old.unlink() } else { Ok(()) }
}

/// A file with a digest attribute that is about to be renamed.
struct DigestRenewal {
    file: File,
    stat: FileStat,
    attribute: Attribute,
    /// Whether nothing has changed the file before the rename.
    is_unchanged: Cell<bool>,
}

impl DigestRenewal {
    /// Opens the file; `None` where it has no such attribute.
    fn open(entry: &EntryAt, moved: &Found) -> Option<Self> {
        if moved.link || moved.meta.kind != Kind::File {
            return None;
        }
        let file = File::from(entry.open(READ).ok()?);
        let (stat, Some(attribute)) = stat_file(&file).ok()? else { return None };
        Some(DigestRenewal { file, stat, attribute, is_unchanged: Cell::new(true) })
    }

    /// Checks, right before the rename, whether another program has changed the file: then the digest is of other
    /// bytes.
    fn check(&self) {
        self.is_unchanged.set(fstat(&self.file).is_ok_and(|now| is_unchanged(&now, &self.stat)));
    }

    /// Writes the attribute again after the rename.
    fn renew(&self) {
        if self.is_unchanged.get()
            && let Ok((_, Some(attribute))) = stat_file(&self.file)
            && !attribute.is_current
        {
            let _ = write_attribute(&self.attribute, &self.file);
        }
    }
}
