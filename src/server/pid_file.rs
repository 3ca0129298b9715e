//! `--pid-file`: the number of the process that serves, for scripts that signal it. A file that holds anything else is
//! not replaced, and one that has become another's is not removed.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::id;

use crate::error::{Error, Result};

/// The file of this process; it goes with this value.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes it, whole or not at all.
    pub fn write(path: &Path) -> Result<Self> {
        let named = |wrong| Error::io(path.as_os_str().as_encoded_bytes(), wrong);
        if !may_be_replaced(path) {
            let what = "is there and is no pid file";
            return Err(Error::status(409, path.as_os_str().as_encoded_bytes(), what));
        }
        let directory =
            path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mode = fs::Permissions::from_mode(0o644);
        let mut file = tempfile::Builder::new().permissions(mode).tempfile_in(directory).map_err(named)?;
        writeln!(file, "{}", id()).map_err(named)?;
        file.persist(path).map_err(|wrong| named(wrong.error))?;
        Ok(PidFile(path.to_owned()))
    }
}

/// Whether nothing is there, or a number.
fn may_be_replaced(path: &Path) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) => found.is_file() && pid_in(path).is_some(),
        Err(_) => true,
    }
}

fn pid_in(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if pid_in(&self.0) == Some(id()) {
            // It is gone already, or it stays: nothing else can be done about it here.
            let _ = fs::remove_file(&self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pid_file_is_replaced_and_only_ours_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pid");
        fs::write(&path, "1\n").unwrap();
        let ours = PidFile::write(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", id()));
        drop(ours);
        assert!(!path.exists());
        let taken = PidFile::write(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(taken);
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\n");
        for other in ["notes", ""] {
            fs::write(&path, other).unwrap();
            assert_eq!(PidFile::write(&path).unwrap_err().exit_code(), 2);
            assert_eq!(fs::read_to_string(&path).unwrap(), other);
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(PidFile::write(&path).is_err());
    }
}
