//! What an archive is made of: the entries of a directory, and their contents as long as the archive announces.

use std::io::{self, Read};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};
use crate::server::auth::rights::Reader;
use crate::server::exchange::{Cancellable, ClientLiveness};
use crate::server::limits::{ZIP_ENTRIES_MAX, ZIP_NAMES_MAX};
use crate::server::methods::archive::output::ArchiveOutput;
use crate::store::{Content, Detail, Entry, Kind, Name};
use crate::text::{Globs, ReadAt};

/// What an archive is made of.
pub struct ArchiveSource<'a> {
    /// The store for reading.
    pub reader: Reader<'a>,
    /// The directory.
    pub directory: &'a Name,
    /// Which of its entries.
    pub globs: Globs,
}

impl ArchiveSource<'_> {
    /// Lists the names of all files and directories. A directory beneath that the daemon itself cannot read is an error, since
    /// nothing is known of what is in it; where its name is excluded, it is left out. So are symbolic links to directories.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>>> {
        let entries = self.reader.list_readable(self.directory)?;
        Ok(entries.filter_map(|entry| entry.and_then(|entry| self.select(entry)).transpose()))
    }

    /// Returns an entry of the list where it belongs to the archive.
    fn select(&self, entry: Entry) -> Result<Option<Entry>> {
        let is_directory = entry.kind == Kind::Directory;
        if (is_directory && entry.is_link) || self.globs.excludes(&entry.name, is_directory) {
            return Ok(None);
        }
        if is_directory {
            let directory = self.directory.join(&entry.name, true);
            if self.if_there(&directory, self.reader.list(&directory, false, Detail::Names))?.is_none() {
                return Ok(None);
            }
        }
        Ok(self.globs.includes(&entry.name, is_directory).then_some(entry))
    }

    /// Opens a file of the list; none where it has been deleted meanwhile.
    pub fn open(&self, entry: &Entry) -> Result<Option<Box<dyn Content>>> {
        let name = self.directory.join(&entry.name, false);
        self.if_there(&name, self.reader.open(&name))
    }

    /// Returns the time of a directory of the list; none where it has been deleted meanwhile.
    pub fn directory_time(&self, entry: &Entry) -> Result<Option<SystemTime>> {
        let name = self.directory.join(&entry.name, true);
        self.if_there(&name, self.reader.describe(&name).map(|meta| meta.modified))
    }

    /// Returns what is known of a name of the list; none where it has been deleted meanwhile.
    fn if_there<T>(&self, name: &Name, found: Result<T>) -> Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            Err(_) if name.is_too_long() => {
                let what = "has a path that is longer than the system takes: exclude the directory";
                Err(Error::unprocessable("archive", what))
            }
            Err(_) => Ok(None),
        }
    }

    /// Refuses more names than a zip file may have here: its directory, at its end, is kept in memory until then.
    pub fn require_few(&self) -> Result<()> {
        let mut names = NamesLeft::default();
        self.entries()?.try_for_each(|entry| names.count(&entry?.name))
    }
}

/// How many names a zip file may still have.
pub struct NamesLeft {
    entries: usize,
    bytes: usize,
}

impl Default for NamesLeft {
    fn default() -> Self {
        NamesLeft { entries: ZIP_ENTRIES_MAX, bytes: ZIP_NAMES_MAX }
    }
}

impl NamesLeft {
    /// Counts one more name. Errors have kind `Unprocessable`.
    pub fn count(&mut self, name: &[u8]) -> Result<()> {
        match (self.entries.checked_sub(1), self.bytes.checked_sub(name.len())) {
            (Some(entries), Some(bytes)) => {
                (self.entries, self.bytes) = (entries, bytes);
                Ok(())
            }
            _ => Err(Error::unprocessable("archive", "has too many names for a zip file: take tar.zst")),
        }
    }
}

/// The bytes of a file, as many as the archive announces. A file that became shorter is an error: the connection is cut, so
/// that no archive looks complete that is not.
pub struct ExactLength<'a, 'r> {
    content: Cancellable<'a>,
    output: &'a ArchiveOutput<'r>,
    offset: u64,
    size: u64,
}

impl<'a, 'r> ExactLength<'a, 'r> {
    /// Returns the bytes of a file for a client, until the response has failed.
    pub fn new(
        content: &'a dyn Content,
        client: &'a ClientLiveness<'a>,
        output: &'a ArchiveOutput<'r>,
    ) -> Self {
        let size = content.meta().size;
        ExactLength { content: Cancellable { content, client }, output, offset: 0, size }
    }
}

impl Read for ExactLength<'_, '_> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        self.output.check()?;
        let left = usize::try_from(self.size - self.offset).unwrap_or(usize::MAX).min(block.len());
        if left == 0 {
            return Ok(0);
        }
        let read = self.content.read_at(block.get_mut(..left).unwrap_or_default(), self.offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_file_has_no_more_names_than_its_limits() {
        let mut left = NamesLeft { entries: 2, bytes: 4 };
        assert!(left.count(b"ab").is_ok() && left.count(b"abc").is_err() && left.count(b"ab").is_ok());
        assert_eq!(left.count(b"").unwrap_err().kind(), ErrorKind::Unprocessable);
    }
}
