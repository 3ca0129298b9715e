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
        let (modified, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
        let inode = format!("{:x}-{:x}-{:x}", meta.dev(), meta.ino(), meta.size());
        LocalVersion(format!("{inode}-{}.{:09}-{}.{:09}", modified.0, modified.1, changed.0, changed.1))
    }
}

/// Formats it as text without white space.
impl fmt::Display for LocalVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
