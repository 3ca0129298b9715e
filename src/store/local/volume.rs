//! The root directory of a store and what all operations share: locks, fsync, the account of disk space, and settings.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use super::{FileCache, Locks, Mounts, Root, SnapshotLimits, Space, Spools, Syncer};
use crate::error::{Error, Result};

/// The shared state of all operations of the engine.
pub(super) struct Volume {
    pub root: Root,
    pub locks: Locks,
    pub mounts: Arc<Mounts>,
    pub sync: Syncer,
    /// Spools, and the account of disk space that they share with all writes.
    pub spools: Spools,
    /// The limits for snapshots of files whose `st_size` is wrong.
    pub snapshots: SnapshotLimits,
    /// The cache of small files, where there is one.
    pub cache: Option<Arc<FileCache>>,
    /// The umask, where it is known.
    pub umask: Option<u32>,
    /// Whether nothing is written beneath the root, not even a digest attribute.
    pub read_only: bool,
}

impl Volume {
    /// Opens the directory with default settings.
    pub fn open(path: &Path) -> Result<Self> {
        let root = Root::open(path)?;
        Ok(Volume {
            spools: Spools::at_root(duplicate(&root)?),
            root,
            locks: Locks::default(),
            mounts: Arc::new(Mounts::open()),
            sync: Syncer::default(),
            snapshots: SnapshotLimits::default(),
            cache: None,
            umask: umask(),
            read_only: false,
        })
    }

    /// Opens the directory that the path of the root leads to now, with the same settings and the same account.
    pub fn reopen(&self) -> Result<Self> {
        let root = Root::open(&self.root.path)?;
        self.spools.follow_root(duplicate(&root)?);
        let again = |cache: &Arc<FileCache>| duplicate(&root).map(|root| Arc::new(cache.again(root)));
        let cache = self.cache.as_ref().map(again).transpose()?;
        Ok(Volume {
            root,
            locks: Locks::default(),
            mounts: Arc::clone(&self.mounts),
            sync: self.sync.again(),
            spools: self.spools.clone(),
            cache,
            ..*self
        })
    }

    /// Keeps small files in memory, of at most so many bytes.
    pub fn cache_at_most(&mut self, bytes: u64) -> Result<()> {
        let root = duplicate(&self.root)?;
        self.cache = (bytes > 0).then(|| Arc::new(FileCache::new(root, bytes)));
        Ok(())
    }

    /// The account of the disk space that is reserved for what is being written.
    pub fn space(&self) -> &Space {
        &self.spools.space
    }
}

fn duplicate(root: &Root) -> Result<OwnedFd> {
    let named = |error| Error::io(root.path.as_os_str().as_encoded_bytes(), error);
    root.handle.try_clone().map_err(named)
}

/// Reads the umask of this process from /proc: `umask(2)` would change it for a moment.
fn umask() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
    u32::from_str_radix(line.trim(), 8).ok()
}
