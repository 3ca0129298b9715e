//! Versions of local files: tells whether a file is still what it was, as an entity tag does on a server.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Identifies what a file was at one time: inode, size, and the times of its content and its inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalVersion(String);

impl LocalVersion {
    /// Makes one of the metadata of a file.
    pub fn of(meta: &Metadata) -> Self {
        let LocalVersion(content) = LocalVersion::without_change_time(meta);
        LocalVersion(format!("{content}{}.{:09}", meta.ctime(), meta.ctime_nsec()))
    }

    /// Makes one that stays the same when the inode changes, and its content does not.
    pub(crate) fn without_change_time(meta: &Metadata) -> Self {
        let inode = format!("{:x}-{:x}-{:x}", meta.dev(), meta.ino(), meta.size());
        LocalVersion(format!("{inode}-{}.{:09}-", meta.mtime(), meta.mtime_nsec()))
    }

    /// Returns whether this is the version that was noted as text, with or without the time of the inode.
    pub(crate) fn is(&self, noted: &str) -> bool {
        self.0.starts_with(noted)
    }
}

/// Formats it as text without white space.
impl fmt::Display for LocalVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
