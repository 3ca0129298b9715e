//! Remembers the uploads in progress in small files, so that a later program can resume one that was interrupted. It
//! does not know how an upload is resumed.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::client::{BodySource, RemoteName};
use crate::http::digest::Hasher;

/// How long a record is kept. Servers keep an upload for a day by default.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most bytes of an identifier.
const ID_MAX: u64 = 4096;

/// The file that remembers one upload: of this version of a local file, to this name of a server, under this condition.
#[derive(Debug)]
pub(crate) struct UploadRecord {
    path: PathBuf,
    /// The command that resumes the upload.
    pub resumer: &'static str,
}

impl UploadRecord {
    /// Returns the record of an upload; `None` for one that cannot be resumed by another program.
    pub fn of(
        server: &str,
        name: &RemoteName,
        source: &BodySource,
        condition: &str,
        resumer: &'static str,
    ) -> Option<Self> {
        let mut hasher = Hasher::default();
        let version = source.version()?;
        for part in [server.as_bytes(), &name.shown(), version.as_bytes(), condition.as_bytes()] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let key: String = hasher.finish().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Some(UploadRecord { path: directory()?.join(key), resumer })
    }

    /// Returns the identifier of the upload, if one was interrupted.
    pub fn load(&self) -> Option<Vec<u8>> {
        let mut id = Vec::new();
        fs::File::open(&self.path).ok()?.take(ID_MAX).read_to_end(&mut id).ok()?;
        Some(id.trim_ascii().to_vec()).filter(|id| !id.is_empty())
    }

    /// Stores the identifier of the upload. Where that fails, the upload cannot be resumed by another program.
    pub fn save(&self, id: &[u8]) {
        let _ = self.try_save(id);
    }

    fn try_save(&self, id: &[u8]) -> io::Result<()> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let _ = remove_old(directory);
        // Only its owner can read it: who has the identifier can change the upload.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&[id, b"\n"].concat())?;
        file.persist(&self.path).map(drop).map_err(io::Error::from)
    }

    /// Removes the record: the upload has ended.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns the directory of the records (XDG Base Directory Specification).
fn directory() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|path| path.as_bytes().starts_with(b"/"));
    let state = named("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(Path::new(&named("HOME")?).join(".local/state")))?;
    Some(state.join("cfp/uploads"))
}

/// Removes the records of uploads that no server has any more.
fn remove_old(directory: &Path) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let modified = entry.metadata()?.modified()?;
        if now.duration_since(modified).is_ok_and(|age| age > KEPT_FOR) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
