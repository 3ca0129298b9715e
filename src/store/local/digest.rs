//! What is kept beside a content in an extended attribute: its SHA-256, what the file looked like when that was taken, and
//! what sets its entity tag apart. A file system without attributes keeps nothing.
//!
//! Size and time of modification are what a program may restore after it has changed the bytes (`cp -p`, `touch -r`). The
//! time of the inode's last change (ctime) it cannot set, so that one must be the time at which the attribute was written.
//! Writing it is such a change itself: the attribute tells a window of some microseconds around it, and is written again until
//! the change falls into the window that it tells. A later change makes the digest none, and gives the content another entity tag: a program that only changed
//! the mode looks the same as one that restored the time.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr, getxattr, lgetxattr};

use super::root::READ;
use super::stat::{change_time, is_regular, modification_time, permissions};

/// The attribute; only `user.` is open to everybody.
pub(super) const ATTRIBUTE: &str = "user.cfpd.sha256";

/// Digest, whether it is known, size, time of modification, mark and window, each of fixed length.
const LENGTH: usize = 32 + 1 + 24 + 16 + 16;

/// How long a change of the attribute may take, in nanoseconds: at the first attempts, and doubled with each to the last.
/// The kernel (from 6.13 on) gives a change another time than the last one, but often one that has passed: what is longer
/// than a system call could hide a later change.
const SHORTEST: i64 = 15_000;
const LONGEST: i64 = 120_000;
/// How far a kernel before 6.13 is behind with the time it gives to a file, in nanoseconds: a tick of its clock.
const TICK: i64 = 10_000_000;
/// How often it is tried to have the change of the attribute fall into the window that the attribute tells.
const WRITES_MAX: u32 = 32;
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
        let (mark, window) = rest.split_first_chunk::<16>()?;
        if *content != content_of(stat) {
            return None;
        }
        let mark = i128::from_le_bytes(*mark);
        Some(match Window::parse(window.try_into().ok()?)?.holds(stat) {
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

    /// Writes it for a file that nobody else changes: a new one, or one that was renamed, while its name is locked.
    pub fn write(&self, file: &File) -> io::Result<()> {
        self.write_until_true(file, None)
    }

    /// Writes it for a file that is as `seen` says, and has been since before its bytes were read; not where it was changed.
    pub fn write_if_unchanged(&self, file: &File, seen: &FileStat) -> io::Result<()> {
        self.write_until_true(file, Some(*seen))
    }

    /// One that is not true after all attempts does no harm.
    fn write_until_true(&self, file: &File, mut last: Option<FileStat>) -> io::Result<()> {
        let mut is_coarse = false;
        for attempt in 0..WRITES_MAX {
            let before = fstat(file)?;
            if last.is_some_and(|last| !is_unchanged(&before, &last)) {
                break;
            }
            let window = match last {
                Some(_) => self.write_at(file, &before, Window::now(attempt, is_coarse))?,
                // After a change of the mode, too, it is looked at first: only then does the next change have a time of its own.
                None => as_owner(file, || {
                    let before = fstat(file)?;
                    self.write_at(file, &before, Window::now(attempt, is_coarse))
                })?,
            };
            let after = fstat(file)?;
            if window.holds(&after) || content_of(&after) != content_of(&before) {
                break;
            }
            is_coarse = change_time(&after) == change_time(&before);
            last = last.map(|_| after);
        }
        Ok(())
    }

    fn write_at(&self, file: &File, stat: &FileStat, window: Window) -> io::Result<Window> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&self.digest.unwrap_or_default());
        bytes.push(u8::from(self.digest.is_some()));
        bytes.extend_from_slice(&content_of(stat));
        bytes.extend_from_slice(&self.mark.to_le_bytes());
        bytes.extend_from_slice(&window.from.to_le_bytes());
        bytes.extend_from_slice(&window.to.to_le_bytes());
        fsetxattr(file, ATTRIBUTE, &bytes, XattrFlags::empty())?;
        Ok(window)
    }
}

/// A stretch of time, both ends included, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Window {
    from: i64,
    to: i64,
}

impl Window {
    /// The one that begins now. A coarse clock gives a change the time of its last tick.
    fn now(attempt: u32, is_coarse: bool) -> Self {
        let now = now();
        let behind = if is_coarse { TICK } else { 0 };
        Window { from: now - behind, to: now + (SHORTEST << (attempt / 4).min(8)).min(LONGEST) }
    }

    fn parse(bytes: &[u8; 16]) -> Option<Self> {
        let (from, to) = bytes.split_first_chunk::<8>()?;
        Some(Window { from: i64::from_le_bytes(*from), to: i64::from_le_bytes(to.try_into().ok()?) })
    }

    /// Whether the last change of a file falls into it.
    fn holds(&self, stat: &FileStat) -> bool {
        (i128::from(self.from)..=i128::from(self.to)).contains(&change_time(stat))
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

/// Waits until a change could not have the same time as the last one, on a kernel before 6.13.
pub(super) fn outwait(stat: &FileStat) {
    let left = i128::from(TICK) - (i128::from(now()) - change_time(stat));
    if (1..=i128::from(TICK)).contains(&left) {
        thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or_default()));
    }
}

/// Whether a change could have the same time as the last one: on a kernel before 6.13, or where another machine's clock is
/// ahead.
pub(super) fn is_fresh(stat: &FileStat) -> bool {
    (change_time(stat) - i128::from(now())).abs() < i128::from(TICK)
}

/// Changes attributes of a file whose owner may not write it; for a moment it may.
pub(super) fn as_owner<T>(file: &File, change: impl Fn() -> io::Result<T>) -> io::Result<T> {
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

/// Size and time of modification.
fn content_of(stat: &FileStat) -> [u8; 24] {
    let mut content = [0; 24];
    let (size, time) = content.split_at_mut(8);
    size.copy_from_slice(&stat.st_size.to_le_bytes());
    time.copy_from_slice(&modification_time(stat).to_le_bytes());
    content
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or_default()
}
