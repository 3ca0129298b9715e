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
    /// Deletes an entry of TO.
    Delete(Deletion),
    /// Deletes symbolic links in one directory of the server.
    DeleteLinks(Vec<Deletion>),
    /// Sends a file or a directory in place of something of another kind.
    Replace {
        /// Its path.
        path: Vec<u8>,
        /// What FROM has.
        from: TreeEntry,
        /// What TO has, the entries of a directory before it.
        obstacles: Vec<Deletion>,
    },
}

impl SyncJob {
    /// Returns the first job of a run: to compare the two directories.
    pub fn root() -> Self {
        SyncJob::Directory { path: Vec::new(), exists: true }
    }
}

/// An entry of TO that is deleted if it still is what was listed: a directory, if it is empty by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deletion {
    /// Its path.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Its version in the list.
    pub version: String,
    /// Whether it is counted and named; if not, the directory is with which it goes.
    pub is_counted: bool,
}

impl Deletion {
    /// Returns the path of its directory, which is empty for the tree itself.
    pub fn parent(&self) -> &[u8] {
        let slash = self.path.iter().rposition(|&byte| byte == b'/');
        slash.and_then(|slash| self.path.get(..slash)).unwrap_or_default()
    }
}
