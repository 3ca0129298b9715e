//! The root directory of a store and what all operations share: locks, fsync, the account of disk space, and settings.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;

use super::{
    EntryAt, FileCache, Links, Mounts, NameGuard, Root, RootLocks, SnapshotLimits, Space, Spools, Syncer,
    read_size,
};
use crate::attributes::umask;
use crate::error::{Error, Result};
use crate::store::Name;

/// The shared state of all operations of the engine.
pub(super) struct Volume {
    pub root: Root,
    pub locks: RootLocks,
    pub mounts: Arc<Mounts>,
    pub sync: Syncer,
    /// Spools, and the account of disk space that they share with all writes.
    pub spools: Spools,
    /// The limits for snapshots of files whose `st_size` is wrong.
    pub snapshots: SnapshotLimits,
    /// The cache of small files, where there is one.
    pub cache: Option<Arc<FileCache>>,
    /// How many bytes of a large file should be read at once, at least.
    pub read_size: usize,
    /// The umask, where it is known.
    pub umask: Option<u32>,
    /// Whether nothing is written beneath the root, not even a digest attribute.
    pub read_only: bool,
    /// Whether daemons of other machines write to the same files.
    pub is_shared: bool,
}

impl Volume {
    /// Opens the directory with default settings.
    pub fn open(path: &Path) -> Result<Self> {
        let root = Root::open(path)?;
        Ok(Volume {
            spools: Spools::at_root(duplicate(&root)?),
            locks: locks_of(&root)?,
            read_size: read_size(&root.handle),
            root,
            mounts: Arc::new(Mounts::open()),
            sync: Syncer::default(),
            snapshots: SnapshotLimits::default(),
            cache: None,
            umask: umask(),
            read_only: false,
            is_shared: false,
        })
    }

    /// Opens the directory that the path of the root leads to now, with the same settings and the same account.
    pub fn reopen(&self) -> Result<Self> {
        let root = Root::open(&self.root.path)?;
        self.spools.follow_root(duplicate(&root)?);
        let empty = |cache: &Arc<FileCache>| duplicate(&root).map(|root| Arc::new(cache.for_new_root(root)));
        let cache = self.cache.as_ref().map(empty).transpose()?;
        let volume = Volume {
            locks: locks_of(&root)?,
            read_size: read_size(&root.handle),
            root,
            mounts: Arc::clone(&self.mounts),
            sync: self.sync.for_new_root(),
            spools: self.spools.clone(),
            cache,
            ..*self
        };
        if volume.is_shared {
            volume.share(false)?;
        }
        Ok(volume)
    }

    /// Locks names between all daemons from now on. In a trial the lock file may be missing: a start makes it.
    pub fn share(&self, is_trial: bool) -> Result<()> {
        let what = match self.locks.share(self.read_only) {
            Err(Errno::ENOENT) if self.read_only && is_trial => return Ok(()),
            Err(Errno::ENOENT) if self.read_only => {
                "has no .cfpd-locks yet: first start a daemon that writes".to_owned()
            }
            Err(errno) => {
                format!("no file can be locked there between daemons: {}", errno.desc().to_lowercase())
            }
            Ok(()) => return Ok(()),
        };
        Err(Error::usage(format!("--shared: {}: {what}", self.root.path.display())))
    }

    /// Keeps small files in memory, of at most so many bytes.
    pub fn cache_at_most(&mut self, bytes: u64) -> Result<()> {
        let root = duplicate(&self.root)?;
        self.cache = (bytes > 0).then(|| Arc::new(FileCache::new(root, bytes)));
        Ok(())
    }

    /// Locks names: see [`RootLocks::lock_names`].
    pub fn lock_names(&self, entries: &[&EntryAt]) -> nix::Result<NameGuard<'_>> {
        self.locks.lock_names(entries, !self.read_only)
    }

    /// Locks the name of a file; `None` where its directory is no longer there.
    pub fn lock_name(&self, name: &Name) -> nix::Result<Option<NameGuard<'_>>> {
        match self.root.entry_to_write(name, Links::Followed) {
            Ok(entry) => self.lock_names(&[&entry]).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Returns the account of the disk space that is reserved for what is being written.
    pub fn space(&self) -> &Space {
        &self.spools.space
    }
}

fn duplicate(root: &Root) -> Result<OwnedFd> {
    root.handle.try_clone().map_err(|error| root.named(error))
}

fn locks_of(root: &Root) -> Result<RootLocks> {
    RootLocks::of(root).map_err(|error| root.named(error))
}
