//! Moves between file systems or mounts, and out of a lower layer of an overlay, where rename(2) fails (`EXDEV`). Like
//! mv(1), it makes a copy, then deletes the original. Both exist during the move, and after a kill; what is changed
//! during the move stays under the old name.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::stat::{FileStat, fstat};

use super::{
    DIRECTORY, EntryAt, FileId, HANDLE, Links, Removal, Temporary, Volume, Walk, WalkEntry, change_time,
    classify, copy_directory, copy_file, errno_of, file_id, is_directory, is_left_of, lookup, map_errno,
    remove_in_place, walk,
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
    check_again(volume, old, transfer)?;
    old.unlink().map_err(named)?;
    drop(guard);
    volume.sync.directory(old).map_err(named)?;
    Ok(written)
}

fn move_directory(volume: &Volume, old: &EntryAt, transfer: Transfer<'_>) -> Result<Written> {
    let from = transfer.from;
    let named = |errno| match errno {
        Errno::EAGAIN | Errno::ENOTEMPTY => changed_meanwhile(from),
        errno => map_errno(from, errno),
    };
    volume.mounts.refuse(from, old)?;
    refuse_unserved(volume, from)?;
    let before = old.stat().map_err(named)?;
    let begun = time_after_changes(&old.parent).map_err(named)?;
    let copied = CopiedEntries { volume, begun, unlinked: RefCell::default() };
    let written = copy_directory(volume, transfer, Links::Replaced)?;
    let guard = volume.lock_names(&[old]).map_err(named)?;
    let now = old.stat().map_err(named)?;
    if file_id(&now) != file_id(&before) || !copied.is_unchanged(&now) {
        return Err(changed_meanwhile(from));
    }
    check_again(volume, old, transfer)?;
    drop(guard);
    remove_in_place(&old.parent, &old.last, &copied)
        .and_then(|()| volume.sync.directory(old))
        .map_err(named)?;
    Ok(written)
}

/// Checks the source again, since a client may have locked it during the copy. The caller removes it without a call of
/// `report` in between, which would let a lock be acknowledged.
fn check_again(volume: &Volume, old: &EntryAt, transfer: Transfer<'_>) -> Result<()> {
    let found = lookup(&volume.root, transfer.from, old)?.require(transfer.from)?;
    (transfer.source)(Some(&found.meta))
}

/// The removal of what was copied, and of nothing else.
///
/// The copy has everything that stayed at its path from its begin to its end. Whatever came, went, or was renamed into the
/// tree has changed the ctime of a directory on its path, and each directory is checked before anything in it is removed.
struct CopiedEntries<'a> {
    volume: &'a Volume,
    /// A ctime after all changes before the copy. `EAGAIN` for what has it or a later one.
    begun: i128,
    /// The ctimes that the removal itself has given to the other hard links of what it unlinked.
    unlinked: RefCell<HashMap<FileId, i128>>,
}

impl CopiedEntries<'_> {
    fn is_unchanged(&self, stat: &FileStat) -> bool {
        let now = change_time(stat);
        now < self.begun || self.unlinked.borrow().get(&file_id(stat)) == Some(&now)
    }

    fn require_unchanged(&self, stat: &FileStat) -> nix::Result<()> {
        if self.is_unchanged(stat) { Ok(()) } else { Err(Errno::EAGAIN) }
    }
}

