//! Renames new content, a copy or a renamed entry into place: under the lock of the name it looks up what exists there,
//! applies the rules below, calls the caller's check, and renames.
//!
//! A file replaces a file; a directory replaces a file, and another directory only where the name was given with its
//! final slash, or where the caller says that it may be replaced by a file. Anything else under the name (a device, a
//! FIFO, a socket) is never replaced. A rename replaces a symbolic link itself; new content replaces its target (`root`).
//! A link never replaces its own target, which would be lost.

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat};
use nix::sys::stat::{Mode, fstat};

use super::{
    EntryAt, FileId, Found, HANDLE, Lookup, Record, Volume, exchange, file_id, is_linked, is_unable, lookup,
    map_errno, no_directory, rename_entry, two_renames, unfit,
};
use crate::error::{Error, Result};
use crate::store::{Check, Kind, Name};

/// How often the look-up is repeated when another program changed the name before the rename.
const RACES: usize = 16;

/// What is to be installed, and where.
pub(super) struct Incoming<'a> {
    pub volume: &'a Volume,
    /// Its entry now.
    pub entry: &'a EntryAt,
    /// What a client sees it as.
    pub kind: Kind,
    /// Its present name for clients, and what is there; `None` for a temporary file.
    pub moved: Option<(&'a Name, &'a Found)>,
    /// The name it gets, whose lock the caller holds, and the entry of that.
    pub to: &'a Name,
    pub target: &'a EntryAt,
    /// The condition of the caller.
    pub check: Check<'a>,
    /// Whether a directory there may be replaced by a file.
    pub replaces_any: bool,
    /// Called right before the rename, with what is about to be replaced.
    pub prepare: &'a dyn Fn(Option<&Found>) -> nix::Result<()>,
}

/// The outcome of an installation.
pub(super) struct Installed {
    /// Whether the name was free.
    pub created: bool,
    /// Whether the two entries were exchanged without a record: what was replaced now has the incoming entry's old name.
    pub exchanged: bool,
    /// The intent record for recovery, should this process be killed before all is done.
    record: Option<Record>,
}

impl Installed {
    /// Removes the intent record. To be called when what was replaced is removed, and everything is fsynced.
    pub fn end(self, volume: &Volume) -> nix::Result<()> {
        self.record.map_or(Ok(()), |record| record.end(volume))
    }
}

/// Why something was not installed.
pub(super) struct InstallError {
    /// The error for the client.
    pub error: Error,
    /// Whether rename(2) failed with `EXDEV`; a copy could be installed.
    pub is_cross_device: bool,
}

impl From<Error> for InstallError {
    fn from(error: Error) -> Self {
        InstallError { error, is_cross_device: false }
    }
}

impl From<InstallError> for Error {
    fn from(refused: InstallError) -> Self {
        refused.error
    }
}

