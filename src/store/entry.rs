//! What a store says of a file or directory: its metadata, and the entries of a list.

use std::time::SystemTime;

use crate::error::Result;

/// The metadata of a stored file or directory, from one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// A regular file or a directory; nothing else is served.
    pub kind: Kind,
    /// The size in bytes; 0 for a directory.
    pub size: u64,
    /// When the content was last changed.
    pub modified: SystemTime,
    /// The strong entity tag, with its quotes (RFC 9110 §8.8.3): it changes whenever the content does.
    pub etag: String,
}

/// What a name can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its path relative to the listed directory: components joined by `/`, no final slash.
    pub name: Vec<u8>,
    /// A file or a directory.
    pub kind: Kind,
    /// Whether it is a symbolic link to that file or directory.
    pub is_link: bool,
    /// Its size and time, where the list was asked for them or for the metadata.
    pub stat: Option<EntryStat>,
    /// Its metadata, where the list was asked for it.
    pub meta: Option<Meta>,
    /// Its properties, where the list was asked for them; else empty.
    pub properties: Vec<u8>,
}

impl Meta {
    /// Returns the part of it that a list of sizes has.
    pub fn stat(&self) -> EntryStat {
        EntryStat { size: self.size, modified: self.modified }
    }
}

/// What a list can say of an entry at less cost than all metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryStat {
    /// The size in bytes; 0 for a directory.
    pub size: u64,
    /// When the content was last changed.
    pub modified: SystemTime,
}

/// What a list says of each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Its name and kind, which an engine may know without looking at the entry.
    Names,
    /// Its size and time, too.
    Sizes,
    /// Its metadata, too, with the entity tag, which is made of the stored digest.
    Metadata,
    /// The properties that clients have set, too.
    Properties,
}

/// The entries of a directory, read lazily.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry>> + Send + 'a>;
