//! Partial files: the received bytes of an incomplete download, beside its target, so that a later run can resume it.
//! The name contains the entity tag, or a digest of it, so that parts of different versions are never mixed.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_NOFOLLOW;
use nix::unistd::geteuid;

use crate::client::Sink;
use crate::client::output::destination::copy_attributes;
use crate::client::output::staged_file;
use crate::client::progress::interruption::Note;
use crate::error::{Error, Result, shown};
use crate::http::digest::{self, Hasher};
use crate::io_block;

/// The size of a read of a partial file, in bytes.
const BLOCK: usize = 128 * 1024;
/// The longest file name, in bytes (Linux limits.h).
const NAME_MAX: usize = 255;
/// How many bytes of a long name are part of the partial file's name.
const BASE_MAX: usize = 100;

/// The program that resumes a partial file.
#[derive(Clone, Copy, Debug)]
pub enum PartOwner {
    /// cfp-get, with `-c`.
    Get,
    /// cfp-sync, which must tell its partial files from those of the user.
    Sync,
}

impl PartOwner {
    /// The end of the names of its partial files.
    fn suffix(self) -> &'static str {
        match self {
            PartOwner::Get => ".part",
            PartOwner::Sync => ".cfp-part",
        }
    }

    fn command(self) -> &'static str {
        match self {
            PartOwner::Get => "cfp-get -c",
            PartOwner::Sync => "cfp-sync",
        }
    }

    /// Says what to do about a partial file that cannot be used.
    fn advice(self) -> &'static str {
        match self {
            PartOwner::Get => "delete it, or go without -c",
            PartOwner::Sync => "delete it",
        }
    }

    /// Returns whether a file name is that of a partial file of this program.
    pub(crate) fn owns(self, name: &[u8]) -> bool {
        name.starts_with(b".") && name.ends_with(self.suffix().as_bytes())
    }
}

/// A partial file, open for the missing bytes.
#[derive(Debug)]
pub struct Part {
    path: PathBuf,
    target: PathBuf,
    file: File,
    _note: Note,
}

impl Part {
    /// Opens the partial file for the version with this tag of the file at `target`, or creates it. It is locked: two
    /// programs must not both append to it.
    pub fn open(target: PathBuf, etag: &str, owner: PartOwner) -> Result<Self> {
        staged_file::outlive_size_limit();
        staged_file::watch_signals();
        let path = beside(&target, etag, owner);
        let named = |error| Error::io(path.as_os_str().as_bytes(), error);
        loop {
            let file = open(&path, owner).map_err(named)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path).map_err(named)? => {
                    let kept = shown(path.as_os_str().as_bytes());
                    let resumer = owner.command();
                    let note = Note::new(format!("{kept} keeps what was received: {resumer} resumes it"));
                    return Ok(Part { path, target, file, _note: note });
                }
                // The program that had it locked has renamed it to its target meanwhile.
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

    /// Returns the number of the bytes that an earlier run left, and their digest so far.
    pub fn hash(&mut self) -> Result<(u64, Hasher)> {
        let mut hasher = Hasher::default();
        let read = io_block::copy(&mut &self.file, &mut hasher, BLOCK);
        read.map(|have| (have, hasher)).map_err(|error| Error::io(self.name(), error))
    }

    /// Completes the download: renames the file to its target, with the owner and mode of the old file if possible.
    pub fn commit(self) -> Result<()> {
        let committed = copy_attributes(&self.file, &self.target)
            .and_then(|()| staged_file::sync(&self.file))
            .and_then(|()| fs::rename(&self.path, &self.target))
            .and_then(|()| staged_file::sync_name(&self.file, &self.target));
        committed.map_err(|error| Error::io(self.target.as_os_str().as_bytes(), error))
    }

    /// Removes a partial file that cannot be resumed.
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

    fn draft(&self) -> Option<&File> {
        Some(&self.file)
    }
}

/// Opens an existing partial file, or creates one that no other user may open. An existing one may have been planted by
/// another user.
fn open(path: &Path, owner: PartOwner) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(O_NOFOLLOW);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    // A pipe, a device or a symbolic link is an error, and is not opened.
    require_own_regular_file(path, &fs::symlink_metadata(path)?, owner)?;
    let file = options.open(path)?;
    require_own_regular_file(path, &file.metadata()?, owner)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Requires a regular file of the user with one name.
fn require_own_regular_file(path: &Path, meta: &Metadata, owner: PartOwner) -> io::Result<()> {
    let what = match meta {
        meta if !meta.is_file() => "is not a regular file".to_owned(),
        meta if meta.uid() != geteuid().as_raw() => format!("is another user's: {}", owner.advice()),
        meta if meta.nlink() > 1 => format!("has another name besides: {}", owner.advice()),
        _ => return Ok(()),
    };
    Err(Error::conflict(path.as_os_str().as_bytes(), what).into())
}

/// Returns whether this name is still that of this file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let file = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(existing) => Ok((existing.dev(), existing.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the path of the partial file of a version.
fn beside(path: &Path, etag: &str, owner: PartOwner) -> PathBuf {
    let base = path.file_name().unwrap_or(OsStr::new("cfp")).as_bytes();
    let tag = etag.trim_matches('"');
    let suffix = owner.suffix().as_bytes();
    let name = [b".", base, b".", tag.as_bytes(), suffix].concat();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.len() <= NAME_MAX && tag.bytes().all(is_plain) {
        return path.with_file_name(OsStr::from_bytes(&name));
    }
    // The digest includes the part of the name that is cut off, so that parts of different files are not mixed.
    let digest: String = digest::of(&name).iter().map(|byte| format!("{byte:02x}")).collect();
    let base = base.get(..BASE_MAX).unwrap_or(base);
    path.with_file_name(OsStr::from_bytes(&[b".", base, b".", digest.as_bytes(), suffix].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_part_lies_beside_its_file_under_the_tag_of_its_content() {
        assert_eq!(
            beside(Path::new("d/f.txt"), "\"1a-2b\"", PartOwner::Get),
            Path::new("d/.f.txt.1a-2b.part")
        );
        assert_eq!(beside(Path::new("f"), "\"x\"", PartOwner::Get), Path::new(".f.x.part"));
        let tags = ["\"1-23\"", "\"12-3\"", "\"123\"", "\"1:23\"", "\"12:3\"", "\"../x\"", "\"a b\""];
        let mut parts = tags.map(|tag| beside(Path::new("d/f"), tag, PartOwner::Get)).to_vec();
        assert!(parts.iter().all(|part| part.parent() == Some(Path::new("d"))), "{parts:?}");
        parts.sort();
        parts.dedup();
        assert_eq!(parts.len(), tags.len(), "{parts:?}");
        let parts = ["a", "b"]
            .map(|end| beside(&Path::new("d").join("n".repeat(254) + end), "\"x\"", PartOwner::Sync));
        assert_ne!(parts[0], parts[1]);
        for part in parts {
            assert!(part.parent() == Some(Path::new("d")) && part.as_os_str().len() < 255, "{part:?}");
            assert!(PartOwner::Sync.owns(part.file_name().unwrap().as_bytes()), "{part:?}");
        }
    }

    #[test]
    fn one_program_at_a_time_goes_on_with_a_part() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("f");
        let open = || Part::open(target.clone(), "\"x\"", PartOwner::Get);
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
