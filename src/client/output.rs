//! Outputs: where the bytes of a tool go on this machine. A local file is written beside its name and renamed when
//! it is whole; nothing is left behind, whatever ends the program short of SIGKILL.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tempfile::{Builder, TempPath};

use crate::error::{Error, Result, shown};

/// Where a content that is fetched goes, perhaps in several goes.
pub trait Sink: Write {
    /// What a person calls it.
    fn name(&self) -> String;

    /// Hands what an earlier run left in it to `take`.
    fn read_again(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<()>;

    /// Whether what is written can be taken back.
    fn can_restart(&self) -> bool;

    /// Takes back what was written. False where that cannot be.
    fn restart(&mut self) -> io::Result<bool>;
}

/// A local sink.
#[derive(Debug)]
pub struct Output {
    /// What a person calls it.
    pub name: String,
    file: File,
    draft: Option<Draft>,
}

/// A file that has not got its name yet. Dropped before, it goes.
#[derive(Debug)]
struct Draft {
    path: TempPath,
    target: PathBuf,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Result<Self> {
        let name = "standard output".to_owned();
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(owned) => Ok(Output { name, file: File::from(owned), draft: None }),
            Err(wrong) => Err(Error::io(name, wrong)),
        }
    }

    /// A local file: a new content for a regular one, whose mode stays; anything else that stands there, such as a
    /// device or a pipe, is written as it is.
    pub fn create(path: &Path) -> Result<Self> {
        let name = shown(path.as_os_str().as_encoded_bytes());
        Output::open(path, name.clone()).map_err(|wrong| Error::io(name, wrong))
    }

    fn open(path: &Path, name: String) -> io::Result<Self> {
        // What a symbolic link leads to is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let standing = match fs::metadata(&target) {
            Ok(meta) if meta.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(meta) if !meta.is_file() => {
                let file = OpenOptions::new().write(true).open(&target)?;
                return Ok(Output { name, file, draft: None });
            }
            Ok(meta) => Some(meta.permissions()),
            Err(wrong) if wrong.kind() == io::ErrorKind::NotFound => None,
            Err(wrong) => return Err(wrong),
        };
        let (file, path) = begin(target.parent().unwrap_or(Path::new("")))?;
        let draft = Draft { path, target };
        if let Some(permissions) = standing {
            file.set_permissions(permissions)?;
        }
        Ok(Output { name, file, draft: Some(draft) })
    }

    /// Gives the content its name.
    pub fn commit(mut self) -> Result<()> {
        match self.draft.take() {
            Some(mut draft) => draft.settle().map_err(|wrong| Error::io(&self.name, wrong)),
            None => Ok(()),
        }
    }
}

impl Write for Output {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.file.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Output {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn read_again(&mut self, _: &mut dyn FnMut(&[u8])) -> Result<()> {
        Ok(())
    }

    fn can_restart(&self) -> bool {
        self.draft.is_some()
    }

    fn restart(&mut self) -> io::Result<bool> {
        if self.draft.is_some() {
            self.file.set_len(0)?;
            self.file.rewind()?;
        }
        Ok(self.draft.is_some())
    }
}

impl Draft {
    fn settle(&mut self) -> io::Result<()> {
        let mut pending = pending();
        fs::rename(&self.path, &self.target)?;
        pending.retain(|path| *path != *self.path);
        self.path.disable_cleanup(true);
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        pending().retain(|path| *path != *self.path);
    }
}

/// The drafts of this process, for the signal that ends it.
static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn pending() -> MutexGuard<'static, Vec<PathBuf>> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes an empty file in a directory, under a name nobody uses, with the mode of a new file.
fn begin(directory: &Path) -> io::Result<(File, TempPath)> {
    watch_signals();
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    // The list is locked before the file is there: no signal falls in between.
    let mut pending = pending();
    let mut builder = Builder::new();
    builder.prefix(".cfp-").permissions(Permissions::from_mode(0o666));
    let (file, path) = builder.tempfile_in(directory)?.into_parts();
    pending.push(path.to_path_buf());
    Ok((file, path))
}

/// Lets a signal that ends the process take the drafts along. One that is ignored, as under nohup, stays ignored.
fn watch_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
        let Ok(mut signals) = Signals::new(wanted) else { return };
        // Without the thread a signal ends the process all the same, and a draft stays.
        let _ = thread::Builder::new().spawn(move || {
            for signal in signals.forever() {
                pending().drain(..).for_each(|path| drop(fs::remove_file(path)));
                let _ = emulate_default_handler(signal);
            }
        });
    });
}

fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(Output::create(directory.path()).unwrap_err().exit_code(), 2);
    }
}
