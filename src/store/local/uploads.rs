//! The directory of partial uploads at the root: their identifiers, their limit, and their expiry.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};
use nix::sys::stat::{FileStat, Mode, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use parking_lot::Mutex;

use super::walk::stat;
use super::{
    DIRECTORY, EntryAt, Temporary, UPLOADS, Volume, Walk, completion, errno_of, is_absent, is_hexadecimal,
    modified, open_beneath,
};
use crate::error::{Error, Result};
use crate::store::CompletedUpload;

/// How many completed uploads are remembered: each takes a block of the disk.
const COMPLETED_MAX: usize = 1000;
/// Random bytes in an identifier.
const RANDOM: usize = 16;

/// The partial uploads of a store.
pub(super) struct Uploads {
    /// How many there may be at once.
    pub most: usize,
    /// How long one is kept when nothing is written to it.
    pub time: Duration,
    /// The random source, opened at the start, before Landlock applies.
    random: Option<File>,
    /// Locked while they are counted and one more is made.
    counting: Mutex<()>,
}

impl Default for Uploads {
    fn default() -> Self {
        let random = File::open("/dev/urandom").ok();
        Uploads { most: 0, time: Duration::ZERO, random, counting: Mutex::default() }
    }
}

impl Uploads {
    /// Returns the same settings for another root.
    pub fn for_new_root(&self) -> io::Result<Self> {
        let random = self.random.as_ref().map(File::try_clone).transpose()?;
        Ok(Uploads { most: self.most, time: self.time, random, counting: Mutex::default() })
    }

    /// Makes an empty file under a new identifier; `fits` tells whether the directory is suitable. An error where it is
    /// not, or there are too many.
    pub fn make(
        &self,
        volume: &Volume,
        fits: impl FnOnce(&OwnedFd) -> nix::Result<bool>,
    ) -> io::Result<(String, Temporary)> {
        let root = &volume.root.handle;
        match mkdirat(root, UPLOADS, Mode::S_IRWXU) {
            Ok(()) => volume.sync.directory(&EntryAt::new(root.try_clone()?, UPLOADS.to_vec())?)?,
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
        let directory = open(volume)?;
        let _counting = self.counting.lock();
        if !fits(&directory)? || self.clear(&directory)?.1 >= self.most {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let id = fresh_id(self.random.as_ref())?;
        let file = Temporary::named(directory, id.clone().into_bytes(), OFlag::O_CREAT | OFlag::O_EXCL)?;
        Ok((id, file))
    }

    /// Removes the expired ones and returns their number; 0 while another daemon does.
    pub fn expire(&self, volume: &Volume) -> Result<u64> {
        let held = volume.locks.lock_upkeep();
        let cleared = held.and_then(|_held| self.clear(&open(volume)?));
        match cleared {
            Ok((removed, _)) => Ok(removed),
            Err(Errno::EAGAIN) => Ok(0),
            Err(errno) if is_absent(errno) => Ok(0),
            Err(errno) => Err(Error::io(UPLOADS, errno.into())),
        }
    }

    /// Removes the expired ones; returns their number, and how many are left.
    fn clear(&self, directory: &OwnedFd) -> nix::Result<(u64, usize)> {
        let (mut gone, mut left, mut completed) = (0, 0, Vec::new());
        for found in Walk::new(directory.try_clone().map_err(errno_of)?, false, stat)? {
            let found = found?;
            if completion::id_of(&found.path).is_some_and(is_id) {
                completed.push((modified(&found.details), found.path));
                continue;
            }
            // Not made by the daemon.
            if !is_id(&found.path) {
                continue;
            }
            let is_expired = self.time_left(&found.details).is_none();
            let removed = is_expired && self.remove_expired(directory, found.path);
            gone += u64::from(removed);
            left += usize::from(!removed);
        }
        self.forget_completed(directory, completed);
        Ok((gone, left))
    }

    /// Returns what became of an upload that was completed. `Busy` while it is being committed.
    pub fn completed(&self, volume: &Volume, id: &[u8]) -> Result<Option<CompletedUpload>> {
        let directory = match open(volume) {
            Err(errno) if is_absent(errno) => return Ok(None),
            _ if !is_id(id) => return Ok(None),
            opened => opened.map_err(|errno| Error::io(UPLOADS, errno.into()))?,
        };
        let found = completion::find(&directory, id)?;
        Ok(found.filter(|(_, stat)| self.time_left(stat).is_some()).map(|(upload, _)| upload))
    }

    /// Removes what is known of completed uploads that are older than the time an unfinished one is kept, and of the oldest
    /// where there are too many.
    fn forget_completed(&self, directory: &OwnedFd, mut completed: Vec<(SystemTime, Vec<u8>)>) {
        completed.sort_unstable_by(|one, other| other.cmp(one));
        let now = SystemTime::now();
        for (at, (time, last)) in completed.into_iter().enumerate() {
            if at >= COMPLETED_MAX || now.duration_since(time).is_ok_and(|age| age >= self.time) {
                // Ignore the error: the next one tries again.
                let _ = unlinkat(directory, last.as_slice(), UnlinkatFlags::NoRemoveDir);
            }
        }
    }

    /// Locks an upload, and removes it if it is still expired: a client may have resumed it before the lock.
    fn remove_expired(&self, directory: &OwnedFd, last: Vec<u8>) -> bool {
        lock(directory, last).is_ok_and(|mut temporary| {
            let is_expired = fstat(&temporary.file).is_ok_and(|stat| self.time_left(&stat).is_none());
            temporary.persists = !is_expired;
            is_expired
        })
    }

    /// Returns the time until an upload with this stat expires if nothing is written to it; `None` where it has expired.
    pub fn time_left(&self, stat: &FileStat) -> Option<Duration> {
        let age = SystemTime::now().duration_since(modified(stat)).unwrap_or_default();
        self.time.checked_sub(age).filter(|left| !left.is_zero())
    }
}

/// Opens the directory.
pub(super) fn open(volume: &Volume) -> nix::Result<OwnedFd> {
    open_beneath(volume.root.handle.as_fd(), UPLOADS, DIRECTORY, ResolveFlag::RESOLVE_NO_SYMLINKS)
}

fn lock(directory: &OwnedFd, last: Vec<u8>) -> nix::Result<Temporary> {
    Temporary::named(directory.try_clone().map_err(errno_of)?, last, OFlag::empty())
}

fn fresh_id(random: Option<&File>) -> io::Result<String> {
    let mut bytes = [0; RANDOM];
    let mut random = random.ok_or(io::ErrorKind::Unsupported)?;
    random.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns whether this can be an identifier.
pub(super) fn is_id(id: &[u8]) -> bool {
    is_hexadecimal(id, 2 * RANDOM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_chance_in_hexadecimal_and_nothing_else_is_one() {
        let random = File::open("/dev/urandom").unwrap();
        let id = fresh_id(Some(&random)).unwrap();
        assert!(is_id(id.as_bytes()) && id != fresh_id(Some(&random)).unwrap());
        let rows = ["", "..", "0", &id[1..], &format!("{id}0"), &id.replace(&id[..1], "/"), &"A".repeat(32)];
        for other in rows {
            assert!(!is_id(other.as_bytes()), "{other}");
        }
    }
}
