//! The engine of one local directory: which verb is answered where.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, fstat, mkdirat};
use nix::sys::statvfs::fstatvfs;

use super::digest::Attribute;
use super::inherited::umask;
use super::locks::Locks;
use super::lookup::Standing;
use super::mounts::Mounts;
use super::partial;
use super::partial::Partials;
use super::root::{DIRECTORY, HANDLE, Links, Root, absent, unfit, wrong, wrong_for};
use super::snapshot::SnapshotLimits;
use super::space::Space;
use super::spool::Spool;
use super::sync::Durability;
use super::{
    case_folding, content, copy, delete, digest, draft, list, recovery, rename, root, space, spool, sweep,
};
use crate::error::{Error, Result};
use crate::store::contract::{Check, Content, Draft, Entries, Meta, Partial, Store, Written};
use crate::store::name::Name;

/// The files beneath one directory of this machine (Linux 5.6 or later, for `openat2`).
///
/// Several of them, in one process or many, may share a directory: what is asked by `If-None-Match: *` holds
/// between them too, what is asked of a content that stands only between the threads of one.
pub struct Local {
    pub(super) root: Root,
    pub(super) locks: Locks,
    pub(super) mounts: Arc<Mounts>,
    pub(super) durability: Durability,
    /// The disk space that is promised to what is being written.
    pub(super) space: Space,
    pub(super) partials: Partials,
    /// What files may take whose size is not what the system says.
    pub(super) snapshots: SnapshotLimits,
    /// The umask, where it is known.
    pub(super) umask: Option<u32>,
    /// Whether nothing is written beneath the root, not even what is known of a file.
    pub(super) untouched: bool,
    /// Where to spool, if not at the root.
    spools: Option<OwnedFd>,
}

impl Local {
    /// Opens the directory, which must be there. The handle stays with it even if it is renamed; then, and where another
    /// one has its name, nothing is written, and what is not there is not said to be missing (503).
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Local {
            root: Root::open(root)?,
            locks: Locks::default(),
            mounts: Arc::new(Mounts::open()),
            durability: Durability::default(),
            space: Space::default(),
            snapshots: SnapshotLimits::default(),
            partials: Partials::default(),
            umask: umask(),
            untouched: false,
            spools: None,
        })
    }

    /// Leaves it to the system when writes reach the disk: what was acknowledged may be lost with the power.
    pub fn without_sync(mut self) -> Self {
        self.durability.off = true;
        self
    }

    /// Spools in another directory of this machine, since the root may not be written. Where that one may not either,
    /// whoever needs a spool is told.
    pub fn spooling_in(mut self, place: &Path) -> Self {
        self.spools = open(place, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()).ok();
        self
    }

    /// Leaves what is beneath the root as it is where only reading is asked for: no digest is kept, nothing swept.
    pub fn untouched(mut self) -> Self {
        self.untouched = true;
        self
    }

    /// Refuses contents that would leave fewer bytes free.
    pub fn keeping_free(mut self, bytes: u64) -> Self {
        self.space.keep_free = bytes;
        self
    }

    /// Lets spools hold so many bytes together; without this it is a tenth of the file system they are on.
    pub fn spooling_at_most(mut self, bytes: Option<u64>) -> Self {
        self.space.max_spool = bytes;
        self
    }

    /// Reads files whose size is not what the system says up to `size` bytes: up to `memory` bytes into memory, a longer
    /// one into a spool, which may be `1/parts` of what spools may hold together.
    pub fn snapshotting(mut self, memory: usize, size: u64, parts: u64) -> Self {
        self.snapshots = SnapshotLimits { memory, size, parts };
        self
    }

    /// Keeps at most so many partial contents, each as long as it is written to at least once in this time. Without
    /// this there are none.
    pub fn keeping_partials(mut self, most: usize, time: Duration) -> Self {
        (self.partials.most, self.partials.time) = (most, time);
        self
    }

    /// Removes the partial contents whose time is over, and returns how many that were.
    pub fn expire(&self) -> Result<u64> {
        if self.untouched { Ok(0) } else { partial::expire(self) }
    }

    /// Finishes or undoes what a daemon that was killed had half done, and returns how many moves that were. To be
    /// called before anything else is asked of the store.
    pub fn recover(&self) -> Result<u64> {
        if self.untouched { Ok(0) } else { recovery::recover(self) }
    }

    /// Removes what a daemon that died left behind, and returns how many temporaries that were. It walks through
    /// all of the store, so it is for a thread of its own; anything else may go on meanwhile, also in other daemons.
    pub fn sweep(&self) -> Result<u64> {
        if self.untouched { Ok(0) } else { sweep::sweep(self) }
    }

    /// Looks at what a name leads to, and once more under the lock of the name where what is kept with it does not fit:
    /// another thread may just be renaming it.
    pub(super) fn settled(
        &self,
        name: &Name,
        look: impl Fn() -> nix::Result<(FileStat, Option<Attribute>)>,
    ) -> nix::Result<(FileStat, Option<Attribute>)> {
        let looked = look()?;
        if looked.1.is_none_or(|kept| kept.is_true) {
            return Ok(looked);
        }
        let Ok(place) = self.root.place_to(name, Links::Followed) else { return Ok(looked) };
        let _held = self.locks.hold(vec![place.key()]);
        digest::settled(look)
    }

    /// Looks at an entry of a list once more, under the lock of its name.
    pub(super) fn look_again(&self, name: &Name) -> nix::Result<Standing> {
        let Ok(place) = self.root.place_to(name, Links::Followed) else { return Ok(Standing::Nothing) };
        let _held = self.locks.hold(vec![place.key()]);
        self.root.look(name.components(), &place)
    }

    /// The same on the directory that the root's name leads to now; nothing where that is this one.
    pub fn reopened(&self) -> Result<Option<Self>> {
        if self.root.require_attached().is_ok() {
            return Ok(None);
        }
        let named = |wrong| Error::io(self.root.path().as_os_str().as_encoded_bytes(), wrong);
        Ok(Some(Local {
            root: Root::open(self.root.path())?,
            locks: Locks::default(),
            mounts: Arc::clone(&self.mounts),
            durability: self.durability.again(),
            space: self.space.clone(),
            snapshots: self.snapshots,
            partials: self.partials.again().map_err(named)?,
            umask: self.umask,
            untouched: self.untouched,
            spools: self.spools.as_ref().map(OwnedFd::try_clone).transpose().map_err(named)?,
        }))
    }

    /// Whether the root is what its name leads to, and its file system answers, which is waited for as long as that
    /// takes.
    pub fn require_answer(&self) -> Result<()> {
        self.root.require_attached()?;
        self.room().map(drop).map_err(|wrong| Error::io("/", wrong))
    }

    /// Whether names in the directory of these components are the same in any case.
    pub fn folds_case(&self, components: &[Vec<u8>]) -> bool {
        case_folding::folds_case_in(self, components)
    }

    /// Refuses the daemon's own names in another case, where that leads to the same.
    fn admit(&self, name: &Name) -> Result<()> {
        match case_folding::is_reserved_in_disguise(self, name) {
            true => Err(Error::status(403, name.shown(), "belongs to the daemon")),
            false => Ok(()),
        }
    }

    /// An error of what was looked for, which is not missing where the root itself is.
    fn missed(&self, error: Error) -> Error {
        match error.http_status() {
            404 => self.root.require_attached().err().unwrap_or(error),
            _ => error,
        }
    }

    /// The room left for files, in bytes.
    pub fn room(&self) -> io::Result<u64> {
        Ok(space::free(&fstatvfs(self.root.handle())?))
    }
}

