//! Locks on names: a write locks its name from the check of what exists there until the rename. Within the process by a
//! table; between processes by a byte of the lock file (`lock_file`), which is locked after that.
//!
//! The lock file is used where the daemon is told that others write here (`--shared`), and as soon as another process of
//! this machine does. A process that has found no other says so by a lock on the root directory, and looks again at each
//! write and from time to time. One that starts later finds it, uses the lock file from its first write on, and waits
//! with that until the first has seen it and ended the writes that began before.

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use parking_lot::{Condvar, Mutex};
use sha2::{Digest, Sha256};

use super::lock_file::{self, LOCK_RECORD, UPKEEP};
use super::{EntryAt, FileId, LockFile, ProcessLock, Root};

/// How long a name that others have locked is waited for, once names are locked between processes.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// The messages of a process that finds another one.
const FOUND: &str = "another cfpd serves this directory too: names are locked between the two";
const UNLOCKABLE: &str = "another cfpd serves this directory too, and a lock file cannot be written there: conditions \
                          such as If-Match hold within each of the two only";

/// The locks of each root that is open. All engines of a root share them: see `lock_file`.
static ROOTS: Mutex<Vec<(FileId, Arc<Locks>)>> = Mutex::new(Vec::new());

/// The locks of a root, shared by all engines of this process that have it open.
pub(super) struct RootLocks(Arc<Locks>);

/// Keeps names locked until it is dropped.
pub(super) struct NameGuard<'a> {
    locks: &'a Locks,
    bytes: Vec<u64>,
    file: Option<Arc<LockFile>>,
}

struct Locks {
    root: OwnedFd,
    state: Mutex<LockState>,
    freed: Condvar,
    /// Whether every other process of this machine uses the lock file. Once they do, they do for ever.
    are_others_ready: AtomicBool,
}

#[derive(Default)]
struct LockState {
    /// The bytes of the names that are locked now.
    held: HashSet<u64>,
    /// How many of those that hold them have not locked them in the lock file.
    unlocked: usize,
    scope: LockScope,
    process: Option<Arc<ProcessLock>>,
    /// What is to be said in the log.
    news: Option<&'static str>,
}

/// Between whom names are locked.
#[derive(Default)]
enum LockScope {
    /// The threads of this process, which has not looked for others.
    #[default]
    Unknown,
    /// The threads of this process, which has found no other.
    Alone,
    /// The threads of this process, which cannot write a lock file for the others that it has found.
    Unlockable,
    /// All processes.
    Everywhere(Arc<LockFile>),
}

impl RootLocks {
    /// Returns the locks of this root.
    pub fn of(root: &Root) -> io::Result<Self> {
        let mut roots = ROOTS.lock();
        if let Some((_, locks)) = roots.iter().find(|(identity, _)| *identity == root.identity()) {
            return Ok(RootLocks(Arc::clone(locks)));
        }
        let locks = Arc::new(Locks {
            root: root.handle.try_clone()?,
            state: Mutex::default(),
            freed: Condvar::new(),
            are_others_ready: AtomicBool::new(false),
        });
        roots.push((root.identity(), Arc::clone(&locks)));
        Ok(RootLocks(locks))
    }

    /// Locks names between all processes from now on, whether others are found or not.
    pub fn share(&self, read_only: bool) -> nix::Result<()> {
        let mut state = self.0.state.lock();
        if !read_only {
            state.process = ProcessLock::announce(&self.0.root, false).ok().map(Arc::new);
        }
        let file = LockFile::open(&self.0.root, read_only)?;
        file.probe()?;
        state.scope = LockScope::Everywhere(Arc::new(file));
        Ok(())
    }

    /// Returns whether other processes may write here.
    pub fn is_shared(&self) -> bool {
        !matches!(self.0.state.lock().scope, LockScope::Unknown | LockScope::Alone)
    }

