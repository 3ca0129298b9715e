//! The engine of one local directory: the methods of the contract, and which file implements each.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statvfs::fstatvfs;

use super::{
    DIRECTORY, Links, SnapshotLimits, Spools, Uploads, Volume, content, copy, delete, directory, draft,
    folds_case_in, is_reserved_in_disguise, list, lock_record, lookup, map_errno, partial, properties,
    recovery, rename, sharing,
};
use crate::error::{Error, Result};
use crate::store::{
    ChangeProperties, Check, CompletedUpload, Confinement, Content, Detail, DiskSpace, Draft, Entries,
    LockRecordChange, LockRecordVersion, Meta, Name, Partial, ReportProgress, Store, Transfer, Upkeep,
    Written,
};

/// The files beneath one directory of this machine (Linux 5.6 or later, for `openat2`).
///
/// Several engines, in one process or many, may share a directory. Conditions hold between all of them where names are
/// locked between them: see `locks`.
pub struct Local {
    volume: Volume,
    uploads: Uploads,
}

impl Local {
    /// Opens the directory, which must exist. It stays open even if it is renamed or replaced; then nothing is written,
    /// and a missing name is reported as an error of the root, not as `NotFound`.
    pub fn open(root: &Path) -> Result<Self> {
        Ok(Local { volume: Volume::open(root)?, uploads: Uploads::default() })
    }

    /// Fsyncs nothing: acknowledged writes may be lost in a power failure.
    pub fn without_sync(mut self) -> Self {
        self.volume.sync.off = true;
        self
    }

    /// Makes spools in another directory, for a root that is not writable. Where that is not writable either, making a
    /// spool fails.
    pub fn spooling_in(mut self, directory: &Path) -> Self {
        if let Ok(directory) = open(directory, DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
            self.volume.spools.move_to(directory);
        }
        self
    }

    /// Writes nothing beneath the root on its own account: stores no digest, sweeps nothing.
    pub fn read_only(mut self) -> Self {
        self.volume.read_only = true;
        self
    }

    /// Says that daemons of other machines write to the same files: names are locked between all of them. To be called
    /// after [`Local::read_only`]. An error where the file system has no locks, or where nothing is written and no other daemon
    /// has made the lock file, unless `is_trial`.
    pub fn shared(mut self, is_trial: bool) -> Result<Self> {
        self.volume.is_shared = true;
        self.volume.share(is_trial)?;
        Ok(self)
    }

    /// Refuses content that would leave fewer bytes free.
    pub fn with_reserve(mut self, bytes: u64) -> Self {
        self.volume.spools.space.keep_free = bytes;
        self
    }

    /// Limits all spools together to so many bytes; the default is a tenth of their file system.
    pub fn spooling_at_most(mut self, bytes: Option<u64>) -> Self {
        self.volume.spools.space.max_spool = bytes;
        self
    }

    /// Limits snapshots of files whose `st_size` is wrong to `size` bytes: up to `memory` bytes are held in memory,
    /// more in a spool, which may take `1/parts` of the limit of all spools.
    pub fn snapshotting(mut self, memory: usize, size: u64, parts: u64) -> Self {
        self.volume.snapshots = SnapshotLimits { memory, size, parts };
        self
    }

    /// Keeps small files that are asked for again in memory, of at most so many bytes; with 0, the default, none.
    pub fn caching_at_most(mut self, bytes: u64) -> Result<Self> {
        self.volume.cache_at_most(bytes)?;
        Ok(self)
    }

    /// Allows at most `most` partial uploads; each expires when nothing is written to it for `time`. The default is
    /// none.
    pub fn keeping_partials(mut self, most: usize, time: Duration) -> Self {
        (self.uploads.most, self.uploads.time) = (most, time);
        self
    }

    /// Returns the spools of the daemon, whose disk space is reserved in the same account as that of writes.
    pub fn spools(&self) -> Spools {
        self.volume.spools.clone()
    }

    /// Refuses reserved names in another case, in a directory that folds case.
    fn refuse_reserved(&self, name: &Name) -> Result<()> {
        match is_reserved_in_disguise(&self.volume, name) {
            true => Err(Error::forbidden(name.shown(), "belongs to the daemon")),
            false => Ok(()),
        }
    }
}

impl Upkeep for Local {
    fn recover(&self) -> Result<u64> {
        if self.volume.read_only { Ok(0) } else { recovery::recover(&self.volume) }
    }

    /// Walks through the whole root.
    fn sweep(&self) -> Result<u64> {
        if self.volume.read_only { Ok(0) } else { recovery::sweep(&self.volume) }
    }

    fn expire(&self) -> Result<u64> {
        if self.volume.read_only { Ok(0) } else { self.uploads.expire(&self.volume) }
    }

    /// Checks that the path of the root leads to it, its file system answers, and names are locked in the file that the others
    /// lock too.
    fn check_health(&self) -> Result<()> {
        let root = &self.volume.root;
        root.require_attached()?;
        let answers = fstatvfs(&root.handle).and_then(|_| self.volume.locks.check_file());
        answers.map_err(|errno| map_errno(&Name::root(), errno))
    }

    fn is_shared(&self) -> bool {
        self.volume.locks.is_shared()
    }

