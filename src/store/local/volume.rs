//! The directory of a store and what all that work on it share: locks, fsync, the account of disk space, and settings.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use super::inherited::umask;
use super::locks::Locks;
use super::mounts::Mounts;
use super::root::Root;
use super::snapshot::SnapshotLimits;
use super::space::Space;
use super::spool::{self, Spool};
use super::sync::Syncer;
use crate::error::{Error, Result};

/// What every verb of the engine works on.
pub(super) struct Volume {
    pub root: Root,
    pub locks: Locks,
    pub mounts: Arc<Mounts>,
    pub sync: Syncer,
    /// The account of the disk space that is reserved for what is being written.
    pub space: Space,
    /// Where spools are made, if not at the root.
    pub spool_directory: Option<OwnedFd>,
    /// What files may take whose size is not what the system says.
    pub snapshots: SnapshotLimits,
    /// The umask, where it is known.
    pub umask: Option<u32>,
    /// Whether nothing is written beneath the root, not even the digest of a file.
    pub read_only: bool,
}

impl Volume {
    /// Opens the directory with the settings of an engine that was given none.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Volume {
            root: Root::open(root)?,
            locks: Locks::default(),
            mounts: Arc::new(Mounts::open()),
            sync: Syncer::default(),
            space: Space::default(),
            spool_directory: None,
            snapshots: SnapshotLimits::default(),
            umask: umask(),
            read_only: false,
        })
    }

    /// Opens the directory that the path of the root leads to now, with the same settings and the same account.
    pub fn reopen(&self) -> Result<Self> {
        let named = |error| Error::io(self.root.path().as_os_str().as_encoded_bytes(), error);
        Ok(Volume {
            root: Root::open(self.root.path())?,
            locks: Locks::default(),
            mounts: Arc::clone(&self.mounts),
            sync: self.sync.again(),
            space: self.space.clone(),
            spool_directory: self
                .spool_directory
                .as_ref()
                .map(OwnedFd::try_clone)
                .transpose()
                .map_err(named)?,
            ..*self
        })
    }

    /// Makes an empty spool.
    pub fn spool(&self) -> io::Result<Spool> {
        spool::make(&self.space, self.spool_directory.as_ref().unwrap_or(self.root.handle()))
    }
}