    /// Looks up the lock file. `ENOLCK` where names are locked in one that was removed.
    pub fn check_file(&self) -> nix::Result<()> {
        let file = self.0.state.lock().scope.file();
        let found = lock_file::look_up(&self.0.root)?;
        match file.is_some_and(|file| file.is_lost(found)) {
            true => Err(Errno::ENOLCK),
            false => Ok(()),
        }
    }

    /// Looks for other processes that write here, and returns what is to be said of it in the log.
    pub fn find_others(&self) -> Option<&'static str> {
        let mut state = self.0.state.lock();
        state.find_others(&self.0.root);
        state.news.take()
    }

    /// Waits until none of the names is locked, then locks all of them. `EAGAIN` where others keep one locked. With
    /// `writes` it looks for other processes first.
    pub fn lock_names(&self, entries: &[&EntryAt], writes: bool) -> nix::Result<NameGuard<'_>> {
        let mut bytes: Vec<_> = entries.iter().map(|entry| byte_of(entry)).collect();
        // Every process locks the bytes in this order, so that no two deadlock.
        bytes.sort_unstable();
        bytes.dedup();
        self.0.lock_bytes(bytes, writes)
    }

    /// Locks the upkeep, which one process does at a time. `EAGAIN` where another one does it.
    pub fn lock_upkeep(&self) -> nix::Result<Option<NameGuard<'_>>> {
        let is_shared = matches!(self.0.state.lock().scope, LockScope::Everywhere(_));
        is_shared.then(|| self.0.lock_bytes(vec![UPKEEP], true)).transpose()
    }

    /// Locks the lock record, which one thread of one process replaces at a time. `EAGAIN` where another one keeps it.
    pub fn lock_lock_record(&self) -> nix::Result<NameGuard<'_>> {
        self.0.lock_bytes(vec![LOCK_RECORD], true)
    }
}

impl Drop for RootLocks {
    fn drop(&mut self) {
        let mut roots = ROOTS.lock();
        // The last one closes the lock file before another engine can open it again.
        if Arc::strong_count(&self.0) == 2 {
            roots.retain(|(_, locks)| !Arc::ptr_eq(locks, &self.0));
            *self.0.state.lock() = LockState::default();
        }
    }
}

impl Locks {
    fn lock_bytes(&self, bytes: Vec<u64>, writes: bool) -> nix::Result<NameGuard<'_>> {
        let until = Instant::now() + LOCK_WAIT;
        let taken = |state: &mut LockState| bytes.iter().any(|byte| state.held.contains(byte));
        let mut state = self.state.lock();
        match state.scope {
            LockScope::Everywhere(_) => {
                if self.freed.wait_while_until(&mut state, taken, until).timed_out() {
                    return Err(Errno::EAGAIN);
                }
            }
            _ => self.freed.wait_while(&mut state, taken),
        }
        if writes {
            state.find_others(&self.root);
        }
        let (file, process) = (state.scope.file(), state.process.clone());
        state.unlocked += usize::from(file.is_none());
        state.held.extend(&bytes);
        drop(state);
        let guard = NameGuard { locks: self, bytes, file };
        guard.lock_file(process.as_deref(), until)?;
        Ok(guard)
    }
}

impl LockState {
    fn find_others(&mut self, root: &OwnedFd) {
        match self.scope {
            LockScope::Unknown => {
                self.process = ProcessLock::announce(root, true).ok().map(Arc::new);
                self.scope = LockScope::Alone;
            }
            LockScope::Alone => {}
            LockScope::Unlockable | LockScope::Everywhere(_) => return,
        }
        if self.process.as_ref().is_none_or(|process| process.is_alone()) {
            return;
        }
        (self.scope, self.news) = match LockFile::open(root, false) {
            Ok(file) => (LockScope::Everywhere(Arc::new(file)), Some(FOUND)),
            Err(_) => (LockScope::Unlockable, Some(UNLOCKABLE)),
        };
        self.end_alone();
    }

    /// Lets the others write, once no name is locked within this process alone.
    fn end_alone(&self) {
        let is_ended = match self.scope {
            LockScope::Unknown | LockScope::Alone => false,
            LockScope::Unlockable => true,
            LockScope::Everywhere(_) => self.unlocked == 0,
        };
        if is_ended && let Some(process) = &self.process {
            process.end_alone();
        }
    }
}

