//! The contract of every storage engine: [`Store`], and the types of its arguments and results.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{Detail, Entries, Meta};
use super::name::Name;
use crate::error::{Error, Result};

/// The content of an open file, which stays the same when its name is replaced or deleted.
pub trait Content: Send + Sync {
    /// Returns what is known of it.
    fn meta(&self) -> &Meta;
    /// Returns a reader of the bytes of a range, in order. It ends where the range or the content ends, whose size is that
    /// at the time of the open.
    fn reader(&self, range: Range<u64>) -> io::Result<Box<dyn Read + '_>>;
    /// Reads some bytes at `offset`; 0 at the end. For what is not read in order: the beginning of a file, and filters
    /// that read backwards or a second time.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.reader(offset..offset.saturating_add(buffer.len() as u64))?.read(buffer)
    }
    /// Returns how many bytes of a large content should be read at once, at least: many where each read takes long.
    fn read_size(&self) -> usize {
        0
    }
    /// Returns all bytes, where the engine has them in memory.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }
    /// Returns the file descriptor for `sendfile`, where the engine has one.
    fn descriptor(&self) -> Option<&File> {
        None
    }
    /// Returns the stored SHA-256 of the whole content, where there is one and it is still valid.
    fn digest(&self) -> Option<[u8; 32]> {
        None
    }
    /// Prepares [`Content::keep_digest`]; must be called before the bytes are read from which the digest is computed.
    fn prepare_digest(&mut self) {}
    /// Stores the SHA-256 of the whole content for later opens, where the engine can.
    fn keep_digest(&self, _digest: &[u8; 32]) {}
}

/// A condition of a write, such as a precondition of the request: called under the lock of the name with the metadata
/// of what exists there now; an error stops the write. It may be called more than once, and must not write to the store
/// itself.
pub type Check<'a> = &'a dyn Fn(Option<&Meta>) -> Result<()>;

/// The most bytes of the properties of one file or directory; an engine may take fewer.
pub const PROPERTIES_MAX: usize = 32 * 1024;

/// The disk space beneath a directory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpace {
    /// How many more may be stored.
    pub available: u64,
    /// How many are in use.
    pub used: u64,
}

/// Makes the new properties of the present ones. An error changes nothing.
pub type ChangeProperties<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>>;

/// Called while content is copied or removed, with the files and the bytes that were done since the last call. An error stops
/// a copy; a deletion goes on, since its name is gone.
pub type ReportProgress<'a> = &'a dyn Fn(u64, u64) -> io::Result<()>;

/// The two names of a copy or a rename, and their conditions.
#[derive(Clone, Copy)]
pub struct Transfer<'a> {
    /// The source.
    pub from: &'a Name,
    /// The target.
    pub to: &'a Name,
    /// Checks what exists at the source.
    pub source: Check<'a>,
    /// Checks what exists at the target.
    pub target: Check<'a>,
    /// Is told how far the copy is.
    pub report: ReportProgress<'a>,
    /// Whether a directory at the target may be replaced by a file, also where its name has no final slash.
    pub replaces_any: bool,
    /// Whether a directory is copied without what is in it.
    pub is_shallow: bool,
}

