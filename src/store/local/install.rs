//! The moment in which a name changes hands, the same for a new content, a copy and a rename: under the lock look
//! what stands there, judge it by the rules below, ask the caller, rename.
//!
//! What may take whose place: a file takes a file's; a directory takes a file's, and a directory's only where the
//! name was given with its final slash. What is not served but takes the name is never replaced. A link is
//! replaced itself, where a name is given; new content goes to what it leads to (`beneath`). No link takes the place of what it leads to, which would be lost.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

use super::delete::refuse_mounts;
use super::engine::Local;
use super::intent::Record;
use super::lookup::{Served, Standing};
use super::replacement::{is_unable, take, two_renames};
use super::root::{HANDLE, Place, no_directory, stands, unfit, wrong};
use crate::error::{Error, Result};
use crate::store::contract::{Check, Kind};
use crate::store::name::Name;

/// How often it is looked again when another program was quicker between look and rename.
const RACES: usize = 16;

/// What is put in place.
pub(super) struct Comer<'a> {
    /// Where it is now.
    pub place: &'a Place,
    /// The name that clients see it by now; nothing for a temporary beside its target.
    pub name: Option<&'a Name>,
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
    /// What a start goes by if this process is killed before all is done.
    record: Option<Record>,
}

impl Settled {
    /// To be called when what stood there is gone from the other's name, and all is synced.
    pub fn end(self, local: &Local) -> nix::Result<()> {
        self.record.map_or(Ok(()), |record| record.end(local))
    }
}

/// Why something was not put under a name.
pub(super) struct Unsettled {
    /// What a client is told.
    pub error: Error,
    /// Whether the system would not rename it from where it is (`EXDEV`); a copy could be put there.
    pub is_across: bool,
}

impl From<Error> for Unsettled {
    fn from(error: Error) -> Self {
        Unsettled { error, is_across: false }
    }
}

impl From<Unsettled> for Error {
    fn from(unsettled: Unsettled) -> Self {
        unsettled.error
    }
}

/// Puts something under a name. The caller holds the lock of it.
pub(super) fn settle(
    local: &Local,
    comer: &Comer<'_>,
    to: &Name,
    place: &Place,
    check: Check<'_>,
) -> Result<Settled, Unsettled> {
    let mut last = Errno::EAGAIN;
    for _ in 0..RACES {
        let standing = local.root.look(to.components(), place).map_err(|errno| wrong(to, errno))?;
        judge(comer.kind, to, &standing)?;
        if standing.served().is_some_and(|served| !served.link && comer.leads_to == Some(served.file)) {
            return Err(itself(to).into());
        }
        check(standing.meta())?;
        if standing.served().is_some_and(Served::is_tree) {
            refuse_mounts(local, to, place)?;
        }
        (comer.prepare)(standing.served()).map_err(|errno| wrong(to, errno))?;
        let (how, mut settled) = means(comer, &standing);
        let exchanged = comer.name.filter(|_| settled.exchanged);
        // Where the root takes no record, a kill leaves what it leaves.
        let record = |name: &Name| Record::of_exchange(local, &name.components().join(&b'/'), place).ok();
        settled.record = exchanged.and_then(record);
        match take(comer.place, place, how, comer.is_tree) {
            Ok(()) => return Ok(settled),
            Err(errno) if is_race(errno) => last = errno,
            Err(errno) if settled.exchanged && is_unable(errno) && !are_nested(comer.place, place) => {
                drop(settled);
                let record = replace_by_two_renames(local, comer, to, place)
                    .map_err(|unable| refused(comer, to, place, how, unable.unwrap_or(errno)))?;
                return Ok(Settled { created: false, exchanged: false, record: Some(record) });
            }
            Err(errno) => return Err(refused(comer, to, place, how, errno)),
        }
    }
    Err(refused(comer, to, place, RenameFlags::empty(), last))
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
        None => (RenameFlags::RENAME_NOREPLACE, Settled { created: true, exchanged: false, record: None }),
        Some(served) if comer.is_tree || served.is_tree() => {
            (RenameFlags::RENAME_EXCHANGE, Settled { created: false, exchanged: true, record: None })
        }
        Some(_) => (RenameFlags::empty(), Settled { created: false, exchanged: false, record: None }),
    }
}

/// Replaces what stands where the file system cannot exchange. An error of nothing is that it cannot do this either.
fn replace_by_two_renames(
    local: &Local,
    comer: &Comer<'_>,
    to: &Name,
    place: &Place,
) -> Result<Record, Option<Errno>> {
    let above = to.components().split_last().map(|(_, above)| above).unwrap_or_default();
    let beside = || [above, std::slice::from_ref(&comer.place.last)].concat();
    let source = comer.name.map_or_else(beside, |name| name.components().to_vec()).join(&b'/');
    let record = Record::of_two_renames(local, &source, &to.components().join(&b'/'), place);
    let record = record.map_err(|_| None)?;
    two_renames(local, record, comer.place, place, comer.is_tree)
}

/// Whether what was looked at is not what was met.
fn is_race(errno: Errno) -> bool {
    matches!(errno, Errno::EEXIST | Errno::ENOENT | Errno::ENOTDIR | Errno::EISDIR | Errno::ENOTEMPTY)
}

/// `EINVAL` is said of a name the file system does not take, of two of which one lies inside the other, and of a rename
/// of a kind it does not know.
fn refused(comer: &Comer<'_>, to: &Name, place: &Place, how: RenameFlags, errno: Errno) -> Unsettled {
    let exchanges = how == RenameFlags::RENAME_EXCHANGE;
    let error = match errno {
        // Some say this of a name they do not take.
        Errno::ENOENT if stands(&place.parent) && is_there(comer.place) => unfit(to),
        Errno::ENOENT => no_directory(to),
        errno if is_unable(errno) && are_nested(comer.place, place) => inside(to),
        errno if exchanges && (is_unable(errno) || errno == Errno::EXDEV) => {
            let what = "stands, and this file system replaces no directory in one step: delete it first";
            Error::status(409, to.shown(), what)
        }
        Errno::EINVAL | Errno::EILSEQ => unfit(to),
        Errno::EXDEV => Error::status(409, to.shown(), "lies on another file system"),
        errno if is_race(errno) => wrong(to, Errno::EAGAIN),
        errno => wrong(to, errno),
    };
    Unsettled { error, is_across: errno == Errno::EXDEV }
}

fn is_there(place: &Place) -> bool {
    fstatat(&place.parent, place.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW).is_ok()
}

/// Whether one of two directory entries lies inside the directory that the other is.
fn are_nested(one: &Place, other: &Place) -> bool {
    is_inside(one, other) || is_inside(other, one)
}

fn is_inside(inner: &Place, outer: &Place) -> bool {
    let Ok(stat) = fstatat(&outer.parent, outer.last.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW) else {
        return false;
    };
    let (outer, mut here) = ((stat.st_dev, stat.st_ino), inner.parent.try_clone().ok());
    let mut last = None;
    while let Some(directory) = here {
        let Ok(stat) = fstat(&directory) else { return false };
        let now = (stat.st_dev, stat.st_ino);
        if now == outer {
            return true;
        }
        // The top of all is above itself.
        let flags = HANDLE | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        here = openat(&directory, "..", flags, Mode::empty()).ok().filter(|_| last != Some(now));
        last = Some(now);
    }
    false
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