impl Store for Local {
    fn meta(&self, name: &Name) -> Result<Meta> {
        self.admit(name)?;
        let kind = if name.is_directory() { OFlag::O_DIRECTORY } else { OFlag::empty() };
        let named = |errno| self.missed(wrong(name, errno));
        let handle = self.root.descend(name.components(), HANDLE | kind).map_err(named)?;
        let look = || fstat(&handle).map(|stat| (stat, digest::of_handle(&handle, &stat)));
        let (stat, kept) = self.settled(name, look).map_err(named)?;
        Meta::of(&stat, kept).ok_or_else(|| absent(name))
    }

    fn open(&self, name: &Name) -> Result<Box<dyn Content>> {
        self.admit(name)?;
        Ok(Box::new(content::open(self, name).map_err(|error| self.missed(error))?))
    }

    fn list(&self, name: &Name, recursive: bool) -> Result<Entries<'_>> {
        self.admit(name)?;
        self.root.require_attached()?;
        list::list(self, name, recursive)
    }

    fn create(&self, name: &Name, size: Option<u64>) -> Result<Box<dyn Draft + '_>> {
        self.admit(name)?;
        Ok(Box::new(draft::begin(self, name, Links::Followed, size)?))
    }

    fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        note: &[u8],
    ) -> Result<Option<Box<dyn Partial + '_>>> {
        self.admit(name)?;
        Ok(partial::begin(self, name, size, note)?.map(|kept| Box::new(kept) as Box<dyn Partial>))
    }

    fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        Ok(Box::new(partial::resume(self, id)?))
    }

    fn copy(&self, from: &Name, to: &Name, source: Check<'_>, target: Check<'_>) -> Result<Written> {
        self.admit(from)?;
        self.admit(to)?;
        copy::copy(self, from, to, source, target)
    }

    fn rename(&self, from: &Name, to: &Name, source: Check<'_>, target: Check<'_>) -> Result<Written> {
        self.admit(from)?;
        self.admit(to)?;
        rename::rename(self, from, to, source, target)
    }

    fn delete(&self, name: &Name, check: Check<'_>) -> Result<Option<Error>> {
        self.admit(name)?;
        delete::delete(self, name, check)
    }

    fn make_directory(&self, name: &Name) -> Result<()> {
        self.admit(name)?;
        let stands = || Error::status(405, name.shown(), "stands already");
        if name.components().is_empty() {
            return Err(stands());
        }
        let place = self.root.place_for(name)?;
        match mkdirat(&place.parent, place.last.as_slice(), Mode::from_bits_truncate(0o777)) {
            Err(Errno::EEXIST) => Err(stands()),
            Err(Errno::EINVAL | Errno::EILSEQ) => Err(unfit(name)),
            // Some say this of a name they do not take.
            Err(Errno::ENOENT) if root::stands(&place.parent) => Err(unfit(name)),
            made => made.and_then(|()| self.durability.entry(&place)).map_err(|errno| wrong_for(name, errno)),
        }
    }

    fn spool(&self) -> io::Result<Spool> {
        spool::begin(self, self.spools.as_ref().unwrap_or(self.root.handle()))
    }
}