/// New content for a name, invisible until [`Draft::commit`]; dropped before, it is discarded.
pub trait Draft: Write + Send {
    /// Sets the modification time, in seconds since 1970. Its fraction of a second is that of the current time, which
    /// distinguishes versions with the same seconds.
    fn set_modified(&mut self, seconds: i64);
    /// Atomically stores the content under its name, replacing what existed there. `digest` is the SHA-256 of the whole
    /// content, where it is known, and is stored with it. `check` is called right before, under the lock of the name.
    fn commit(self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written>;
}

/// New content that is written in several parts. It is kept when this value is dropped and when the process ends. It
/// ends with [`Draft::commit`], even one that fails, and expires when nothing is written to it for a time.
pub trait Partial: Draft {
    /// Returns its identifier for [`Store::resume`], which cannot be guessed.
    fn id(&self) -> &str;
    /// Returns the name it will be stored under.
    fn name(&self) -> &Name;
    /// Returns the metadata stored with it.
    fn metadata(&self) -> &[u8];
    /// Replaces the metadata.
    fn set_metadata(&mut self, metadata: &[u8]) -> Result<()>;
    /// Returns its size in bytes so far, all of which survive the end of the process.
    fn size(&self) -> Result<u64>;
    /// Returns the time until it expires if nothing is written to it, measured when it was opened.
    fn time_left(&self) -> Duration;
    /// Returns a reader of all bytes so far.
    fn reader(&self) -> io::Result<Box<dyn Read + '_>>;
    /// Truncates to `size` bytes.
    fn truncate(&mut self, size: u64) -> Result<()>;
    /// Fsyncs what was written. To be called before the offset is reported to a client.
    fn sync(&self) -> Result<()>;
    /// Removes it.
    fn remove(self: Box<Self>);
}

/// A partial upload that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedUpload {
    /// The name it was stored under.
    pub name: Name,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: String,
}

/// The result of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whether the name is new.
    pub created: bool,
    /// The metadata of what exists there now.
    pub meta: Meta,
}

/// A version of the lock record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRecordVersion(pub Vec<i128>);

/// Makes a lock record of the present one; empty where there is none.
pub type LockRecordChange<'a> = &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>>;

/// What a daemon does for an engine besides serving its files. The defaults are for an engine that needs none of it.
pub trait Upkeep: Send + Sync {
    /// Finishes or undoes the moves that a killed daemon left incomplete, and returns their number. To be called before
    /// any other use of the store.
    fn recover(&self) -> Result<u64> {
        Ok(0)
    }
    /// Removes the temporary files of daemons that died, and returns their number. It may take long, so call it in a
    /// thread of its own; the store may be used concurrently.
    fn sweep(&self) -> Result<u64> {
        Ok(0)
    }
    /// Removes the expired partial uploads, and returns their number.
    fn expire(&self) -> Result<u64> {
        Ok(0)
    }
    /// Checks that the engine responds. May block for any time.
    fn check_health(&self) -> Result<()> {
        Ok(())
    }
    /// Returns whether other daemons may write to the same files.
    fn is_shared(&self) -> bool {
        false
    }
    /// Returns what the engine lacks for several daemons, where it was told of them, for the log.
    fn find_missing(&self) -> Result<Vec<&'static str>> {
        Ok(Vec::new())
    }
    /// Looks whether other daemons write to the same files, and returns what is to be said of it in the log. May block
    /// for any time.
    fn find_others(&self) -> Option<&'static str> {
        None
    }
    /// Opens what the configured place leads to now; `None` where that is this engine.
    fn reopened(&self) -> Result<Option<Arc<dyn Store>>> {
        Ok(None)
    }
    /// Returns whether the directory of these components folds case.
    fn folds_case(&self, _components: &[Vec<u8>]) -> bool {
        false
    }
    /// Returns the version of the lock record, which changes whenever the record does; `None` where there is none. The
    /// record holds what a daemon knows of the locks of its clients; no client can name it.
    fn lock_record_version(&self) -> Result<Option<LockRecordVersion>> {
        Ok(None)
    }
    /// Reads the lock record, with its version.
    fn lock_record(&self) -> Result<Option<(Vec<u8>, LockRecordVersion)>> {
        Ok(None)
    }
    /// Replaces the lock record atomically, and fsyncs it, by what `change` makes of the present one; an error of `change`
    /// leaves it as it is. One daemon does this at a time. Where other daemons write to the same files, none of them commits
    /// a write to `name` from after `change` until the record is replaced.
    fn update_lock_record(
        &self,
        _name: Option<&Name>,
        _change: LockRecordChange<'_>,
    ) -> Result<LockRecordVersion> {
        Err(Error::not_implemented("LOCK", "is not offered: this store keeps no locks"))
    }
    /// Returns the paths that a process must still reach once it is confined.
    fn confinement(&self) -> Confinement {
        Confinement::default()
    }
}

