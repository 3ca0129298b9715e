//! Frees the blocks of large files in threads of their own, after a file was replaced or deleted: a file system takes a tenth
//! of a second and more for a gigabyte, for which no client need wait. A write that lacks space waits for the frees.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::{EntryAt, HANDLE, is_remote};
use crate::cores::cores;
use crate::store::{Kind, Meta};

/// From this size on, in bytes, a thread is worth its start.
const LARGE: u64 = 16 << 20;
/// How long whoever lacks space waits for files to be freed.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The large files that are being freed.
#[derive(Clone, Default)]
pub(super) struct Freeing {
    held: Arc<(Mutex<usize>, Condvar)>,
}

/// A large file that is about to lose its name. Its blocks are freed after this is dropped.
pub(super) struct HeldFile(Option<CountedHandle>);

/// An open file that is counted until it is closed.
struct CountedHandle {
    file: Option<OwnedFd>,
    freeing: Freeing,
}

impl Freeing {
    /// Keeps the file of an entry open, to be called before it is removed or replaced; `meta` is its metadata. `None` where it is
    /// small, or on a file system of another machine or process, which would rename an open file instead of removing it.
    pub fn keep_open(&self, entry: &EntryAt, meta: &Meta) -> Option<HeldFile> {
        if meta.kind != Kind::File || meta.size < LARGE {
            return None;
        }
        let file = entry.open(HANDLE).ok().filter(|file| !is_remote(file))?;
        *self.held.0.lock() += 1;
        Some(HeldFile(Some(CountedHandle { file: Some(file), freeing: self.clone() })))
    }

    /// Waits until nothing is being freed, but not for ever. False where nothing was.
    pub fn wait(&self) -> bool {
        let (held, freed) = &*self.held;
        let mut held = held.lock();
        let was_held = *held > 0;
        freed.wait_while_for(&mut held, |held| *held > 0, WAIT_MAX);
        was_held
    }
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        let Some(counted) = self.0.take() else { return };
        // If more files are being freed than there are cores, free in this thread.
        if *counted.freeing.held.0.lock() <= cores() {
            let _ = thread::Builder::new().name("free".to_owned()).spawn(move || drop(counted));
        }
    }
}

impl Drop for CountedHandle {
    fn drop(&mut self) {
        self.file = None;
        let (held, freed) = &*self.freeing.held;
        *held.lock() -= 1;
        freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;

    use super::*;
    use crate::store::Name;
    use crate::store::local::{Volume, lookup};

    fn keep_open(volume: &Volume, name: &str) -> Option<HeldFile> {
        let name = Name::new(vec![name.as_bytes().to_vec()], false).unwrap();
        let entry = volume.root.existing_entry(&name).unwrap();
        let found = lookup(&volume.root, &name, &entry).unwrap().into_found().unwrap();
        volume.space().freeing.keep_open(&entry, &found.meta)
    }

    /// Returns how many descriptors of this process are of removed files in a directory.
    fn removed_and_open(directory: &Path) -> usize {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.filter(|target| target.starts_with(directory)).count()
    }

    #[test]
    fn large_files_are_held_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let volume = Volume::open(folder.path()).unwrap();
        let sized = |name: &str, size| File::create(folder.path().join(name)).unwrap().set_len(size).unwrap();
        sized("large", LARGE);
        sized("small", LARGE - 1);
        fs::create_dir(folder.path().join("directory")).unwrap();
        assert!(keep_open(&volume, "large").is_some());
        for other in ["small", "directory"] {
            assert!(keep_open(&volume, other).is_none(), "{other}");
        }
    }

    #[test]
    fn whoever_waits_waits_until_all_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let volume = Volume::open(folder.path()).unwrap();
        let root = removed_and_open(folder.path());
        assert!(!volume.space().freeing.wait(), "nothing is freed");
        let held: Vec<_> = (0..40)
            .map(|_| {
                let file = File::create(&path).unwrap();
                file.set_len(LARGE).unwrap();
                let held = keep_open(&volume, "large");
                fs::remove_file(&path).unwrap();
                held
            })
            .collect();
        assert_eq!(removed_and_open(folder.path()), root + 40);
        drop(held);
        volume.space().freeing.wait();
        assert_eq!(removed_and_open(folder.path()), root);
        assert!(!volume.space().freeing.wait());
    }
}
