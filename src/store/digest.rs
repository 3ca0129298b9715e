//! What is kept beside a content in an extended attribute: its SHA-256, what the file looked like when that was taken, and
//! what sets its entity tag apart. A file system without attributes keeps nothing.
//!
//! Size and time of modification are what a program may restore after it has changed the bytes (`cp -p`, `touch -r`). The
//! time of the inode's last change (ctime) it cannot set, so that one must be the moment in which the attribute was
//! written. Writing it is such a change itself, and so is the rename that follows: the moment has an end, not just a
//! beginning. A later change makes the digest none, and gives the content another entity tag: a program that only changed
//! the mode looks the same as one that restored the time.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr, getxattr, lgetxattr};

use super::beneath::READ;
use super::stat::{change_time, is_regular, modification_time, permissions};

/// The attribute; only `user.` is open to everybody.
pub(super) const ATTRIBUTE: &str = "user.cfpd.sha256";

/// Digest, whether it is known, size, time of modification, mark and moment, each of fixed length.
const LENGTH: usize = 32 + 1 + 24 + 16 + 16;

/// How long the moment lasts, in nanoseconds: the time of a system call or two.
const MOMENT: i128 = 100_000;
/// How far a kernel before 6.13 is behind with the time it gives to a file, in nanoseconds: a tick of its clock.
const TICK: i128 = 10_000_000;
/// How long it may take to give a new content its name and its mode, in nanoseconds. Whoever would change it in place has
/// to find and open it first.
const INSTALLATION: i128 = 2_000_000;
/// How often it is tried to have the change of the attribute fall into the moment that the attribute tells. On a busy disk a
/// change of an attribute may wait for the journal.
const WRITES_MAX: usize = 16;
/// How often a file is looked at that changes meanwhile.
const LOOKS_MAX: usize = 4;

/// What an attribute says of a file that has still the size and the time of modification it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The SHA-256, as long as nothing has changed since.
    pub digest: Option<[u8; 32]>,
    /// What sets the entity tag apart from that of other bytes of the same size and time; 0 where there were none. It is
    /// the time of a change that left no other trace.
    pub mark: i128,
    /// Whether nothing has changed since it was written. Where something has, another thread may be about to say that it
    /// was itself, and holds the lock of the name: see [`settled`].
    pub is_true: bool,
}

impl Attribute {
    /// Reads the attribute of a file as this stat saw it.
    pub fn of(file: &File, stat: &FileStat) -> Option<Self> {
        if !is_regular(stat) {
            return None;
        }
        let mut bytes = [0; LENGTH];
        let read = fgetxattr(file, ATTRIBUTE, &mut bytes[..]).ok()?;
        Self::parse(bytes.get(..read)?, stat)
    }

    /// What these bytes say of a file as this stat saw it; nothing where they are of another content.
    pub fn parse(bytes: &[u8], stat: &FileStat) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let (digest, rest) = bytes.split_first_chunk::<32>()?;
        let (is_known, rest) = rest.split_first_chunk::<1>()?;
        let (content, rest) = rest.split_first_chunk::<24>()?;
        let (mark, moment) = rest.split_first_chunk::<16>()?;
        if *content != content_of(stat) {
            return None;
        }
        let mark = i128::from_le_bytes(*mark);
        Some(match holds(i128::from_le_bytes(moment.try_into().ok()?), stat) {
            true => Attribute { digest: (*is_known != [0]).then_some(*digest), mark, is_true: true },
            // It lost its name since it was opened, which is a change of the inode too.
            false if stat.st_nlink == 0 => Attribute { digest: None, mark, is_true: true },
            false => Attribute { digest: None, mark: change_time(stat), is_true: false },
        })
    }

    /// What is to be kept: a digest, and the mark of what was kept before.
    pub fn new(digest: [u8; 32], before: Option<Self>) -> Self {
        Attribute { digest: Some(digest), mark: before.map_or(0, |before| before.mark), is_true: true }
    }

    /// Writes it for a file as this stat saw it: it is true as long as no change comes after this moment.
    pub fn write(&self, file: &File, stat: &FileStat) -> io::Result<()> {
        self.write_at(file, stat, now())
    }

    /// Writes it for a new content, whose name and mode are still to be changed.
    pub fn write_ahead(&self, file: &File) -> io::Result<()> {
        as_owner(file, || self.write_at(file, &fstat(file)?, now() + INSTALLATION))
    }

    /// The same after that, where it took longer: until it is true.
    pub fn write_again(&self, file: &File) -> io::Result<()> {
        for _ in 0..WRITES_MAX {
            self.write_ahead(file)?;
            let stat = fstat(file)?;
            if Attribute::of(file, &stat).is_some_and(|kept| kept.is_true) {
                break;
            }
        }
        Ok(())
    }

    /// Writes it for a file that is as `seen` says, and has been since before its bytes were read. On a busy machine the
    /// change of the attribute may come after the moment that it tells, and where a server has another time than this
    /// machine; then the file's own time is the next moment. One that comes too late every time is not true, and does no
    /// harm.
    pub fn write_now(&self, file: &File, seen: &FileStat) -> io::Result<()> {
        let (mut moment, mut last) = (now(), *seen);
        for _ in 0..WRITES_MAX {
            if !is_unchanged(&fstat(file)?, &last) {
                break;
            }
            self.write_at(file, seen, moment)?;
            last = fstat(file)?;
            if content_of(&last) != content_of(seen) || holds(moment, &last) {
                break;
            }
            moment = change_time(&last);
        }
        Ok(())
    }

    fn write_at(&self, file: &File, stat: &FileStat, moment: i128) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&self.digest.unwrap_or_default());
        bytes.push(u8::from(self.digest.is_some()));
        bytes.extend_from_slice(&content_of(stat));
        bytes.extend_from_slice(&self.mark.to_le_bytes());
        bytes.extend_from_slice(&moment.to_le_bytes());
        Ok(fsetxattr(file, ATTRIBUTE, &bytes, XattrFlags::empty())?)
    }
}

