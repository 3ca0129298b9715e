//! The deletions of a run, which wait in unlinked temporary files until everything else is done: there may be more of
//! them than fit into memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};

use super::job::{Deletion, SyncJob};
use super::tree::{EntryKind, LINK, TreeEntry};
use crate::error::{Error, Result};

/// Deletions in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    replacements: Spool,
    links: Spool,
    files: Spool,
    directories: Spool,
}

impl Deletions {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        let spools = [&self.replacements, &self.links, &self.files, &self.directories];
        spools.iter().all(|spool| spool.is_empty())
    }

    /// Adds a deletion from TO; that of a directory after those of its entries.
    pub fn add(&mut self, deletion: &Deletion) -> Result<()> {
        match deletion.kind {
            EntryKind::Directory => self.directories.add_deletion(deletion),
            _ if deletion.version == LINK => self.links.add_deletion(deletion),
            _ => self.files.add_deletion(deletion),
        }
    }

    /// Adds what FROM has under a path, and the deletions that make way for it.
    pub fn add_replacement(&mut self, path: &[u8], from: &TreeEntry, obstacles: &[Deletion]) -> Result<()> {
        obstacles.iter().try_for_each(|deletion| self.replacements.add_deletion(deletion))?;
        let kind: &[u8] = if from.is_directory() { b"D" } else { b"F" };
        self.replacements.add([path, kind, from.size.to_string().as_bytes(), from.modified.as_bytes()])
    }

    /// Reads the jobs, in the order in which they are performed: what replaces something, symbolic links on the server,
    /// which it does not have any more when their targets are gone, files, and the directories that are empty then.
    pub fn into_phases(self) -> Result<[Box<dyn Iterator<Item = Result<SyncJob>> + Send>; 4]> {
        Ok([
            Box::new(self.replacements.into_jobs(true)?),
            Box::new(batches(self.links.into_jobs(false)?)),
            Box::new(self.files.into_jobs(false)?),
            Box::new(self.directories.into_jobs(false)?),
        ])
    }
}

/// The most links that are deleted by one job.
const BATCH: usize = 1000;

/// Makes one job of the deletions of links that follow each other in one directory, which is listed once for them.
fn batches(jobs: impl Iterator<Item = Result<SyncJob>>) -> impl Iterator<Item = Result<SyncJob>> {
    let mut jobs = jobs.peekable();
    std::iter::from_fn(move || {
        let first = match jobs.next()? {
            Ok(SyncJob::Delete(first)) => first,
            other => return Some(other),
        };
        let mut batch = vec![first];
        let is_next = |job: &Result<SyncJob>, batch: &[Deletion]| match (job, batch.first()) {
            (Ok(SyncJob::Delete(next)), Some(first)) => next.parent() == first.parent(),
            _ => false,
        };
        while batch.len() < BATCH
            && let Some(Ok(SyncJob::Delete(next))) = jobs.next_if(|job| is_next(job, &batch))
        {
            batch.push(next);
        }
        Some(Ok(SyncJob::DeleteLinks(batch)))
    })
}

/// Records of four fields in a temporary file, which is made for the first one.
#[derive(Debug, Default)]
struct Spool(Option<BufWriter<File>>);

/// The name of the file in error messages.
const SPOOL: &str = "temporary file";

impl Spool {
    fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn add_deletion(&mut self, deletion: &Deletion) -> Result<()> {
        let kind: &[u8] = match deletion.kind {
            EntryKind::File => b"f",
            EntryKind::Directory => b"d",
            EntryKind::Other(_) => b"o",
        };
        let counted: &[u8] = if deletion.is_counted { b"1" } else { b"" };
        self.add([&deletion.path, kind, deletion.version.as_bytes(), counted])
    }

    /// Adds a record, whose fields do not contain NUL.
    fn add(&mut self, fields: [&[u8]; 4]) -> Result<()> {
        let named = |error| Error::io(SPOOL, error);
        let file = match &mut self.0 {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile().map_err(named)?)),
        };
        for field in fields {
            file.write_all(field).and_then(|()| file.write_all(b"\0")).map_err(named)?;
        }
        Ok(())
    }

    /// Reads the records as jobs; `replaces` says that each group of deletions ends with what takes their place.
    fn into_jobs(self, replaces: bool) -> Result<impl Iterator<Item = Result<SyncJob>>> {
        let named = |error: io::Error| Error::io(SPOOL, error);
        let mut file = self.0.map(BufWriter::into_inner).transpose().map_err(|error| named(error.into()))?;
        if let Some(file) = &mut file {
            file.rewind().map_err(named)?;
        }
        let mut file = file.map(BufReader::new);
        Ok(std::iter::from_fn(move || next_job(file.as_mut()?, replaces).map_err(named).transpose()))
    }
}