impl Removal for CopiedEntries<'_> {
    fn enter(&self, directory: &OwnedFd) -> nix::Result<()> {
        self.require_unchanged(&fstat(directory)?)
    }

    fn remove(&self, directory: &OwnedFd, name: &[u8]) -> nix::Result<bool> {
        let entry = EntryAt::new(directory.try_clone().map_err(errno_of)?, name.to_vec())?;
        // A client that replaces the file at this moment waits, and finds its name free.
        let _guard = self.volume.lock_names(&[&entry])?;
        let stat = match entry.stat() {
            Err(Errno::ENOENT) => return Ok(false),
            stat => stat?,
        };
        self.require_unchanged(&stat)?;
        let has_links = stat.st_nlink > 1 && !is_directory(&stat);
        let other = has_links.then(|| entry.open(HANDLE)).transpose()?;
        let is_left = is_left_of(directory, name)?;
        if let Some(other) = other {
            self.unlinked.borrow_mut().insert(file_id(&stat), change_time(&fstat(other)?));
        }
        Ok(is_left)
    }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::io;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::error::ErrorKind;
    use crate::store::{Check, Meta, ReportProgress};

    const FILES: [&str; 4] = ["src/f", "src/a/f", "src/a/b/f", "src/c/f"];

    /// Moves `src/` to `to/` as between two file systems, and calls `meanwhile` as soon as the first file is copied.
    fn move_and(meanwhile: impl Fn(&Path), source: Check<'_>) -> (tempfile::TempDir, Result<Written>) {
        let folder = tempfile::tempdir().unwrap();
        for file in FILES.iter().chain(&["other/precious", "other/deep/precious"]) {
            fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
            fs::write(folder.path().join(file), file).unwrap();
        }
        fs::hard_link(folder.path().join("src/f"), folder.path().join("src/c/link")).unwrap();
        let volume = Volume::open(folder.path()).unwrap();
        let [from, to] = [&b"src"[..], b"to"].map(|name| Name::new(vec![name.to_vec()], true).unwrap());
        let calls = Cell::new(0);
        let report = |_, _| -> io::Result<()> {
            if calls.replace(calls.get() + 1) == 0 {
                meanwhile(folder.path());
            }
            Ok(())
        };
        let (target, report): (Check<'_>, ReportProgress<'_>) = (&|_| Ok(()), &report);
        let (from, to) = (&from, &to);
        let moved = move_across(
            &volume,
            Transfer { from, to, source, target, report, replaces_any: false, is_shallow: false },
        );
        (folder, moved)
    }

    fn is_conflict(moved: &Result<Written>) -> bool {
        moved.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict)
    }

    #[test]
    fn a_directory_that_nothing_changed_is_moved_whole() {
        let (folder, moved) = move_and(|_| (), &|_| Ok(()));
        assert!(moved.unwrap().created);
        assert!(!folder.path().join("src").exists());
        assert!(FILES.iter().all(|file| folder.path().join(file.replacen("src", "to", 1)).exists()));
    }

    #[test]
    fn what_is_renamed_into_the_source_during_the_copy_stays() {
        for into in ["src/other", "src/a/other", "src/a/b/other", "src/c/other"] {
            let (folder, moved) =
                move_and(|root| fs::rename(root.join("other"), root.join(into)).unwrap(), &|_| Ok(()));
            assert!(is_conflict(&moved), "{into}: {moved:?}");
            for file in ["precious", "deep/precious"] {
                assert!(folder.path().join(into).join(file).exists(), "{into}/{file}");
            }
        }
    }

    #[test]
    fn what_is_renamed_within_the_source_during_the_copy_is_at_one_of_both_places() {
        for (old, new) in [("a/b", "c/b"), ("c", "a/c"), ("a/b", "b"), ("a", "c/a"), ("c/f", "a/b/g")] {
            let (folder, moved) = move_and(
                |root| fs::rename(root.join("src").join(old), root.join("src").join(new)).unwrap(),
                &|_| Ok(()),
            );
            assert!(is_conflict(&moved), "{old} {new}: {moved:?}");
            let place = |top: &str, at: &str| folder.path().join(top).join(at);
            let is_kept = |file: &str| {
                let moved = file.strip_prefix(old).map(|rest| [new, rest].concat()).unwrap_or(file.into());
                place("src", &moved).exists() || place("to", file).exists() || place("to", &moved).exists()
            };
            for file in FILES.map(|file| &file["src/".len()..]) {
                assert!(is_kept(file), "{old} {new}: {file}");
            }
        }
    }

    #[test]
    fn an_empty_directory_and_attributes_that_are_new_stay() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 2] = [
            ("src/c/new", |root| fs::create_dir(root.join("src/c/new")).unwrap()),
            ("src/c", |root| {
                fs::set_permissions(root.join("src/c"), fs::Permissions::from_mode(0o750)).unwrap()
            }),
        ];
        for (stays, change) in changes {
            let (folder, moved) = move_and(change, &|_| Ok(()));
            assert!(is_conflict(&moved), "{stays}: {moved:?}");
            assert!(folder.path().join(stays).is_dir(), "{stays}");
        }
    }

    #[test]
    fn the_source_is_checked_again_before_it_is_removed() {
        let locked = Cell::new(false);
        let source = |_: Option<&Meta>| match locked.get() {
            true => Err(Error::locked("/src/", "is locked")),
            false => Ok(()),
        };
        let (folder, moved) = move_and(|_| locked.set(true), &source);
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::Locked);
        assert!(FILES.iter().all(|file| folder.path().join(file).exists()));
    }
}