/// Looks at a file and what is kept with it until the two fit each other, or nothing changes any more. Under the lock of
/// the name no other thread is between a rename and the attribute that allows for it.
pub(super) fn settled(
    look: impl Fn() -> nix::Result<(FileStat, Option<Attribute>)>,
) -> nix::Result<(FileStat, Option<Attribute>)> {
    let mut last = look()?;
    for _ in 0..LOOKS_MAX {
        if last.1.is_none_or(|kept| kept.is_true) {
            break;
        }
        let next = look()?;
        if is_unchanged(&next.0, &last.0) {
            break;
        }
        last = next;
    }
    Ok(last)
}

/// Reads the attribute of what a handle stands for that reads nothing.
pub(super) fn of_handle(handle: &OwnedFd, stat: &FileStat) -> Option<Attribute> {
    if !is_regular(stat) {
        return None;
    }
    let mut bytes = [0; LENGTH];
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let read = getxattr(path, ATTRIBUTE, &mut bytes[..]).ok()?;
    Attribute::parse(bytes.get(..read)?, stat)
}

/// The same of an entry of a directory, which is no symbolic link.
pub(super) fn of_entry(directory: &OwnedFd, last: &[u8], stat: &FileStat) -> Option<Attribute> {
    if !is_regular(stat) {
        return None;
    }
    let mut bytes = [0; LENGTH];
    let path = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), last].concat();
    match lgetxattr(path, ATTRIBUTE, &mut bytes[..]) {
        Ok(read) => Attribute::parse(bytes.get(..read)?, stat),
        // Without /proc there is a longer way.
        Err(rustix::io::Errno::NOENT) => {
            let flags = READ | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            Attribute::of(&File::from(openat(directory, last, flags, Mode::empty()).ok()?), stat)
        }
        Err(_) => None,
    }
}

/// Whether nothing was done to a file between two looks at it.
pub(super) fn is_unchanged(now: &FileStat, before: &FileStat) -> bool {
    content_of(now) == content_of(before) && change_time(now) == change_time(before)
}

/// Whether a change of the same moment could have the same time as the last one: on a kernel before 6.13.
pub(super) fn is_fresh(stat: &FileStat) -> bool {
    (change_time(stat) - now()).abs() < TICK
}

/// Changes attributes of a file whose owner may not write it; for a moment it may.
pub(super) fn as_owner(file: &File, change: impl Fn() -> io::Result<()>) -> io::Result<()> {
    match change() {
        Err(wrong) if wrong.kind() == io::ErrorKind::PermissionDenied => {
            let mode = permissions(&fstat(file)?);
            fchmod(file.as_fd(), mode | Mode::S_IWUSR)?;
            let changed = change();
            fchmod(file.as_fd(), mode)?;
            changed
        }
        changed => changed,
    }
}

/// Whether the last change of a file was in this moment.
fn holds(moment: i128, stat: &FileStat) -> bool {
    (moment - TICK..=moment + MOMENT).contains(&change_time(stat))
}

/// Size and time of modification.
fn content_of(stat: &FileStat) -> [u8; 24] {
    let mut content = [0; 24];
    let (size, time) = content.split_at_mut(8);
    size.copy_from_slice(&stat.st_size.to_le_bytes());
    time.copy_from_slice(&modification_time(stat).to_le_bytes());
    content
}

fn now() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i128::try_from(since.as_nanos()).unwrap_or_default()
}