/// Reads the next job, if there is one: a deletion, or a replacement after what makes way for it.
fn next_job(file: &mut BufReader<File>, replaces: bool) -> io::Result<Option<SyncJob>> {
    let mut obstacles = Vec::new();
    while let Some([path, kind, third, last]) = next_record(file)? {
        let text = |field| String::from_utf8(field).map_err(|_| io::Error::from(io::ErrorKind::InvalidData));
        let is_last = matches!(kind.as_slice(), b"F" | b"D");
        let kind = match kind.as_slice() {
            b"f" | b"F" => EntryKind::File,
            b"d" | b"D" => EntryKind::Directory,
            _ => EntryKind::Other(""),
        };
        if is_last {
            let size = text(third)?.parse().map_err(|_| io::ErrorKind::InvalidData)?;
            let (name, modified, version) = (Vec::new(), text(last)?, String::new());
            let from = TreeEntry { name, kind, size, modified, version, is_link: false };
            return Ok(Some(SyncJob::Replace { path, from, obstacles }));
        }
        let deletion = Deletion { path, kind, version: text(third)?, is_counted: !last.is_empty() };
        if !replaces {
            return Ok(Some(SyncJob::Delete(deletion)));
        }
        obstacles.push(deletion);
    }
    Ok(None)
}

/// Reads the next record, if there is one.
fn next_record(file: &mut BufReader<File>) -> io::Result<Option<[Vec<u8>; 4]>> {
    let mut fields: [Vec<u8>; 4] = Default::default();
    for field in &mut fields {
        file.read_until(0, field)?;
        if field.pop().is_none() {
            return Ok(None);
        }
    }
    Ok(Some(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deletion(path: &[u8], kind: EntryKind, version: &str, is_counted: bool) -> Deletion {
        Deletion { path: path.into(), kind, version: version.to_owned(), is_counted }
    }

    fn entry(kind: EntryKind, size: u64, modified: &str) -> TreeEntry {
        let (name, modified, version) = (Vec::new(), modified.to_owned(), String::new());
        TreeEntry { name, kind, size, modified, version, is_link: false }
    }

    #[test]
    fn deletions_come_out_as_they_went_in_and_directories_last() {
        let gone = [
            deletion(b"d/a\n\xff", EntryKind::File, "\"1-2\"", false),
            deletion(b"d", EntryKind::Directory, "", true),
            deletion(b"l", EntryKind::Other(""), "x", true),
        ];
        let file = entry(EntryKind::File, 7, "2100-01-02T03:04:05Z");
        let directory = entry(EntryKind::Directory, 0, "");
        let mut deletions = Deletions::default();
        assert!(deletions.is_empty());
        gone.iter().for_each(|deletion| deletions.add(deletion).unwrap());
        deletions.add_replacement(b"d", &file, &gone[..2]).unwrap();
        deletions.add_replacement(b"l", &directory, &gone[2..]).unwrap();
        assert!(!deletions.is_empty());
        let links =
            [b"a/l".as_slice(), b"a/m", b"b/l"].map(|path| deletion(path, EntryKind::File, LINK, true));
        links.iter().for_each(|link| deletions.add(link).unwrap());
        let [replacements, of_links, files, directories] = deletions.into_phases().unwrap();
        let batches = of_links.map(|job| match job.unwrap() {
            SyncJob::DeleteLinks(batch) => batch,
            other => panic!("{other:?}"),
        });
        assert_eq!(batches.collect::<Vec<_>>(), [links[..2].to_vec(), links[2..].to_vec()]);
        let replaced: Vec<_> = replacements
            .map(|job| match job.unwrap() {
                SyncJob::Replace { path, from, obstacles } => (path, from, obstacles),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected =
            [(b"d".to_vec(), file, gone[..2].to_vec()), (b"l".to_vec(), directory, gone[2..].to_vec())];
        assert_eq!(replaced, expected);
        let deleted = |job: Result<SyncJob>| match job.unwrap() {
            SyncJob::Delete(deletion) => deletion,
            other => panic!("{other:?}"),
        };
        assert_eq!(files.map(deleted).collect::<Vec<_>>(), [gone[0].clone(), gone[2].clone()]);
        assert_eq!(directories.map(deleted).collect::<Vec<_>>(), [gone[1].clone()]);
    }
}