/// The paths of this machine that a confined process must leave to an engine.
#[derive(Default)]
pub struct Confinement {
    /// Directories beneath which it does anything with files.
    pub changed: Vec<PathBuf>,
    /// Files that it reads.
    pub read: Vec<PathBuf>,
}

/// An engine that keeps named files.
///
/// Errors name the file by its path in the store (`/d/f`); their kinds are part of the contract.
pub trait Store: Upkeep {
    /// Returns the metadata of a name. A name with a final slash must be a directory.
    fn meta(&self, name: &Name) -> Result<Meta>;
    /// Opens a regular file. A directory is an error of kind `IsDirectory`.
    fn open(&self, name: &Name) -> Result<Box<dyn Content>>;
    /// Lists a directory, unsorted; with `recursive` everything beneath it, each directory before its entries. A
    /// symbolic link to a directory is listed as a directory, but not descended into.
    fn list(&self, name: &Name, recursive: bool, detail: Detail) -> Result<Entries<'_>>;
    /// Begins new content for a name. `check` is called before anything else, with what exists there, which
    /// [`Draft::commit`] checks again. `size` is its length where it is known; one that does not fit is `NoSpace` at once.
    fn create(&self, name: &Name, size: Option<u64>, check: Check<'_>) -> Result<Box<dyn Draft + '_>>;
    /// Begins new content that may be written in several parts, and stores `metadata` with it. `None` where the engine
    /// does not support that, or has too many already.
    fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        check: Check<'_>,
        metadata: &[u8],
    ) -> Result<Option<Box<dyn Partial + '_>>>;
    /// Opens a partial upload to resume it, which locks it (`Busy` for others); an unknown or expired one is `NotFound`.
    fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>>;
    /// Returns what became of a partial upload that was committed, by any daemon, for as long as an unfinished one is kept;
    /// of another one `None`. `Busy` while it is being committed.
    fn completed(&self, id: &[u8]) -> Result<Option<CompletedUpload>>;
    /// Atomically copies a file, or, where `from` has a final slash, a directory with everything in it. Files keep their
    /// modification times, in whole seconds. A copy onto itself is `Forbidden`, one into itself `Conflict`.
    ///
    /// A directory at `to` is replaced only by a directory, and only where `to` has the final slash, unless the transfer says
    /// that it may be replaced by a file.
    fn copy(&self, transfer: Transfer<'_>) -> Result<Written>;
    /// Atomically renames a file or a directory, replacing what existed at `to` by the rules of [`Store::copy`].
    fn rename(&self, transfer: Transfer<'_>) -> Result<Written>;
    /// Deletes a file, or, where the name has a final slash, a directory with everything in it. The name disappears
    /// atomically; freeing the space may take longer. A directory without the slash is `IsDirectory`. Returns the error
    /// where some of the space could not be freed, for the log.
    fn delete(&self, name: &Name, check: Check<'_>, report: ReportProgress<'_>) -> Result<Option<Error>>;
    /// Returns the properties that clients have set: bytes that mean nothing to the engine, empty where there are none. A
    /// rename takes them along, a copy has them too, and new content under the name keeps them.
    fn properties(&self, name: &Name) -> Result<Vec<u8>>;
    /// Changes the properties of a name, under its lock: `check` and `change` are called there. The entity tag stays the
    /// same. What has no room is `NoSpace`.
    fn change_properties(&self, name: &Name, check: Check<'_>, change: ChangeProperties<'_>) -> Result<()>;
    /// Returns the disk space beneath a directory; `None` where the engine does not know it.
    fn disk_space(&self, _directory: &Name) -> Result<Option<DiskSpace>> {
        Ok(None)
    }
    /// Makes a directory. A missing parent is `NoParent`, an existing name `AlreadyExists`. `check` is called before,
    /// with what exists there.
    fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()>;
}
