//! What is acknowledged is on the disk: contents and directory entries are synced here, and nowhere else.
//!
//! A directory is synced once for all who changed it meanwhile: whoever comes while a sync runs waits for the
//! next one, which one of the waiting runs for all. A sync that began before a change proves nothing of it.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{fsync, sync, syncfs};

use super::root::{DIRECTORY, Place};
use super::temporary::Temporary;
use super::walk::errno_of;

/// Device and inode of a directory.
type Directory = (u64, u64);

/// Whether and how writes reach the disk before they are acknowledged.
#[derive(Default)]
pub(super) struct Durability {
    /// Whether the admin chose speed instead.
    pub off: bool,
    rounds: Mutex<HashMap<Directory, Arc<Rounds>>>,
}

/// The syncs of one directory.
#[derive(Default)]
struct Rounds {
    state: Mutex<Round>,
    ended: Condvar,
}

#[derive(Default)]
struct Round {
    /// Syncs that have begun.
    begun: u64,
    /// Syncs that have ended.
    ended: u64,
    /// The last one that failed, by its number.
    failed: Option<(u64, Errno)>,
    /// Those that wait for the end of one.
    waiting: usize,
}

impl Durability {
    /// The same for another root.
    pub fn again(&self) -> Self {
        Durability { off: self.off, rounds: Mutex::default() }
    }

    /// Syncs a content with its time and attributes.
    pub fn content(&self, file: &File) -> nix::Result<()> {
        if self.off { Ok(()) } else { fsync(file) }
    }

    /// Syncs all of the file system a tree was just written to: one call for thousands of files.
    pub fn tree(&self, top: &File) -> nix::Result<()> {
        if self.off { Ok(()) } else { syncfs(top) }
    }

    /// Syncs the directory an entry of which was changed.
    pub fn entry(&self, place: &Place) -> nix::Result<()> {
        if self.off {
            return Ok(());
        }
        let rounds = Arc::clone(self.rounds().entry(place.directory()).or_default());
        let outcome = rounds.join(|| sync_directory(&place.parent));
        let mut all = self.rounds();
        // Two: the map's and ours. Nobody else waits or will find it.
        if Arc::strong_count(&rounds) == 2 {
            all.remove(&place.directory());
        }
        outcome
    }

    fn rounds(&self) -> MutexGuard<'_, HashMap<Directory, Arc<Rounds>>> {
        self.rounds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rounds {
    /// Takes part in the first sync that begins from now on, and runs it if nobody else does.
    fn join(&self, sync: impl FnOnce() -> nix::Result<()>) -> nix::Result<()> {
        let mut round = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = round.begun + 1;
        while round.ended < wanted {
            if round.begun > round.ended {
                round.waiting += 1;
                round = self.ended.wait(round).unwrap_or_else(PoisonError::into_inner);
                round.waiting -= 1;
                continue;
            }
            round.begun += 1;
            drop(round);
            let outcome = sync();
            round = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
            // A later failure is told too: it may be of what was written before.
            Some((failed, errno)) if failed >= wanted => Err(errno),
            _ => Ok(()),
        }
    }
}

/// The handle of a place reads nothing. Of a directory that may not be read, as a drop box, and of one whose file system
/// syncs no directory, all of the file system is synced.
fn sync_directory(handle: &OwnedFd) -> nix::Result<()> {
    match openat(handle, ".", DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(directory) => match fsync(&directory) {
            Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS) => syncfs(&directory),
            synced => synced,
        },
        Err(Errno::EACCES) => match probe(handle) {
            Ok(file) => syncfs(file),
            // No room for a file without content: all there is costs more, and needs none.
            Err(_) => {
                sync();
                Ok(())
            }
        },
        Err(errno) => Err(errno),
    }
}

/// An empty file in a directory that may be written: a descriptor of its file system.
fn probe(directory: &OwnedFd) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    match openat(directory, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR) {
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EINVAL) => {
            let made = Temporary::file(directory.try_clone().map_err(errno_of)?)?;
            made.handle().try_clone().map(OwnedFd::from).map_err(errno_of)
        }
        opened => opened,
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
        const COMERS: usize = 16;
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
            let comers: Vec<_> = (0..COMERS).map(|_| scope.spawn(count)).collect();
            while rounds.state.lock().unwrap().waiting < COMERS {
                thread::yield_now();
            }
            all_wait.wait();
            comers.into_iter().for_each(|comer| comer.join().unwrap().unwrap());
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
