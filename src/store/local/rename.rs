//! Renaming: the same bytes under another name, at once.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::case_folding::{differ_in_case, folds_case};
use super::cross_device::move_across;
use super::delete::{hide, remove};
use super::digest::{Attribute, is_unchanged};
use super::engine::Local;
use super::install::{Comer, itself, keep_apart, settle};
use super::lookup::Served;
use super::root::{HANDLE, Place, READ, absent, wrong};
use super::unlink_in_place::remove_in_place;
use crate::error::{Error, Result};
use crate::store::contract::{Check, Kind, Store, Written};
use crate::store::name::Name;

/// Renames a file or a directory. A link is renamed itself.
///
/// What stood at `to` is there until the other is: they change places, and it is removed under the old name, or,
/// if it is a directory, under one of the daemon's own.
pub(super) fn rename(
    local: &Local,
    from: &Name,
    to: &Name,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    // First, so that nobody makes a directory for what is not there.
    local.meta(from)?;
    let old = local.root.place_of(from)?;
    let new = local.root.place_for(to)?;
    keep_apart(from, to)?;
    if old.key() == new.key() {
        return Err(itself(to));
    }
    let held = local.locks.hold(vec![old.key(), new.key()]);
    let standing = local.root.look(from.components(), &old).map_err(|errno| wrong(from, errno))?;
    let moved = standing.served().ok_or_else(|| absent(from))?;
    if moved.meta.kind == Kind::File && from.is_directory() {
        return Err(absent(from));
    }
    source(Some(&moved.meta))?;
    if moved.link && !leads_there(local, &old, to, moved.file) {
        return Err(Error::status(403, to.shown(), "is where that link would lead elsewhere"));
    }
    if is_respelled(local, &old, &new) {
        target(None)?;
        respell(local, &old, &new).map_err(|errno| wrong(to, errno))?;
        return Ok(Written { created: true, meta: moved.meta.clone() });
    }
    let sealed = Sealed::open(&old, moved);
    let comer = Comer {
        place: &old,
        name: Some(from),
        kind: moved.meta.kind,
        is_tree: moved.is_tree(),
        leads_to: Some(moved.file).filter(|_| moved.link),
        prepare: &|_| {
            sealed.iter().for_each(Sealed::look_again);
            Ok(())
        },
    };
    let settled = match settle(local, &comer, to, &new, target) {
        Err(unsettled) if unsettled.is_across => {
            drop(held);
            return move_across(local, from, to, source, target);
        }
        settled => settled?,
    };
    sealed.iter().for_each(Sealed::settle);
    let written = Written { created: settled.created, meta: moved.meta.clone() };
    if settled.exchanged {
        let hidden = hide(&old);
        drop(held);
        match hidden {
            Ok(doomed) => {
                sync_entries(local, &old, &new)
                    .and_then(|()| settled.end(local))
                    .map_err(|errno| wrong(to, errno))?;
                // Both names are as they were to be; what stays behind is hidden, and the next sweep tries again.
                let _ = remove(&old.parent, &doomed);
            }
            Err(Errno::EXDEV) => remove_in_place(&old.parent, &old.last, &|_, _| Ok(()))
                .and_then(|()| sync_entries(local, &old, &new))
                .and_then(|()| settled.end(local))
                .map_err(|errno| wrong(from, errno))?,
            Err(errno) => return Err(wrong(from, errno)),
        }
    } else {
        forget_twin(&old, moved).map_err(|errno| wrong(from, errno))?;
        drop(held);
        sync_entries(local, &old, &new)
            .and_then(|()| settled.end(local))
            .map_err(|errno| wrong(to, errno))?;
    }
    Ok(written)
}

/// Whether the new name is the old one in another case, in a directory that takes both for the same: nothing is
/// replaced then.
fn is_respelled(local: &Local, old: &Place, new: &Place) -> bool {
    old.directory() == new.directory()
        && differ_in_case(&old.last, &new.last)
        && folds_case(local, &old.parent)
}

/// Gives an entry its name in another case, which its directory takes for the same.
fn respell(local: &Local, old: &Place, new: &Place) -> nix::Result<()> {
    renameat(&old.parent, old.last.as_slice(), &new.parent, new.last.as_slice())?;
    local.durability.entry(new)
}

/// A file with which something is kept. The rename changes the time of the file, to which that is bound.
struct Sealed {
    file: File,
    stat: FileStat,
    kept: Attribute,
    /// Whether nothing but the rename has changed it.
    is_unchanged: Cell<bool>,
}

impl Sealed {
    fn open(place: &Place, moved: &Served) -> Option<Self> {
        if moved.link || moved.meta.kind != Kind::File {
            return None;
        }
        let flags = READ | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = File::from(openat(&place.parent, place.last.as_slice(), flags, Mode::empty()).ok()?);
        let stat = fstat(&file).ok()?;
        let kept = Attribute::of(&file, &stat)?;
        Some(Sealed { file, stat, kept, is_unchanged: Cell::new(true) })
    }

    /// Looks, right before the rename, whether another program has changed it: what was kept is then of other bytes.
    fn look_again(&self) {
        self.is_unchanged.set(fstat(&self.file).is_ok_and(|now| is_unchanged(&now, &self.stat)));
    }

    /// Keeps it again after the rename.
    fn settle(&self) {
        if self.is_unchanged.get()
            && let Ok(stat) = fstat(&self.file)
            && Attribute::of(&self.file, &stat).is_some_and(|kept| !kept.is_true)
        {
            let _ = self.kept.write(&self.file);
        }
    }
}

/// The new name first: a crash between the two may leave both, but not none.
fn sync_entries(local: &Local, old: &Place, new: &Place) -> nix::Result<()> {
    local.durability.entry(new)?;
    if old.directory() == new.directory() { Ok(()) } else { local.durability.entry(old) }
}

/// Whether a link would lead to the same from its new place. A name elsewhere must not be a way to what its reader has
/// no right to.
fn leads_there(local: &Local, link: &Place, to: &Name, target: (u64, u64)) -> bool {
    let above = to.components().split_last().map_or(&[][..], |(_, above)| above);
    let Ok(text) = readlinkat(&link.parent, link.last.as_slice()) else { return false };
    let way = [above, &[text.into_vec()]].concat();
    let led = local.root.descend(&way, HANDLE).and_then(fstat);
    led.is_ok_and(|led| (led.st_dev, led.st_ino) == target)
}

/// Two names of one file (hard links): the system's rename does nothing then and leaves both.
fn forget_twin(old: &Place, moved: &Served) -> nix::Result<()> {
    match fstatat(&old.parent, old.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(left) if (left.st_dev, left.st_ino) == moved.file => {
            unlinkat(&old.parent, old.last.as_slice(), UnlinkatFlags::NoRemoveDir)
        }
        _ => Ok(()),
    }
}