impl Incoming<'_> {
    /// Renames it into place.
    pub fn install(&self) -> Result<Installed, InstallError> {
        let (volume, to, target) = (self.volume, self.to, self.target);
        let mut last = Errno::EAGAIN;
        for _ in 0..RACES {
            let existing = lookup(&volume.root, to, target)?;
            may_replace(self.kind, to, &existing, self.replaces_any)?;
            if existing.found().is_some_and(|found| !found.link && self.leads_to() == Some(found.file)) {
                return Err(same_file(to).into());
            }
            (self.check)(existing.meta())?;
            if existing.found().is_some_and(Found::is_tree) {
                volume.mounts.refuse(to, target)?;
            }
            (self.prepare)(existing.found()).map_err(|errno| map_errno(to, errno))?;
            let _replaced =
                existing.found().and_then(|found| volume.space().freeing.keep_open(target, &found.meta));
            let how = self.rename_flags(&existing);
            let exchanged = how == RenameFlags::RENAME_EXCHANGE;
            match self.rename(how) {
                Ok(record) => {
                    let exchanged = exchanged && record.is_none();
                    return Ok(Installed { created: existing.found().is_none(), exchanged, record });
                }
                Err(errno) if is_race(errno) => last = errno,
                Err(errno) if exchanged && is_unable(errno) && !are_nested(self.entry, target) => {
                    let record = self
                        .replace_by_two_renames()
                        .map_err(|unable| self.refusal(how, unable.unwrap_or(errno)))?;
                    return Ok(Installed { created: false, exchanged: false, record: Some(record) });
                }
                Err(errno) => return Err(self.refusal(how, errno)),
            }
        }
        Err(self.refusal(RenameFlags::empty(), last))
    }

    /// Renames it; returns the record of an exchange.
    fn rename(&self, how: RenameFlags) -> nix::Result<Option<Record>> {
        let moved = self.moved.filter(|_| how == RenameFlags::RENAME_EXCHANGE);
        let record = moved.and_then(|(name, _)| {
            let path = name.components().join(&b'/');
            Record::of_exchange(self.volume, &path, self.entry, self.target).ok()
        });
        match record {
            Some(record) => exchange(self.volume, record, self.entry, self.target, self.is_tree()).map(Some),
            // Where no record can be written at the root, a kill may leave both entries of a rename.
            None => rename_entry(self.entry, self.target, how, self.is_tree()).map(|()| None),
        }
    }

    /// Returns whether its entry is a directory itself, not a link to one.
    fn is_tree(&self) -> bool {
        self.moved.map_or(self.kind == Kind::Directory, |(_, found)| found.is_tree())
    }

    /// Returns its target, where it is a symbolic link.
    fn leads_to(&self) -> Option<FileId> {
        self.moved.filter(|(_, found)| found.link).map(|(_, found)| found.file)
    }

    /// Returns the flags of the rename. A free name must still be free at the rename (`RENAME_NOREPLACE`). A file is
    /// replaced by a plain rename; a directory is exchanged, since rename(2) replaces only an empty one.
    fn rename_flags(&self, existing: &Lookup) -> RenameFlags {
        match existing.found() {
            None => RenameFlags::RENAME_NOREPLACE,
            Some(found) if self.is_tree() || found.is_tree() => RenameFlags::RENAME_EXCHANGE,
            Some(_) => RenameFlags::empty(),
        }
    }

    /// Replaces what exists there on a file system without `RENAME_EXCHANGE`. `Err(None)`: this is impossible too.
    fn replace_by_two_renames(&self) -> Result<Record, Option<Errno>> {
        let path = self.to.components();
        let beside = || {
            [path.split_last().map_or(&[][..], |(_, above)| above), std::slice::from_ref(&self.entry.last)]
                .concat()
        };
        let source = self.moved.map_or_else(beside, |(name, _)| name.components().to_vec()).join(&b'/');
        let record = Record::of_two_renames(self.volume, &source, &path.join(&b'/'), self.target);
        two_renames(self.volume, record.map_err(|_| None)?, self.entry, self.target, self.is_tree())
    }

    /// Maps the error of the rename. `EINVAL` means a name that the file system does not allow, an entry inside the
    /// other one, or unsupported flags.
    fn refusal(&self, how: RenameFlags, errno: Errno) -> InstallError {
        let (to, exchanges) = (self.to, how == RenameFlags::RENAME_EXCHANGE);
        let error = match errno {
            // Some file systems return this for a name they do not allow.
            Errno::ENOENT if is_linked(&self.target.parent) && self.entry.stat().is_ok() => unfit(to),
            Errno::ENOENT => no_directory(to),
            errno if is_unable(errno) && are_nested(self.entry, self.target) => nested(to),
            errno if exchanges && (is_unable(errno) || errno == Errno::EXDEV) => {
                let what =
                    "exists, and this file system cannot replace a directory atomically: delete it first";
                Error::conflict(to.shown(), what)
            }
            Errno::EINVAL | Errno::EILSEQ => unfit(to),
            Errno::EXDEV => Error::conflict(to.shown(), "lies on another file system"),
            errno if is_race(errno) => map_errno(to, Errno::EAGAIN),
            errno => map_errno(to, errno),
        };
        InstallError { error, is_cross_device: errno == Errno::EXDEV }
    }
}

/// Applies the rules of what may replace what.
pub(super) fn may_replace(kind: Kind, to: &Name, existing: &Lookup, replaces_any: bool) -> Result<()> {
    match (kind, existing) {
        (Kind::File, _) if to.is_directory() => {
            Err(Error::conflict(to.shown(), "a file's name has no final slash"))
        }
        (_, Lookup::Unserved) => {
            Err(Error::conflict(to.shown(), "the name is taken by something that is not served"))
        }
        (_, Lookup::Found(found)) if found.meta.kind == Kind::Directory && !replaces_any => match kind {
            Kind::File => Err(Error::is_directory(to.shown(), "is a directory")),
            Kind::Directory if to.is_directory() => Ok(()),
            Kind::Directory => {
                let what = "is a directory: only with a final slash it is replaced, with all in it";
                Err(Error::is_directory(to.shown(), what))
            }
        },
        _ => Ok(()),
    }
}

/// Returns whether the name was changed between look-up and rename.
fn is_race(errno: Errno) -> bool {
    matches!(errno, Errno::EEXIST | Errno::ENOENT | Errno::ENOTDIR | Errno::EISDIR | Errno::ENOTEMPTY)
}

/// Returns whether one of two directory entries lies beneath the other.
fn are_nested(one: &EntryAt, other: &EntryAt) -> bool {
    is_inside(one, other) || is_inside(other, one)
}

fn is_inside(inner: &EntryAt, outer: &EntryAt) -> bool {
    let Ok(stat) = outer.stat() else { return false };
    let (outer, mut here, mut last) = (file_id(&stat), inner.parent.try_clone().ok(), None);
    while let Some(directory) = here {
        let Ok(now) = fstat(&directory).map(|stat| file_id(&stat)) else { return false };
        if now == outer {
            return true;
        }
        // The root of the file system is its own parent.
        let flags = HANDLE | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        here = openat(&directory, "..", flags, Mode::empty()).ok().filter(|_| last != Some(now));
        last = Some(now);
    }
    false
}

/// Refuses two names that are equal, or of which one lies beneath the other.
pub(super) fn refuse_overlap(from: &Name, to: &Name) -> Result<()> {
    match (from.contains(to), to.contains(from)) {
        (true, true) => Err(same_file(to)),
        (false, false) => Ok(()),
        _ => Err(nested(to)),
    }
}

/// Returns the error of a source and a target that are the same.
pub(super) fn same_file(to: &Name) -> Error {
    Error::forbidden(to.shown(), "is the same file")
}

/// Returns the error of a source and a target of which one lies beneath the other.
fn nested(to: &Name) -> Error {
    Error::conflict(to.shown(), "one of the two lies inside the other")
}
