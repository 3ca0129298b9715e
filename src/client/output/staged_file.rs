//! Staged files: a local file is written in the directory of its target, and renamed when it is complete. If the
//! program ends before, for any reason but SIGKILL, the staged file is removed.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::thread;

use nix::unistd::syncfs;
use parking_lot::Mutex;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tempfile::{Builder, TempPath};

use crate::client::output::destination::{copy_attributes, directory_of};
use crate::client::progress::interruption::{self, Note};
use crate::error::shown;

/// The beginning of the name of a staged file.
const PREFIX: &str = ".cfp-draft-";
/// How many letters and digits follow it.
const RANDOM: usize = 6;

/// Returns whether a file name is that of a staged file, which a program that was killed has left.
pub(crate) fn is_staged(name: &[u8]) -> bool {
    let rest = name.strip_prefix(PREFIX.as_bytes());
    rest.is_some_and(|rest| rest.len() == RANDOM && rest.iter().all(u8::is_ascii_alphanumeric))
}

/// A file that is not renamed to its target yet. Dropping it removes the file.
#[derive(Debug)]
pub struct StagedFile {
    path: TempPath,
    target: PathBuf,
    _note: Note,
}

impl StagedFile {
    /// Creates an empty file beside `target`, under an unused name, which no other user may open.
    pub fn begin(target: PathBuf) -> io::Result<(File, StagedFile)> {
        watch_signals();
        // The list is locked before the file is created, so that no signal comes between.
        let mut pending = PENDING.lock();
        let mut builder = Builder::new();
        let note = Note::new(format!("{} is left as it was", shown(target.as_os_str().as_bytes())));
        builder.prefix(PREFIX).rand_bytes(RANDOM).permissions(Permissions::from_mode(0o600));
        let (file, path) = builder.tempfile_in(directory_of(&target))?.into_parts();
        pending.push(path.to_path_buf());
        Ok((file, StagedFile { path, target, _note: note }))
    }

    /// Sets the file's mode, fsyncs it, renames it to its name, and fsyncs the directory.
    pub fn commit(mut self, file: &File) -> io::Result<()> {
        copy_attributes(file, &self.target)?;
        sync(file)?;
        let mut pending = PENDING.lock();
        fs::rename(&self.path, &self.target)?;
        pending.retain(|path| *path != *self.path);
        self.path.disable_cleanup(true);
        sync_name(file, &self.target)
    }
}

/// Fsyncs the content of a file before it is renamed: after a power failure the name has the old content or the new
/// one.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    done(file.sync_all())
}

/// Fsyncs the directory of a new name. If the directory may not be read, syncs its file system, which is that of
/// `file`.
pub(crate) fn sync_name(file: &File, name: &Path) -> io::Result<()> {
    match File::open(directory_of(name)) {
        Ok(directory) => done(directory.sync_all()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(syncfs(file)?),
        Err(error) => Err(error),
    }
}

/// Not every file system supports fsync.
fn done(synced: io::Result<()>) -> io::Result<()> {
    synced.or_else(|error| match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Ok(()),
        _ => Err(error),
    })
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        PENDING.lock().retain(|path| *path != *self.path);
    }
}

/// The staged files of this process, to be removed on a signal.
static PENDING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Whether the program goes on after SIGINT.
static SURVIVES_INTERRUPTS: AtomicBool = AtomicBool::new(false);

/// Keeps the staged files on SIGINT, for a program that it does not end.
pub(crate) fn survive_interrupts() {
    SURVIVES_INTERRUPTS.store(true, Ordering::Relaxed);
}

/// Removes the staged files when a signal ends the process, and says what is left. An ignored signal, as with nohup, stays
/// ignored.
pub(crate) fn watch_signals() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        outlive_size_limit();
        let survives = |signal: i32| signal == SIGINT && SURVIVES_INTERRUPTS.load(Ordering::Relaxed);
        let ends = |signal: &i32| !survives(*signal) && !is_ignored(*signal);
        let wanted = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().filter(ends);
        let Ok(mut signals) = Signals::new(wanted) else { return };
        // Without the thread a signal still ends the process, and a staged file is left behind.
        let _ = thread::Builder::new().spawn(move || {
            for signal in signals.forever() {
                // Held to the end: meanwhile no other thread begins a file.
                let mut pending = PENDING.lock();
                pending.drain(..).for_each(|path| drop(fs::remove_file(path)));
                interruption::tell();
                let _ = emulate_default_handler(signal);
            }
        });
    });
}

/// Makes exceeding the file size limit (`ulimit -f`) an error of the write instead of a signal that ends the program.
pub(crate) fn outlive_size_limit() {
    // If that fails, the signal ends the program.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
}

fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
