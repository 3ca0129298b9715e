//! The deletions of a run, which wait in an unlinked temporary file until everything else is done: there may be more of
//! them than fit into memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use super::job::{Replacement, SyncJob};
use super::tree::{EntryKind, TreeEntry};
use crate::error::{Error, Result};

/// Deletions in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Deletions(Option<BufWriter<File>>);

/// The name of the file in error messages.
const SPOOL: &str = "temporary file";

impl Deletions {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a deletion from TO, after which something may take the place of what is deleted.
    pub fn add(&mut self, path: &[u8], entry: &TreeEntry, replacement: Option<Replacement>) -> Result<()> {
        let named = |error| Error::io(SPOOL, error);
        let file = match &mut self.0 {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile().map_err(named)?)),
        };
        let kind = match entry.kind {
            EntryKind::File => "f",
            EntryKind::Directory => "d",
            EntryKind::Other(_) => "o",
        };
        let replacement = match replacement {
            None => String::new(),
            Some(Replacement::Directory) => "d".to_owned(),
            Some(Replacement::File(size)) => size.to_string(),
        };
        // None of these contains NUL.
        for field in [path, kind.as_bytes(), entry.version.as_bytes(), replacement.as_bytes()] {
            file.write_all(field).and_then(|()| file.write_all(b"\0")).map_err(named)?;
        }
        Ok(())
    }

    /// Reads the deletions as jobs.
    pub fn into_jobs(self) -> Result<impl Iterator<Item = Result<SyncJob>>> {
        let named = |error: io::Error| Error::io(SPOOL, error);
        let mut file = self.0.map(BufWriter::into_inner).transpose().map_err(|error| named(error.into()))?;
        if let Some(file) = &mut file {
            file.rewind().map_err(named)?;
        }
        let mut file = file.map(BufReader::new);
        Ok(std::iter::from_fn(move || next(file.as_mut()?).map_err(named).transpose()))
    }
}

/// Reads the next deletion, if there is one.
fn next(file: &mut BufReader<File>) -> io::Result<Option<SyncJob>> {
    let mut field = || {
        let mut field = Vec::new();
        file.read_until(0, &mut field)?;
        Ok::<_, io::Error>(if field.pop().is_some() { Some(field) } else { None })
    };
    let (Some(path), Some(kind), Some(version), Some(replacement)) = (field()?, field()?, field()?, field()?)
    else {
        return Ok(None);
    };
    let text = |field| String::from_utf8(field).map_err(|_| io::ErrorKind::InvalidData);
    let kind = match kind.as_slice() {
        b"f" => EntryKind::File,
        b"d" => EntryKind::Directory,
        _ => EntryKind::Other(""),
    };
    let entry =
        TreeEntry { name: Vec::new(), kind, size: 0, modified: String::new(), version: text(version)? };
    let replacement = match text(replacement)?.as_str() {
        "" => None,
        "d" => Some(Replacement::Directory),
        size => Some(Replacement::File(size.parse().map_err(|_| io::ErrorKind::InvalidData)?)),
    };
    Ok(Some(SyncJob::Delete { path, entry, replacement }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_come_out_as_they_went_in() {
        let rows: [(&[u8], EntryKind, &str, Option<Replacement>); 3] = [
            (b"a\n\xff", EntryKind::File, "\"1-2\"", None),
            (b"d/e", EntryKind::Directory, "", Some(Replacement::File(7))),
            (b"l", EntryKind::Other(""), "x", Some(Replacement::Directory)),
        ];
        let mut deletions = Deletions::default();
        assert!(deletions.is_empty());
        for (path, kind, version, replacement) in rows {
            let (name, modified) = (Vec::new(), String::new());
            let entry = TreeEntry { name, kind, size: 0, modified, version: version.to_owned() };
            deletions.add(path, &entry, replacement).unwrap();
        }
        assert!(!deletions.is_empty());
        let mut jobs = deletions.into_jobs().unwrap();
        for (path, kind, version, replacement) in rows {
            match jobs.next().unwrap().unwrap() {
                SyncJob::Delete { path: found, entry, replacement: then } => {
                    assert_eq!((found.as_slice(), entry.kind), (path, kind));
                    assert_eq!((entry.version.as_str(), then), (version, replacement));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(jobs.next().is_none());
    }
}
