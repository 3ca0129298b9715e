//! `--pid-file`: the process id, for scripts that send signals. A file with other content is not replaced, nor that of
//! a running daemon, which holds a lock on it; a file that another process has replaced is not removed. It stays open
//! for these checks, since a confined daemon may remove it but not open it.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::id;

use crate::error::{Error, Result};
use crate::server::admin_path::{parent_of, require_writable};

/// The file of this process; it is removed when dropped.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Writes the file atomically.
    pub fn write(path: &Path) -> Result<Self> {
        let name = path.as_os_str().as_encoded_bytes();
        let named = |error| Error::io(name, error);
        check_writable(path)?;
        if is_held(path) {
            return Err(Error::conflict(name, "is that of a cfpd that runs"));
        }
        let mode = fs::Permissions::from_mode(0o644);
        let mut file =
            tempfile::Builder::new().permissions(mode).tempfile_in(parent_of(path)).map_err(named)?;
        writeln!(file, "{}", id()).map_err(named)?;
        file.as_file().lock().map_err(named)?;
        let file = file.persist(path).map_err(|error| named(error.error))?;
        Ok(PidFile { path: path.to_owned(), file })
    }

    /// Unlocks the file for a successor, which may start while this process ends.
    pub fn release(&self) {
        // The successor reports the error.
        let _ = self.file.unlock();
    }

    /// Returns whether the file still has its name, and holds this process's id.
    fn is_ours(&self) -> bool {
        let place = |found: fs::Metadata| (found.dev(), found.ino());
        let named = fs::symlink_metadata(&self.path).ok().map(place);
        let open = self.file.metadata().ok().map(place);
        let mut text = [0; 16];
        let read = self.file.read_at(&mut text, 0).unwrap_or_default();
        named.is_some() && named == open && pid_of(text.get(..read).unwrap_or_default()) == Some(id())
    }
}

/// Checks that the file could be written, as far as that can be known without writing it.
pub fn check_writable(path: &Path) -> Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    require_writable(&parent_of(path).join(".")).map_err(|error| Error::io(name, error.into()))?;
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() || !fs::read(path).is_ok_and(|text| pid_of(&text).is_some()) => {
            Err(Error::conflict(name, "exists and is not a pid file"))
        }
        _ => Ok(()),
    }
}

/// Returns whether a running daemon has it locked.
fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock)))
}

fn pid_of(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if self.is_ours() {
            // Ignore the error: the process is about to exit.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn only_a_pid_file_is_replaced_and_only_ours_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "1\n").unwrap();
        let ours = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", id()));
        let error = PidFile::write(&path).unwrap_err();
        assert!(error.to_string().ends_with("/pid: is that of a cfpd that runs"), "{error}");
        assert!(ours.is_ours() && check_writable(&path).is_ok());
        ours.release();
        let successor = PidFile::write(&path).unwrap();
        drop(ours);
        assert!(path.exists());
        drop(successor);
        assert!(!path.exists());
        let taken = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(taken);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        let moved = PidFile::write(&path).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        fs::write(&path, format!("{}\n", id())).unwrap();
        drop(moved);
        assert!(path.exists());
        for other in ["notes", ""] {
            fs::write(&path, other).unwrap();
            assert_eq!(PidFile::write(&path).unwrap_err().kind(), ErrorKind::Conflict);
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(PidFile::write(&path).is_err());
    }
}
