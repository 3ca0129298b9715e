//! What any engine owes: [`Store`], and the values it takes and gives.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use super::name::Name;
use crate::error::{Error, Result};

/// What is known of a stored file or directory, read in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// A regular file or a directory; nothing else is ever served.
    pub kind: Kind,
    /// The size in bytes; 0 for a directory.
    pub size: u64,
    /// When the content was last changed.
    pub modified: SystemTime,
    /// The strong entity tag, with its quotes (RFC 9110 §8.8.3): it changes whenever the content does.
    pub etag: String,
}

/// The two kinds of things with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
}

/// The content of a file as it was when it was opened, whatever happens to its name.
pub trait Content: Send + Sync {
    /// What is known of it.
    fn meta(&self) -> &Meta;
    /// Reads some bytes from `offset` on; 0 at the end, which is the size it had when it was opened.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// The open file, where the engine has one: for `sendfile`.
    fn descriptor(&self) -> Option<&File>;
    /// The SHA-256 of all of it, where one was kept that is still true.
    fn digest(&self) -> Option<[u8; 32]>;
    /// To be called before the bytes are read of which the digest is to be kept.
    fn prepare_digest(&mut self);
    /// Keeps the SHA-256 of all of it for the next time, as far as the engine can.
    fn keep_digest(&self, digest: &[u8; 32]);
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name below the listed directory: components joined by `/`, no final slash.
    pub name: Vec<u8>,
    /// What is known of it.
    pub meta: Meta,
}

/// A list, read while it is walked.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry>> + Send + 'a>;

/// Decides, under the lock of a name, whether a write to it may go on; it sees what stands there now. It may be
/// asked more than once, and must not write to the store itself.
pub type Check<'a> = &'a dyn Fn(Option<&Meta>) -> Result<()>;

/// A new content on its way to a name. Nobody sees it before [`Draft::commit`]; dropped, it leaves no trace.
pub trait Draft: Write {
    /// Gives the content a modification time, in seconds since 1970. Its fraction of a second is the moment's, and tells
    /// versions apart that were given the same time.
    fn set_modified(&mut self, seconds: i64);
    /// Puts the content under its name, replacing what stood there, at once. `digest` is the SHA-256 of all that was
    /// written, where that is known, and is kept with it. `check` is asked under the lock of the name, just before.
    fn commit(self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written>;
}

/// A content that comes in several pieces. What was written stays when this is dropped, and when the process ends;
/// [`Draft::commit`] is its end whatever comes of it, and so is a time in which nothing is written to it.
pub trait Partial: Draft {
    /// What it is found by. Nobody can guess it.
    fn id(&self) -> &str;
    /// The name it is on its way to.
    fn name(&self) -> &Name;
    /// What was to be kept with it.
    fn metadata(&self) -> &[u8];
    /// Keeps something else with it.
    fn set_metadata(&mut self, metadata: &[u8]) -> Result<()>;
    /// How many bytes there are: those that a process that ends now leaves.
    fn size(&self) -> Result<u64>;
    /// How long it stays when nothing is written to it, as of when it was opened.
    fn time_left(&self) -> Duration;
    /// Reads some bytes from `offset` on; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Keeps only the first bytes, and no room for more of them.
    fn truncate(&mut self, size: u64) -> Result<()>;
    /// Has on the disk what there is: only then may anybody be told of it.
    fn sync(&self) -> Result<()>;
    /// Removes it.
    fn remove(self: Box<Self>);
}

/// What a write left under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Whether the name is new.
    pub created: bool,
    /// What stands there now.
    pub meta: Meta,
}

/// An engine that keeps named files.
///
/// Errors name the file as a client does (`/d/f`); their kinds are part of the contract.
pub trait Store: Send + Sync {
    /// What stands under a name. A name with a final slash must be a directory.
    fn meta(&self, name: &Name) -> Result<Meta>;
    /// Opens a regular file. A directory is an error of kind `IsDirectory`.
    fn open(&self, name: &Name) -> Result<Box<dyn Content>>;
    /// What is in a directory, unsorted; with `recursive` all beneath it, a directory before what is in it. A
    /// link to a directory is listed as one, but not walked into.
    fn list(&self, name: &Name, recursive: bool) -> Result<Entries<'_>>;
    /// Begins a new content for a name; `size` is its length where it is known, and refused at once (`NoSpace`)
    /// where it does not fit.
    fn create(&self, name: &Name, size: Option<u64>) -> Result<Box<dyn Draft + '_>>;
    /// Begins a content that may come in several pieces, and keeps a note with it. Nothing where the engine cannot
    /// keep it, or has too many already.
    fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        metadata: &[u8],
    ) -> Result<Option<Box<dyn Partial + '_>>>;
    /// Opens a partial upload to resume it, which locks it (`Busy` for others); an unknown or expired one is `NotFound`.
    fn resume(&self, id: &[u8]) -> Result<Box<dyn Partial + '_>>;
    /// Copies a file, or, its name with a final slash, a directory with all in it; nobody sees a half. `source` is
    /// asked about `from`, `target` about `to`. Onto itself is `Forbidden`, into itself `Conflict`.
    ///
    /// A directory that stands at `to` is replaced only by a directory, and only where `to` has the final slash.
    fn copy(&self, from: &Name, to: &Name, source: Check<'_>, target: Check<'_>) -> Result<Written>;
    /// Renames a file or a directory, replacing what stood at `to`, in one rename; what may replace what is as with
    /// [`Store::copy`].
    fn rename(&self, from: &Name, to: &Name, source: Check<'_>, target: Check<'_>) -> Result<Written>;
    /// Deletes a file, or, its name with a final slash, a directory with all in it: it is gone at once, whatever
    /// time its room takes. A directory without the slash is `IsDirectory`. Gives back why some of a directory's room stays
    /// taken, for the log.
    fn delete(&self, name: &Name, check: Check<'_>) -> Result<Option<Error>>;
    /// Makes a directory. Without its parent it is `NoParent`; where something stands already, `AlreadyExists`. `check` is
    /// asked before about what stands there.
    fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()>;
}
