//! The moment in which a name changes hands, the same for a new content, a copy and a rename: under the lock look
//! what stands there, judge it by the rules below, ask the caller, rename.
//!
//! What may take whose place: a file takes a file's; a directory takes a file's, and a directory's only where the
//! name was given with its final slash. What is not served but takes the name is never replaced. A link is
//! replaced itself; what it leads to stays as it is. No link takes the place of what it leads to, which would be lost.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, RenameFlags, renameat, renameat2};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::beneath::{Place, no_directory, wrong};
use super::local::Local;
use super::standing::{Served, Standing};
use super::{Check, Kind, Name};
use crate::error::{Error, Result};

/// How often it is looked again when another program was quicker between look and rename.
const RACES: usize = 16;

/// What is put in place.
pub(super) struct Comer<'a> {
    /// Where it is now.
    pub place: &'a Place,
    /// What a client sees it as.
    pub kind: Kind,
    /// Whether its entry is a directory itself, not a link to one.
    pub is_tree: bool,
    /// What it leads to, where it is a link: in that place it would lead to itself.
    pub leads_to: Option<(u64, u64)>,
    /// Called with what is about to be replaced, before it is.
    pub prepare: &'a dyn Fn(Option<&Served>) -> nix::Result<()>,
}

/// How it went.
pub(super) struct Settled {
    /// Whether the name was free.
    pub created: bool,
    /// Whether what stood there now stands where the other came from.
    pub exchanged: bool,
}

/// Puts something under a name. The caller holds the lock of it.
pub(super) fn settle(
    local: &Local,
    comer: &Comer<'_>,
    to: &Name,
    place: &Place,
    check: Check<'_>,
) -> Result<Settled> {
    let mut last = Errno::EAGAIN;
    for _ in 0..RACES {
        let standing = local.root.look(to.components(), place).map_err(|errno| wrong(to, errno))?;
        judge(comer.kind, to, &standing)?;
        if standing.served().is_some_and(|served| !served.link && comer.leads_to == Some(served.file)) {
            return Err(itself(to));
        }
        check(standing.meta())?;
        (comer.prepare)(standing.served()).map_err(|errno| wrong(to, errno))?;
        let (how, settled) = means(comer, &standing);
        match take(comer, place, how) {
            Ok(()) => return Ok(settled),
            Err(errno) if is_race(errno) => last = errno,
            Err(errno) => return Err(refused(to, errno)),
        }
    }
    Err(refused(to, last))
}

/// Refuses what may not take the place of what stands there.
pub(super) fn judge(kind: Kind, to: &Name, standing: &Standing) -> Result<()> {
    let what = match (kind, standing) {
        (Kind::File, _) if to.is_directory() => "a file's name has no final slash",
        (_, Standing::Unserved) => "the name is taken by something that is not served",
        (_, Standing::Served(served)) if served.meta.kind == Kind::Directory => match kind {
            Kind::File => "is a directory",
            Kind::Directory if to.is_directory() => return Ok(()),
            Kind::Directory => "is a directory: only with a final slash it is replaced, with all in it",
        },
        _ => return Ok(()),
    };
    Err(Error::status(409, to.shown(), what))
}

/// A free name must still be free. A file's is taken over in one step, and so is a directory's, but that one has
/// to be exchanged: a rename replaces none that has something in it.
fn means(comer: &Comer<'_>, standing: &Standing) -> (RenameFlags, Settled) {
    match standing.served() {
        None => (RenameFlags::RENAME_NOREPLACE, Settled { created: true, exchanged: false }),
        Some(served) if comer.is_tree || served.is_tree() => {
            (RenameFlags::RENAME_EXCHANGE, Settled { created: false, exchanged: true })
        }
        Some(_) => (RenameFlags::empty(), Settled { created: false, exchanged: false }),
    }
}

/// Renames. Not every file system (NFS) can refuse a name that is taken, but each can link a file to a free one; and no
/// directory takes the place of anything but an empty one.
fn take(comer: &Comer<'_>, place: &Place, how: RenameFlags) -> nix::Result<()> {
    let (from, old) = (&comer.place.parent, comer.place.last.as_slice());
    let (to, new) = (&place.parent, place.last.as_slice());
    match renameat2(from, old, to, new, how) {
        Err(Errno::EINVAL) if how == RenameFlags::RENAME_NOREPLACE && comer.is_tree => {
            renameat(from, old, to, new)
        }
        Err(Errno::EINVAL) if how == RenameFlags::RENAME_NOREPLACE => {
            linkat(from, old, to, new, AtFlags::empty())?;
            unlinkat(from, old, UnlinkatFlags::NoRemoveDir)
        }
        renamed => renamed,
    }
}

/// Whether what was looked at is not what was met.
fn is_race(errno: Errno) -> bool {
    matches!(errno, Errno::EEXIST | Errno::ENOENT | Errno::ENOTDIR | Errno::EISDIR | Errno::ENOTEMPTY)
}

fn refused(to: &Name, errno: Errno) -> Error {
    match errno {
        Errno::ENOENT => no_directory(to),
        Errno::EINVAL => inside(to),
        Errno::EXDEV => Error::status(409, to.shown(), "lies on another file system"),
        errno if is_race(errno) => wrong(to, Errno::EAGAIN),
        errno => wrong(to, errno),
    }
}

/// One of two names lies beneath the other.
pub(super) fn inside(to: &Name) -> Error {
    Error::status(409, to.shown(), "one of the two lies inside the other")
}

/// Refuses two names that are the same, or of which one lies inside the other.
pub(super) fn keep_apart(from: &Name, to: &Name) -> Result<()> {
    match (from.holds(to), to.holds(from)) {
        (true, true) => Err(itself(to)),
        (false, false) => Ok(()),
        _ => Err(inside(to)),
    }
}

/// RFC 4918 §9.8.5: 403 where the two are the same.
pub(super) fn itself(to: &Name) -> Error {
    Error::status(403, to.shown(), "is the same file")
}