impl LockScope {
    fn file(&self) -> Option<Arc<LockFile>> {
        if let LockScope::Everywhere(file) = self { Some(Arc::clone(file)) } else { None }
    }
}

impl NameGuard<'_> {
    /// Locks the bytes in the lock file, once every process uses it.
    fn lock_file(&self, process: Option<&ProcessLock>, until: Instant) -> nix::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(process) = process
            && !self.locks.are_others_ready.load(Ordering::Relaxed)
        {
            process.wait_for_others(until)?;
            self.locks.are_others_ready.store(true, Ordering::Relaxed);
        }
        self.bytes.iter().try_for_each(|byte| file.lock(*byte, until))
    }
}

impl Drop for NameGuard<'_> {
    fn drop(&mut self) {
        // No other thread has one of them locked, so what was not locked is not unlocked for anybody.
        self.file.iter().for_each(|file| self.bytes.iter().for_each(|byte| file.unlock(*byte)));
        let mut state = self.locks.state.lock();
        for byte in &self.bytes {
            state.held.remove(byte);
        }
        if self.file.is_none() {
            state.unlocked -= 1;
            state.end_alone();
        }
        drop(state);
        self.locks.freed.notify_all();
    }
}

/// Returns the byte of a name: 62 bits of the SHA-256 of the inode number of its directory and its last component. Not of the
/// device number, which differs between machines. Two names with one byte exclude each other, which is harmless.
fn byte_of(entry: &EntryAt) -> u64 {
    let sum =
        Sha256::new().chain_update(entry.directory().1.to_be_bytes()).chain_update(&entry.last).finalize();
    let first = sum.first_chunk::<8>().copied().unwrap_or_default();
    u64::from_be_bytes(first) >> 2
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;

    fn entry(root: &Root, last: &str) -> EntryAt {
        EntryAt::new(root.handle.try_clone().unwrap(), last.into()).unwrap()
    }

    fn with_locks(test: impl FnOnce(&Root, &RootLocks)) {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        test(&root, &RootLocks::of(&root).unwrap());
        assert!(!ROOTS.lock().iter().any(|(identity, _)| *identity == root.identity()));
    }

    #[test]
    fn a_name_is_held_by_one_at_a_time_and_pairs_do_not_lock_each_other_out() {
        for is_shared in [false, true] {
            with_locks(|root, locks| {
                if is_shared {
                    locks.share(false).unwrap();
                }
                let inside = Mutex::new(());
                thread::scope(|scope| {
                    for pair in [["a", "b"], ["b", "a"], ["b", "b"], ["a", "a"]] {
                        let inside = &inside;
                        scope.spawn(move || {
                            let entries = pair.map(|last| entry(root, last));
                            for _ in 0..1000 {
                                let held = locks.lock_names(&entries.each_ref(), true).unwrap();
                                if pair.contains(&"b") {
                                    drop(inside.try_lock().unwrap());
                                }
                                drop(held);
                            }
                        });
                    }
                });
            });
        }
    }

    #[test]
    fn a_panic_gives_the_name_back() {
        with_locks(|root, locks| {
            let a = entry(root, "a");
            let held = || {
                let _held = locks.lock_names(&[&a], true).unwrap();
                panic!("on purpose");
            };
            assert!(catch_unwind(AssertUnwindSafe(held)).is_err());
            drop(locks.lock_names(&[&a], true).unwrap());
        });
    }

    #[test]
    fn two_engines_of_one_root_are_no_two_processes() {
        with_locks(|root, locks| {
            let other = RootLocks::of(root).unwrap();
            for locks in [locks, &other] {
                drop(locks.lock_names(&[&entry(root, "a")], true).unwrap());
                assert_eq!(locks.find_others(), None);
            }
            assert!(matches!(locks.0.state.lock().scope, LockScope::Alone));
        });
    }
}
