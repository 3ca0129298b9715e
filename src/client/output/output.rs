//! Outputs: the local destination of a tool's bytes. A local file is written beside its name, and renamed when it is
//! complete.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use crate::client::output::destination::Destination;
use crate::client::output::staged_file::StagedFile;
use crate::client::progress::display::aside;
use crate::client::{Operand, STDOUT, standard_streams};
use crate::error::{Error, Result, shown};

/// A sink of fetched content, which may be written in several attempts.
pub trait Sink: Write {
    /// Returns the name in error messages.
    fn name(&self) -> String;

    /// Returns the file with what was written, if it can be discarded: it has not replaced its target yet.
    fn draft(&self) -> Option<&File>;

    /// Discards what was written. False if that is impossible.
    fn restart(&mut self) -> io::Result<bool> {
        let Some(mut file) = self.draft() else { return Ok(false) };
        file.set_len(0).and_then(|()| file.rewind()).map(|()| true)
    }

    /// Sets the modification time of a new local file; has no effect on anything else.
    fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        self.draft().map_or(Ok(()), |file| file.set_modified(time))
    }
}

/// A local sink.
#[derive(Debug)]
pub struct Output {
    /// The name in error messages.
    pub name: String,
    file: File,
    draft: Option<StagedFile>,
    /// Whether it is the terminal, where progress may be shown.
    is_terminal: bool,
}

impl Output {
    /// Opens standard output. A closed one is an error.
    pub fn stdout() -> Result<Self> {
        let file = standard_streams::output()?;
        Ok(Output { name: STDOUT.to_owned(), is_terminal: file.is_terminal(), file, draft: None })
    }

    /// Opens a local file: a regular one is replaced and keeps owner and mode; anything else, such as a device or a
    /// pipe, is written in place.
    pub fn create(path: &Path) -> Result<Self> {
        Output::at(Destination::find(path)?, path)
    }

    /// Opens an output at a path that was resolved already.
    pub(crate) fn at(found: Destination, path: &Path) -> Result<Self> {
        let name = shown(path.as_os_str().as_encoded_bytes());
        Output::open(found, name.clone()).map_err(|error| Error::io(name, error))
    }

    fn open(found: Destination, name: String) -> io::Result<Self> {
        match found {
            Destination::Stream(file) => {
                Ok(Output { name, is_terminal: file.is_terminal(), file, draft: None })
            }
            Destination::File(target) => {
                let (file, draft) = StagedFile::begin(target)?;
                Ok(Output { name, file, draft: Some(draft), is_terminal: false })
            }
        }
    }

    /// Returns whether a source is the file that is written in place, as in `f >> f`: it could read what was just
    /// written. A file that is replaced at the end is safe.
    pub fn is_also(&self, source: &Operand) -> bool {
        let same = || -> io::Result<bool> {
            let read = match source {
                Operand::Standard => standard_streams::input()?.metadata()?,
                Operand::Local(path) => fs::metadata(path)?,
                Operand::Stored(_) => return Ok(false),
            };
            let written = self.file.metadata()?;
            Ok(written.is_file() && (written.dev(), written.ino()) == (read.dev(), read.ino()))
        };
        // Opening the source reports its errors.
        self.draft.is_none() && same().unwrap_or(false)
    }

    /// Refuses a source that is the output file.
    pub fn refuse_itself(&self, source: &Operand) -> Result<()> {
        match self.is_also(source) {
            true => Err(Error::conflict(source.shown().as_bytes(), "is also the output file")),
            false => Ok(()),
        }
    }

    /// Renames the file to its name.
    pub fn commit(mut self) -> Result<()> {
        match self.draft.take() {
            Some(draft) => draft.commit(&self.file).map_err(|error| Error::io(&self.name, error)),
            None => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        match self.is_terminal {
            true => aside(|| self.file.write(block)),
            false => self.file.write(block),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Output {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn draft(&self) -> Option<&File> {
        self.draft.as_ref().map(|_| &self.file)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::error::ErrorKind;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole_and_never_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        drop(output);
        assert_eq!(names(directory.path()), ["f"]);
        let mut output = Output::create(&path).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), names(directory.path())),
            (b"new".to_vec(), vec!["f".to_owned()])
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let directory = tempfile::tempdir().unwrap();
        let (link, file) = (directory.path().join("link"), directory.path().join("f"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink("f", &link).unwrap();
        let mut output = Output::create(&link).unwrap();
        output.write_all(b"new").unwrap();
        output.commit().unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let full = Output::create(Path::new("/dev/full")).unwrap().write_all(b"x").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        assert_eq!(Output::create(directory.path()).unwrap_err().kind(), ErrorKind::IsDirectory);
    }
}
