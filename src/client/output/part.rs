//! Parts: what has come of a content that is not whole yet, beside the file it will be, for a later run to go on with.
//! Its name is made of the content's entity tag, so that parts of two contents never meet.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix::libc::O_NOFOLLOW;
use nix::unistd::geteuid;

use crate::client::output::destination::give_mode;
use crate::client::output::draft;
use crate::client::output::output::Sink;
use crate::error::{Error, Result, shown};
use crate::http::digest;

/// What is read of a part at once, in bytes.
const BLOCK: usize = 128 * 1024;
/// The longest name of a file, in bytes (Linux limits.h).
const NAME_MAX: usize = 255;
/// As much of a long name is in that of its part.
const BASE_MAX: usize = 100;

/// A part that is open for what is missing.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    target: PathBuf,
    file: File,
}

impl Part {
    /// The part of the content with this tag, of the file at `target`; an empty one where there is none. No two programs
    /// have it open at once: each would add what the other adds.
    pub fn open(target: PathBuf, etag: &str) -> Result<Self> {
        draft::outlive_size_limit();
        let path = beside(&target, etag);
        let named = |error| Error::io(path.as_os_str().as_bytes(), error);
        loop {
            let file = open(&path).map_err(named)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path).map_err(named)? => return Ok(Part { path, target, file }),
                // Who had it locked has given it its name meanwhile.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::interrupted(
                        target.as_os_str().as_bytes(),
                        "is being fetched by another program",
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(named(error)),
            }
        }
    }

    /// The content is whole: it gets its name, and owner and mode of what stood there, where that can be.
    pub fn commit(self) -> Result<()> {
        let committed = give_mode(&self.file, &self.target)
            .and_then(|()| draft::sync(&self.file))
            .and_then(|()| fs::rename(&self.path, &self.target))
            .and_then(|()| draft::sync_name(&self.file, &self.target));
        committed.map_err(|error| Error::io(self.target.as_os_str().as_bytes(), error))
    }

    /// Nobody can go on with what is there.
    pub fn discard(self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Write for Part {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.file.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Part {
    fn name(&self) -> String {
        shown(self.path.as_os_str().as_bytes())
    }

    fn read_again(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            match self.file.read(&mut block).map_err(|error| Error::io(self.name(), error))? {
                0 => return Ok(()),
                read => take(block.get(..read).unwrap_or_default()),
            }
        }
    }

    fn can_restart(&self) -> bool {
        true
    }

    fn restart(&mut self) -> io::Result<bool> {
        self.file.set_len(0).map(|()| true)
    }

    fn set_modified(&mut self, time: SystemTime) -> io::Result<()> {
        self.file.set_modified(time)
    }
}

/// Opens a part that is there, or makes one that nobody else may open. One that is there may be what another user has put
/// in its place.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(O_NOFOLLOW);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    // A pipe, a device or a symbolic link is told of as such, and not opened.
    refuse_strange(path, &fs::symlink_metadata(path)?)?;
    let file = options.open(path)?;
    refuse_strange(path, &file.metadata()?)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Refuses what is no regular file of one's own with one name.
fn refuse_strange(path: &Path, meta: &Metadata) -> io::Result<()> {
    let what = match meta {
        meta if !meta.is_file() => "is not a regular file",
        meta if meta.uid() != geteuid().as_raw() => "is another user's: delete it, or go without -c",
        meta if meta.nlink() > 1 => "has another name besides: delete it, or go without -c",
        _ => return Ok(()),
    };
    Err(Error::conflict(path.as_os_str().as_bytes(), what).into())
}

/// Whether it is still this file that has this name.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let file = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(standing) => Ok((standing.dev(), standing.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the part of a content lies until it is whole.
fn beside(path: &Path, etag: &str) -> PathBuf {
    let base = path.file_name().unwrap_or(OsStr::new("cfp")).as_bytes();
    let tag: String = etag.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = [b".", base, b".", tag.as_bytes(), b".part"].concat();
    if name.len() <= NAME_MAX {
        return path.with_file_name(OsStr::from_bytes(&name));
    }
    // What is left out of the name is in the digest, so that parts of two files do not meet either.
    let digest: String = digest::of(&name).iter().map(|byte| format!("{byte:02x}")).collect();
    let base = base.get(..BASE_MAX).unwrap_or(base);
    path.with_file_name(OsStr::from_bytes(&[b".", base, b".", digest.as_bytes(), b".part"].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_part_lies_beside_its_file_under_the_tag_of_its_content() {
        assert_eq!(beside(Path::new("d/f.txt"), "\"1a-2b\""), Path::new("d/.f.txt.1a2b.part"));
        assert_eq!(beside(Path::new("f"), "\"x\""), Path::new(".f.x.part"));
        let parts = ["a", "b"].map(|end| beside(&Path::new("d").join("n".repeat(254) + end), "\"x\""));
        assert_ne!(parts[0], parts[1]);
        for part in parts {
            assert!(part.parent() == Some(Path::new("d")) && part.as_os_str().len() < 255, "{part:?}");
        }
    }

    #[test]
    fn one_program_at_a_time_goes_on_with_a_part() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("f");
        let open = || Part::open(target.clone(), "\"x\"");
        fs::write(&target, "secret").unwrap();
        let mut part = open().unwrap();
        assert_eq!(part.file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        part.write_all(b"half").unwrap();
        assert_eq!(open().unwrap_err().kind(), ErrorKind::Interrupted);
        drop(part);
        let part = open().unwrap();
        assert_eq!(part.file.metadata().unwrap().len(), 4);
        part.commit().unwrap();
        assert_eq!(open().unwrap().file.metadata().unwrap().len(), 0);
        assert_eq!(fs::read(target).unwrap(), b"half");
    }
}
