//! Fsyncs files and directories, so that acknowledged writes survive a power failure.
//!
//! Threads share the fsyncs of one directory (group commit): while one fsync runs, others wait for the next one, which
//! one of them runs for all. An fsync that began before a change may not include it.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::stat::Mode;
use nix::unistd::{fsync, sync, syncfs};
use parking_lot::{Condvar, Mutex};

use super::{EntryAt, FileId, reopen, unlinked_file};

/// Fsyncs, unless that is switched off.
#[derive(Default)]
pub(super) struct Syncer {
    /// Whether nothing is synced (`--no-sync`).
    pub off: bool,
    rounds: Mutex<HashMap<FileId, Arc<Rounds>>>,
}

/// The fsyncs of one directory.
#[derive(Default)]
struct Rounds {
    state: Mutex<Round>,
    ended: Condvar,
}

#[derive(Default)]
struct Round {
    /// How many have begun.
    begun: u64,
    /// How many have ended.
    ended: u64,
    /// The number of the last one that failed, and its error.
    failed: Option<(u64, Errno)>,
    /// How many threads wait for the end of one.
    waiting: usize,
}

impl Syncer {
    /// Makes a syncer with the same setting for another root.
    pub fn for_new_root(&self) -> Self {
        Syncer { off: self.off, rounds: Mutex::default() }
    }

    /// Fsyncs a content with its time and attributes.
    pub fn content(&self, file: &File) -> nix::Result<()> {
        if self.off { Ok(()) } else { fsync(file) }
    }

    /// Syncs the whole file system after a tree was written (syncfs(2)): one call for thousands of files.
    pub fn file_system(&self, top: &File) -> nix::Result<()> {
        if self.off { Ok(()) } else { syncfs(top) }
    }

    /// Fsyncs the directory of an entry that was changed.
    pub fn directory(&self, entry: &EntryAt) -> nix::Result<()> {
        if self.off {
            return Ok(());
        }
        let rounds = Arc::clone(self.rounds.lock().entry(entry.directory()).or_default());
        let outcome = rounds.join(|| sync_directory(&entry.parent));
        let mut all = self.rounds.lock();
        // Two references: the map's and this one. No other thread waits on it or can find it.
        if Arc::strong_count(&rounds) == 2 {
            all.remove(&entry.directory());
        }
        outcome
    }
}

impl Rounds {
    /// Waits for the first fsync that begins after this call, and runs it if no other thread does.
    fn join(&self, sync: impl FnOnce() -> nix::Result<()>) -> nix::Result<()> {
        let mut round = self.state.lock();
        let wanted = round.begun + 1;
        while round.ended < wanted {
            if round.begun > round.ended {
                round.waiting += 1;
                self.ended.wait(&mut round);
                round.waiting -= 1;
                continue;
            }
            round.begun += 1;
            drop(round);
            let outcome = sync();
            round = self.state.lock();
            round.ended += 1;
            if let Err(errno) = outcome {
                round.failed = Some((round.ended, errno));
            }
            if round.waiting > 0 {
                self.ended.notify_all();
            }
            break;
        }
        match round.failed {
            // A later failure is reported too: it may concern earlier writes.
            Some((failed, errno)) if failed >= wanted => Err(errno),
            _ => Ok(()),
        }
    }
}

/// Fsyncs a directory through an `O_PATH` descriptor. Where the directory may not be read (a drop box), or its file system
/// syncs no directory, the whole file system is synced.
fn sync_directory(handle: &OwnedFd) -> nix::Result<()> {
    match reopen(handle) {
        Ok(directory) => match fsync(&directory) {
            Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS) => syncfs(&directory),
            synced => synced,
        },
        // syncfs(2) takes any descriptor of the file system: use that of an empty file.
        Err(Errno::EACCES) => match unlinked_file(handle, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(file) => syncfs(file),
            // The empty file cannot be made: sync(2) costs more, but needs no descriptor.
            Err(_) => {
                sync();
                Ok(())
            }
        },
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn who_comes_while_a_sync_runs_shares_the_next_one() {
        const THREADS: usize = 16;
        let (rounds, runs) = (Rounds::default(), AtomicUsize::new(0));
        let (began, all_wait) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                rounds.join(|| {
                    began.wait();
                    all_wait.wait();
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            });
            began.wait();
            let count = || {
                rounds.join(|| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            };
            let joiners: Vec<_> = (0..THREADS).map(|_| scope.spawn(count)).collect();
            while rounds.state.lock().waiting < THREADS {
                thread::yield_now();
            }
            all_wait.wait();
            joiners.into_iter().for_each(|incoming| incoming.join().unwrap().unwrap());
        });
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failed_sync_is_told_to_all_who_shared_it_and_to_no_later_one() {
        let rounds = Rounds::default();
        assert_eq!(rounds.join(|| Err(Errno::EIO)), Err(Errno::EIO));
        assert_eq!(rounds.join(|| Ok(())), Ok(()));
    }
}
