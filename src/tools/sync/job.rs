//! Jobs: the pieces of work that the threads of a run share.

use super::tree::{EntryKind, TreeEntry};

/// One piece of work. Paths are relative to the two directories, without a final slash.
#[derive(Debug)]
pub(super) enum SyncJob {
    /// Compares a directory, which TO may not have.
    Directory {
        /// Its path.
        path: Vec<u8>,
        /// Whether TO has it.
        exists: bool,
    },
    /// Sends a file.
    File {
        /// Its path.
        path: Vec<u8>,
        /// What FROM has.
        from: TreeEntry,
        /// What TO has, which is replaced.
        to: Option<TreeEntry>,
        /// Whether it is sent only if the contents differ.
        compares: bool,
    },
    /// Deletes something from TO.
    Delete {
        /// Its path.
        path: Vec<u8>,
        /// What TO has.
        entry: TreeEntry,
        /// What takes its place.
        replacement: Option<Replacement>,
    },
}

impl SyncJob {
    /// Returns the first job of a run: to compare the two directories.
    pub fn root() -> Self {
        SyncJob::Directory { path: Vec::new(), exists: true }
    }
}

/// What takes the place of a thing of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// A file of this size.
    File(u64),
    /// A directory.
    Directory,
}

impl Replacement {
    /// Makes one of what FROM has.
    pub fn of(entry: TreeEntry) -> Self {
        if entry.is_directory() { Replacement::Directory } else { Replacement::File(entry.size) }
    }

    /// Returns the job that sends it to a path that is free.
    pub fn job(self, path: Vec<u8>) -> SyncJob {
        match self {
            Replacement::Directory => SyncJob::Directory { path, exists: false },
            Replacement::File(size) => {
                let (name, modified, version) = (Vec::new(), String::new(), String::new());
                let from = TreeEntry { name, kind: EntryKind::File, size, modified, version };
                SyncJob::File { path, from, to: None, compares: false }
            }
        }
    }
}
