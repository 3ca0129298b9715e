//! Locks between processes, by fcntl(2). Each name has a byte of its own in the lock file at the root; a write locks that
//! byte in every process that serves the directory, on any machine. The bytes are record locks of the process
//! (`F_SETLK`), which network file systems support best. They do not exclude threads of one process, and all of them are
//! lost when the process closes any descriptor of the file: `locks` sees to both.
//!
//! Which processes write here is known by locks on the root directory itself, of its open file description
//! (`F_OFD_SETLK`), for which nothing is created. Only processes of one machine see those.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, FcntlArg, OFlag, ResolveFlag, fcntl, openat};
use nix::libc::{F_RDLCK, F_UNLCK, F_WRLCK, SEEK_SET, c_int, c_short, flock, off_t};
use nix::sys::stat::{Mode, fstat, fstatat};

use super::{DIRECTORY, is_regular, open_beneath};

/// The lock file, at the root. No client can name it, and it is no name of a temporary file, so a sweep leaves it alone.
const LOCK_FILE: &[u8] = b".cfpd-locks";

/// The byte of the upkeep, past those of all names.
pub(super) const UPKEEP: u64 = 1 << 62;
/// The byte of [`LockFile::probe`].
const PROBE: u64 = UPKEEP + 1;
/// The byte of the lock record.
pub(super) const LOCK_RECORD: u64 = UPKEEP + 2;
/// The pause before a byte that is locked is tried again; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LAST_PAUSE: Duration = Duration::from_millis(5);

/// Looks up the inode number of the lock file, where it exists. Some file systems (JuiceFS) answer a stat of their top
/// directory while their server hangs, but no look-up.
pub(super) fn look_up(root: &OwnedFd) -> nix::Result<Option<u64>> {
    match fstatat(root, LOCK_FILE, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat.st_ino)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// The lock file, open for the life of the process.
pub(super) struct LockFile {
    file: File,
    inode: u64,
    /// Whether it was removed: who opens it now locks another one.
    is_lost: AtomicBool,
    /// What is locked: `F_WRLCK`, or `F_RDLCK` where nothing may be written.
    kind: c_int,
}

impl LockFile {
    /// Opens it, and creates it where it is missing. With `read_only` it must exist.
    pub fn open(root: &OwnedFd, read_only: bool) -> nix::Result<Self> {
        let (access, kind) = match read_only {
            true => (OFlag::O_RDONLY, F_RDLCK),
            false => (OFlag::O_RDWR | OFlag::O_CREAT, F_WRLCK),
        };
        let flags = access | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(root, LOCK_FILE, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
        let stat = fstat(&file)?;
        match is_regular(&stat) {
            true => Ok(LockFile { file, inode: stat.st_ino, is_lost: AtomicBool::new(false), kind }),
            false => Err(Errno::EINVAL),
        }
    }

    /// Compares it with what a look-up has found, and returns whether it was removed. From then on nothing can be locked.
    pub fn is_lost(&self, found: Option<u64>) -> bool {
        if found != Some(self.inode) {
            self.is_lost.store(true, Ordering::Relaxed);
        }
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Locks a byte. `EAGAIN` where another process has it locked until `until`; `ENOLCK` where the file was removed.
    pub fn lock(&self, byte: u64, until: Instant) -> nix::Result<()> {
        if self.is_lost.load(Ordering::Relaxed) {
            return Err(Errno::ENOLCK);
        }
        retry(until, || match fcntl(&self.file, FcntlArg::F_SETLK(&record(self.kind, byte))) {
            // POSIX allows both.
            Err(Errno::EACCES | Errno::EAGAIN) => Ok(None),
            locked => locked.map(Some),
        })
        .map(drop)
    }

    /// Fails where the file system has no such locks.
    pub fn probe(&self) -> nix::Result<()> {
        let probed = self.lock(PROBE, Instant::now());
        self.unlock(PROBE);
        if probed == Err(Errno::EAGAIN) { Ok(()) } else { probed }
    }

    /// Unlocks a byte.
    pub fn unlock(&self, byte: u64) {
        // Ignore the error: nothing else can be done, and the end of the process unlocks it.
        let _ = fcntl(&self.file, FcntlArg::F_SETLK(&record(F_UNLCK, byte)));
    }
}

/// The locks of this process on the root directory, by which the processes of one machine know of each other.
pub(super) struct ProcessLock(OwnedFd);

/// The byte that every process which writes has locked.
const WRITES: u64 = 0;
/// The byte that a process has locked while it locks no names in the lock file: it has seen no other process.
const WRITES_ALONE: u64 = 1;

impl ProcessLock {
    /// Says that this process writes; `alone` that it locks no names in the lock file, unless [`ProcessLock::is_alone`] is
    /// false.
    pub fn announce(root: &OwnedFd, alone: bool) -> nix::Result<Self> {
        // Another open file description than any that is duplicated elsewhere.
        let process = ProcessLock(open_beneath(root.as_fd(), b".", DIRECTORY, ResolveFlag::empty())?);
        if alone {
            process.set(WRITES_ALONE, F_RDLCK)?;
        }
        process.set(WRITES, F_RDLCK)?;
        Ok(process)
    }

    /// Returns whether no other process of this machine writes.
    pub fn is_alone(&self) -> bool {
        !self.is_locked_by_others(WRITES)
    }

    /// Says that from now on this process locks names in the lock file.
    pub fn end_alone(&self) {
        // Ignore the error: the byte is unlocked with the descriptor.
        let _ = self.set(WRITES_ALONE, F_UNLCK);
    }

    /// Waits until every other process of this machine locks names in the lock file. `EAGAIN` where one does not until
    /// `until`.
    pub fn wait_for_others(&self, until: Instant) -> nix::Result<()> {
        retry(until, || Ok((!self.is_locked_by_others(WRITES_ALONE)).then_some(()))).map(drop)
    }

    fn set(&self, byte: u64, kind: c_int) -> nix::Result<()> {
        fcntl(&self.0, FcntlArg::F_OFD_SETLK(&record(kind, byte))).map(drop)
    }

    /// Returns whether another process has the byte locked; false, too, where the file system has no such locks.
    fn is_locked_by_others(&self, byte: u64) -> bool {
        let mut found = record(F_WRLCK, byte);
        fcntl(&self.0, FcntlArg::F_OFD_GETLK(&mut found)).is_ok() && c_int::from(found.l_type) != F_UNLCK
    }
}

/// Calls `attempt` until it returns something. `EAGAIN` after `until`; it is called at least once.
pub(super) fn retry<T>(until: Instant, attempt: impl Fn() -> nix::Result<Option<T>>) -> nix::Result<T> {
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt() {
            Ok(Some(done)) => return Ok(done),
            Ok(None) | Err(Errno::EINTR) if Instant::now() >= until => return Err(Errno::EAGAIN),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Returns a lock of this kind on one byte.
fn record(kind: c_int, byte: u64) -> flock {
    flock {
        l_type: c_short::try_from(kind).unwrap_or_default(),
        l_whence: c_short::try_from(SEEK_SET).unwrap_or_default(),
        l_start: off_t::try_from(byte).unwrap_or(off_t::MAX),
        l_len: 1,
        l_pid: 0,
    }
}