    fn find_missing(&self) -> Result<Vec<&'static str>> {
        match self.volume.is_shared && !self.volume.read_only {
            true => {
                sharing::find_missing(&self.volume.root.handle).map_err(|errno| Error::io("/", errno.into()))
            }
            false => Ok(Vec::new()),
        }
    }

    fn find_others(&self) -> Option<&'static str> {
        if self.volume.read_only { None } else { self.volume.locks.find_others() }
    }

    /// Opens the directory that the path of the root leads to now.
    fn reopened(&self) -> Result<Option<Arc<dyn Store>>> {
        if self.volume.root.require_attached().is_ok() {
            return Ok(None);
        }
        let volume = self.volume.reopen()?;
        let named = |error| Error::io(volume.root.path.as_os_str().as_encoded_bytes(), error);
        let uploads = self.uploads.for_new_root().map_err(named)?;
        Ok(Some(Arc::new(Local { volume, uploads })))
    }

    fn folds_case(&self, components: &[Vec<u8>]) -> bool {
        folds_case_in(&self.volume, components)
    }

    fn lock_record_version(&self) -> Result<Option<LockRecordVersion>> {
        lock_record::version(&self.volume)
    }

    fn lock_record(&self) -> Result<Option<(Vec<u8>, LockRecordVersion)>> {
        lock_record::read(&self.volume)
    }

    fn update_lock_record(
        &self,
        name: Option<&Name>,
        change: LockRecordChange<'_>,
    ) -> Result<LockRecordVersion> {
        lock_record::update(&self.volume, name, change)
    }

    fn confinement(&self) -> Confinement {
        let root = &self.volume.root.path;
        let changed = [root.to_owned()].into_iter().chain(beside_target(root)).collect();
        Confinement { changed, read: vec!["/proc/self/mountinfo".into()] }
    }
}

impl Store for Local {
    fn meta(&self, name: &Name) -> Result<Meta> {
        self.refuse_reserved(name)?;
        lookup::meta(&self.volume, name)
    }

    fn open(&self, name: &Name) -> Result<Box<dyn Content>> {
        self.refuse_reserved(name)?;
        let cache = self.volume.cache.as_ref();
        if let Some(file) = cache.and_then(|cache| cache.get(name)) {
            return match file.is_directory() {
                true => Err(content::no_file(name)),
                false => Ok(Box::new(file)),
            };
        }
        let opened = content::open(&self.volume, name);
        let mut file = opened.map_err(|error| self.volume.root.explain_absence(error))?;
        file.offer_to(cache.cloned());
        Ok(Box::new(file))
    }

    fn list(&self, name: &Name, recursive: bool, detail: Detail) -> Result<Entries<'_>> {
        self.refuse_reserved(name)?;
        self.volume.root.require_attached()?;
        list::list(&self.volume, name, recursive, detail)
    }

    fn create(&self, name: &Name, size: Option<u64>, check: Check<'_>) -> Result<Box<dyn Draft + '_>> {
        self.refuse_reserved(name)?;
        Ok(Box::new(draft::begin(&self.volume, name, Links::Followed, size, check, false)?))
    }

    fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        check: Check<'_>,
        metadata: &[u8],
    ) -> Result<Option<Box<dyn Partial + '_>>> {
        self.refuse_reserved(name)?;
        let begun = partial::begin(&self.volume, &self.uploads, name, size, check, metadata)?;
        Ok(begun.map(|partial| Box::new(partial) as Box<dyn Partial>))
    }

    fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>> {
        Ok(Box::new(partial::resume(&self.volume, &self.uploads, id)?))
    }

    fn completed(&self, id: &[u8]) -> Result<Option<CompletedUpload>> {
        self.uploads.completed(&self.volume, id)
    }

    fn copy(&self, transfer: Transfer<'_>) -> Result<Written> {
        self.refuse_reserved(transfer.from)?;
        self.refuse_reserved(transfer.to)?;
        copy::copy(&self.volume, transfer)
    }

    fn rename(&self, transfer: Transfer<'_>) -> Result<Written> {
        self.refuse_reserved(transfer.from)?;
        self.refuse_reserved(transfer.to)?;
        rename::rename(&self.volume, transfer)
    }

    fn delete(&self, name: &Name, check: Check<'_>, report: ReportProgress<'_>) -> Result<Option<Error>> {
        self.refuse_reserved(name)?;
        delete::delete(&self.volume, name, check, report)
    }

    fn disk_space(&self, directory: &Name) -> Result<Option<DiskSpace>> {
        self.refuse_reserved(directory)?;
        lookup::disk_space(&self.volume, directory)
    }

    fn properties(&self, name: &Name) -> Result<Vec<u8>> {
        self.refuse_reserved(name)?;
        properties::read(&self.volume, name)
    }

    fn change_properties(&self, name: &Name, check: Check<'_>, change: ChangeProperties<'_>) -> Result<()> {
        self.refuse_reserved(name)?;
        properties::change(&self.volume, name, check, change)
    }

    fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()> {
        self.refuse_reserved(name)?;
        directory::make_directory(&self.volume, name, check)
    }
}

/// Returns the directory around the target of a root that is a symbolic link: when it is reopened, it may lead to another directory
/// there.
fn beside_target(root: &Path) -> Option<PathBuf> {
    let is_link = fs::symlink_metadata(root).is_ok_and(|found| found.is_symlink());
    let beside = is_link.then(|| fs::canonicalize(root).ok()).flatten()?.parent()?.to_owned();
    // The whole file system would be no confinement.
    (beside != Path::new("/")).then_some(beside)
}
