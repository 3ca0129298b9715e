//! The cache of small files that are asked for again: which are in it, and which go when it is full. `cached_file` proves
//! that one is still what its name leads to.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::stat::FileStat;
use nix::sys::statfs::{
    BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, F2FS_SUPER_MAGIC, FsType, XFS_SUPER_MAGIC, fstatfs,
};
use parking_lot::{Mutex, RwLock};

use super::{CacheCandidate, CachedFile, change_time, file_id};
use crate::store::Name;

/// The largest file that is kept. Of a larger one the copy to the socket takes so long that an open does not matter.
const FILE_MAX: u64 = 64 << 10;
/// What an entry takes besides the bytes of its file: names, metadata, its place in the table. It bounds the number of
/// entries, too.
const ENTRY: usize = 1024;
/// How many versions of files are remembered as asked for once.
const ASKED: usize = 4096;
/// Of a full cache one in so many entries goes, the one that was not asked for the longest.
const EVICTED: usize = 8;
/// The file systems whose ctime tells of every change: to the content, also by a shared mapping once its pages are written
/// back, to the mode, and to a link, by its removal or a rename. Not tmpfs, which does not notice a mapping, and no file
/// system that other machines change.
const TRUSTED: [FsType; 4] = [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC];

/// Small files in memory.
pub(super) struct FileCache {
    /// The root directory.
    root: OwnedFd,
    /// The size of all entries together, at most.
    most: usize,
    table: RwLock<CacheTable>,
    /// Hashes of versions that were asked for once: one that is asked for a single time takes no room.
    asked: Box<[AtomicU64]>,
    hasher: RandomState,
    /// The device of the file that was last found on a file system that is not trusted: it is not asked again.
    untrusted: AtomicU64,
    /// Held by the one thread that reads a file into the cache: this takes an fdatasync.
    turn: Mutex<()>,
}

#[derive(Default)]
struct CacheTable {
    /// By components.
    files: HashMap<Vec<Vec<u8>>, CacheEntry>,
    size: usize,
    /// How many were added so far: the clock of the uses.
    added: u64,
}

struct CacheEntry {
    file: Arc<CachedFile>,
    used: AtomicU64,
}

impl FileCache {
    /// Makes an empty cache for files beneath this directory, of at most so many bytes.
    pub fn new(root: OwnedFd, most: u64) -> Self {
        FileCache {
            root,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            table: RwLock::default(),
            asked: (0..ASKED).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            untrusted: AtomicU64::new(u64::MAX),
            turn: Mutex::new(()),
        }
    }

    /// Makes an empty cache with the same limit, beneath another directory.
    pub fn for_new_root(&self, root: OwnedFd) -> Self {
        FileCache::new(root, self.most as u64)
    }

    /// Returns the file that this name leads to now, if it is in the cache. One that has changed is dropped.
    pub fn get(&self, name: &Name) -> Option<Arc<CachedFile>> {
        if name.is_directory() {
            return None;
        }
        let table = self.table.read();
        let entry = table.files.get(name.components())?;
        entry.used.store(table.added, Ordering::Relaxed);
        let file = Arc::clone(&entry.file);
        drop(table);
        if file.is_current(&self.root, name.components()) {
            return Some(file);
        }
        self.table.write().remove(name.components(), &file);
        None
    }

    /// Reads an open file into the cache, where it is small and this version was asked for before; or notes that the name is
    /// that of a directory.
    pub fn offer(&self, name: &Name, opened: CacheCandidate<'_>) {
        let is_fit = !name.is_directory()
            && opened.meta.size <= FILE_MAX
            && opened.attribute.is_none_or(|attribute| attribute.is_current)
            && opened.stat.st_dev != self.untrusted.load(Ordering::Relaxed)
            && self.was_asked(opened.stat);
        let Some(_turn) = self.turn.try_lock().filter(|_| is_fit) else { return };
        if !fstatfs(opened.file).is_ok_and(|system| TRUSTED.contains(&system.filesystem_type())) {
            return self.untrusted.store(opened.stat.st_dev, Ordering::Relaxed);
        }
        if let Some(read) = CachedFile::read(&self.root, name.components(), opened) {
            self.table.write().add(name.components(), read, self.most);
        }
    }

    /// Returns whether this version was asked for before; notes that it was now.
    fn was_asked(&self, stat: &FileStat) -> bool {
        let hash = self.hasher.hash_one((file_id(stat), change_time(stat))).max(1);
        let at = usize::try_from(hash % ASKED as u64).unwrap_or_default();
        self.asked.get(at).is_some_and(|slot| slot.swap(hash, Ordering::Relaxed) == hash)
    }
}

impl CacheTable {
    fn add(&mut self, components: &[Vec<u8>], file: CachedFile, most: usize) {
        let size = size_in_cache(components, &file);
        if size > most {
            return;
        }
        self.take_out(components);
        if self.size + size > most {
            self.evict(most - size);
        }
        self.added += 1;
        self.size += size;
        let entry = CacheEntry { file: Arc::new(file), used: AtomicU64::new(self.added) };
        self.files.insert(components.to_vec(), entry);
    }

    /// Removes this version; another thread may have replaced it by a newer one.
    fn remove(&mut self, components: &[Vec<u8>], file: &Arc<CachedFile>) {
        if self.files.get(components).is_some_and(|entry| Arc::ptr_eq(&entry.file, file)) {
            self.take_out(components);
        }
    }

    fn take_out(&mut self, components: &[Vec<u8>]) {
        if let Some(entry) = self.files.remove(components) {
            self.size -= size_in_cache(components, &entry.file);
        }
    }

    /// Removes what was not asked for the longest, until the rest fits: a part of all at a time, so that a full cache is not
    /// searched for each file.
    fn evict(&mut self, most: usize) {
        while self.size > most && !self.files.is_empty() {
            let mut uses: Vec<_> =
                self.files.values().map(|entry| entry.used.load(Ordering::Relaxed)).collect();
            let (_, last, _) = uses.select_nth_unstable(self.files.len() / EVICTED);
            let last = *last;
            self.files.retain(|components, entry| {
                let stays = entry.used.load(Ordering::Relaxed) > last;
                if !stays {
                    self.size -= size_in_cache(components, &entry.file);
                }
                stays
            });
        }
    }
}

fn size_in_cache(components: &[Vec<u8>], file: &CachedFile) -> usize {
    ENTRY + components.iter().map(Vec::len).sum::<usize>() + file.size()
}
