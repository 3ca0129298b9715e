//! Files and directories on their way: under a name of the daemon's own, in the directory they are meant for,
//! so that one rename puts them in place. Dropped, they are gone, unless they were told to stay.
//!
//! Each is locked (`flock`) as long as it is in use. A daemon that dies leaves it unlocked, and [`super::sweep`]
//! knows by that what is a leftover and what another daemon is still writing.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};

use super::delete::remove;
use super::root::Place;
use crate::store::name::TEMPORARY;

/// How often a new name is tried. One is lost only when a sweep finds it before it is locked, but on a busy machine
/// the two can fall into step.
const TRIES: usize = 128;
/// Hexadecimal digits in a name.
pub(super) const DIGITS: usize = 16;
/// What is said of one that was lost so.
const SWEPT: Errno = Errno::EAGAIN;

/// A file or a directory under a name of the daemon's own.
pub(super) struct Temporary {
    place: Place,
    file: File,
    /// Whether it stays when this is dropped.
    stays: bool,
}

impl Temporary {
    /// An empty file in a directory, which only its owner may open: it has its mode when it is whole.
    pub fn file(parent: OwnedFd) -> nix::Result<Self> {
        Self::make(parent, |parent, name| {
            let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)
        })
    }

    /// An empty directory in a directory, which only its owner may enter.
    pub fn directory(parent: OwnedFd) -> nix::Result<Self> {
        Self::make(parent, |parent, name| {
            mkdirat(parent, name, Mode::S_IRWXU)?;
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            openat(parent, name, flags, Mode::empty()).map_err(|errno| match errno {
                Errno::ENOENT => SWEPT,
                errno => errno,
            })
        })
    }

    fn make(parent: OwnedFd, create: impl Fn(&OwnedFd, &[u8]) -> nix::Result<OwnedFd>) -> nix::Result<Self> {
        let mut place = Place::new(parent, Vec::new())?;
        for _ in 0..TRIES {
            place.last = fresh_name();
            let file = match create(&place.parent, &place.last) {
                Ok(file) => File::from(file),
                Err(Errno::EEXIST | SWEPT) => continue,
                Err(errno) => return Err(errno),
            };
            if is_ours(&file)? {
                return Ok(Temporary { place, file, stays: false });
            }
        }
        Err(SWEPT)
    }

    /// A file to be appended to, under a name that lasts; `new` are the flags that make one. `EAGAIN` where somebody
    /// else has it locked.
    pub fn lasting(parent: OwnedFd, last: Vec<u8>, new: OFlag) -> nix::Result<Self> {
        let place = Place::new(parent, last)?;
        let flags = new | OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        let file = File::from(openat(&place.parent, place.last.as_slice(), flags, mode)?);
        match is_ours(&file)? {
            true => Ok(Temporary { place, file, stays: false }),
            false => Err(Errno::EAGAIN),
        }
    }

    /// The open file or directory.
    pub fn handle(&self) -> &File {
        &self.file
    }

    /// Where it is now.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Stays when it is dropped: it has been renamed and is none any more, or others go on with it.
    pub fn stay(&mut self) {
        self.stays = true;
    }

    /// Goes when it is dropped.
    pub fn go(&mut self) {
        self.stays = false;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.stays {
            // Nobody is left to be told, and the next sweep tries again.
            let _ = remove(&self.place.parent, &self.place.last);
        }
    }
}

/// Locks a new file. Where a sweep was quicker, it is gone or about to be. A file system without locks has no
/// sweep either, for the sweep cannot lock there.
fn is_ours(file: &File) -> nix::Result<bool> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(false),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(fstat(file)?.st_nlink > 0),
    }
}

/// A name of the daemon's own that nothing has yet, as far as chance goes.
pub(super) fn fresh_name() -> Vec<u8> {
    [TEMPORARY, &fresh_digits()].concat()
}

/// The digits of such a name.
pub(super) fn fresh_digits() -> Vec<u8> {
    let chance = RandomState::new().hash_one(std::process::id());
    format!("{chance:0DIGITS$x}").into_bytes()
}

/// Whether [`fresh_name`] may have made this name. Other names with the same prefix belong to somebody else.
pub(super) fn is_fresh_name(last: &[u8]) -> bool {
    last.strip_prefix(TEMPORARY).is_some_and(|chance| is_hexadecimal(chance, DIGITS))
}

/// Whether these are so many digits as the daemon writes them.
pub(super) fn is_hexadecimal(digits: &[u8], count: usize) -> bool {
    digits.len() == count && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prefix_and_sixteen_digits_are_a_name_of_the_daemons_making() {
        assert!(is_fresh_name(&fresh_name()) && is_fresh_name(b".cfpd-0123456789abcdef"));
        let others: [&[u8]; 10] = [
            b".cfpd-move-0123456789abcdef",
            b".cfpd-moved-0123456789abcdef",
            b".cfpd-",
            b".cfpd-users",
            b".cfpd-uploads",
            b".cfpd-0123456789abcde",
            b".cfpd-0123456789abcdef0",
            b".cfpd-0123456789abcdeg",
            b".cfpd-0123456789ABCDEF",
            b"cfpd-0123456789abcdef",
        ];
        for other in others {
            assert!(!is_fresh_name(other), "{}", crate::error::shown(other));
        }
    }
}
