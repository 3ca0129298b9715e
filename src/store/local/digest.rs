//! The digest attribute: the SHA-256 of a file's content in an extended attribute of the file, with the size and mtime
//! it is valid for, and a mark for the entity tag. On a file system without extended attributes there is none.
//!
//! A program may restore size and mtime after it has changed the bytes (`cp -p`, `touch -r`), but it cannot set the
//! ctime. So the ctime must be the time at which the attribute was written. Writing it changes the ctime itself: the
//! attribute contains a window of some microseconds, and is written again until the ctime falls into the window. After
//! any later change the digest is not used, and the entity tag is another one, since a change of the mode cannot be
//! distinguished from restored times.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr, getxattr, lgetxattr};

use super::{READ, change_time, is_regular, modification_time, permissions};

/// The name of the attribute; only the namespace `user.` needs no privilege.
const ATTRIBUTE: &str = "user.cfpd.sha256";

/// Its length: digest, whether it is known, size, mtime, mark and window.
const LENGTH: usize = 32 + 1 + 24 + 16 + 16;

/// The window of the first attempts, in nanoseconds; it doubles up to the last. Linux from 6.13 on gives each change
/// another ctime, though often an earlier one than now: a window longer than a system call could hide a later change.
const SHORTEST: i64 = 15_000;
const LONGEST: i64 = 120_000;
/// How far a ctime may lag behind on Linux before 6.13, in nanoseconds: a tick of its clock.
const TICK: i64 = 10_000_000;
/// How often the attribute is written until the ctime falls into its window.
const WRITES_MAX: u32 = 32;
/// How often a file that changes during the read is read again.
const LOOKS_MAX: usize = 4;

/// The attribute of a file whose size and mtime still match it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The SHA-256, where nothing has changed since.
    pub digest: Option<[u8; 32]>,
    /// Part of the entity tag: the ctime of a change that left size and mtime the same; 0 where there was none.
    pub mark: i128,
    /// Whether nothing has changed since it was written. A change may come from another thread that is about to write
    /// the attribute again, under the lock of the name: see [`read_consistently`].
    pub is_true: bool,
}

impl Attribute {
    fn read(
        stat: &FileStat,
        get: impl FnOnce(&mut [u8]) -> Result<usize, rustix::io::Errno>,
    ) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        let read = if is_regular(stat) { get(&mut bytes).ok()? } else { 0 };
        Self::parse(bytes.get(..read)?, stat)
    }

    /// Parses it for a file with this stat; `None` where it is of another content.
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
        Some(match TimeWindow::parse(window.try_into().ok()?)?.holds(stat) {
            true => Attribute { digest: (*is_known != [0]).then_some(*digest), mark, is_true: true },
            // The file was unlinked after it was opened, which changes the ctime too.
            false if stat.st_nlink == 0 => Attribute { digest: None, mark, is_true: true },
            false => Attribute { digest: None, mark: change_time(stat), is_true: false },
        })
    }

    /// Makes an attribute from a digest, with the mark of the previous one.
    pub fn new(digest: [u8; 32], before: Option<Self>) -> Self {
        Attribute { digest: Some(digest), mark: before.map_or(0, |before| before.mark), is_true: true }
    }

    /// Writes it to a file that no other thread changes: a new or renamed one, under the lock of its name.
    pub fn write(&self, file: &File) -> io::Result<()> {
        self.write_until_true(file, None)
    }

    /// Writes it to a file, unless the file has changed since `seen`, the stat before its bytes were read.
    pub fn write_if_unchanged(&self, file: &File, seen: &FileStat) -> io::Result<()> {
        self.write_until_true(file, Some(*seen))
    }

    /// Writes it until the ctime falls into its window. After the last attempt an invalid one stays, which is ignored.
    fn write_until_true(&self, file: &File, mut last: Option<FileStat>) -> io::Result<()> {
        let mut unmoved = None;
        for attempt in 0..WRITES_MAX {
            let before = fstat(file)?;
            if last.is_some_and(|last| !is_unchanged(&before, &last)) {
                break;
            }
            let window = match last {
                Some(_) => self.write_at(file, &before, TimeWindow::now(attempt, unmoved))?,
                // Fstat also after the mode was changed: only then does the next change update the ctime.
                None => as_owner(file, || {
                    let before = fstat(file)?;
                    self.write_at(file, &before, TimeWindow::now(attempt, unmoved))
                })?,
            };
            let after = fstat(file)?;
            if window.holds(&after) || content_of(&after) != content_of(&before) {
                break;
            }
            unmoved = Some(change_time(&after)).filter(|time| *time == change_time(&before));
            last = last.map(|_| after);
        }
        Ok(())
    }

    fn write_at(&self, file: &File, stat: &FileStat, window: TimeWindow) -> io::Result<TimeWindow> {
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

/// A span of time, both ends included, in nanoseconds since 1970.
#[derive(Clone, Copy)]
struct TimeWindow {
    from: i64,
    to: i64,
}

impl TimeWindow {
    /// The window that begins now. Where the last write has not moved the ctime, which is `unmoved`, it begins there, and
    /// no later than the last tick of a coarse clock: some file systems (JuiceFS) leave the ctime as it is.
    fn now(attempt: u32, unmoved: Option<i128>) -> Self {
        let now = now();
        let unmoved = unmoved.and_then(|time| i64::try_from(time).ok());
        let from = unmoved.map_or(now, |time| time.min(now - TICK));
        TimeWindow { from, to: now + (SHORTEST << (attempt / 4).min(8)).min(LONGEST) }
    }

    fn parse(bytes: &[u8; 16]) -> Option<Self> {
        let (from, to) = bytes.split_first_chunk::<8>()?;
        Some(TimeWindow { from: i64::from_le_bytes(*from), to: i64::from_le_bytes(to.try_into().ok()?) })
    }

    /// Whether the ctime of a file falls into it.
    fn holds(&self, stat: &FileStat) -> bool {
        (i128::from(self.from)..=i128::from(self.to)).contains(&change_time(stat))
    }
}

/// Reads stat and attribute until they match, or nothing changes any more. Under the lock of the name no other thread
/// is between a rename and the write of the attribute that follows it.
pub(super) fn read_consistently(
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

/// Stats an open file, and reads the attribute.
pub(super) fn stat_file(file: &File) -> nix::Result<(FileStat, Option<Attribute>)> {
    let stat = fstat(file)?;
    Ok((stat, Attribute::read(&stat, |bytes| fgetxattr(file, ATTRIBUTE, bytes))))
}

/// The same through an `O_PATH` descriptor.
pub(super) fn stat_handle(handle: &OwnedFd) -> nix::Result<(FileStat, Option<Attribute>)> {
    let (stat, path) = (fstat(handle)?, format!("/proc/self/fd/{}", handle.as_raw_fd()));
    Ok((stat, Attribute::read(&stat, |bytes| getxattr(path, ATTRIBUTE, bytes))))
}

/// Stores the digest of a new file, under the lock of its name, and stats the file.
pub(super) fn store_digest(file: &File, digest: [u8; 32]) -> nix::Result<(FileStat, Option<Attribute>)> {
    // Ignore the error: the digest can be computed again.
    let _ = Attribute::new(digest, None).write(file);
    stat_file(file)
}

/// Reads the attribute of a directory entry, which is no symbolic link.
pub(super) fn of_entry(directory: &OwnedFd, last: &[u8], stat: &FileStat) -> Option<Attribute> {
    use rustix::io::Errno;
    let path = [format!("/proc/self/fd/{}/", directory.as_raw_fd()).as_bytes(), last].concat();
    Attribute::read(stat, |bytes| match lgetxattr(path, ATTRIBUTE, &mut *bytes) {
        // Without /proc, open the file.
        Err(Errno::NOENT) => {
            let flags = READ | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let file = openat(directory, last, flags, Mode::empty()).map_err(|_| Errno::NOENT)?;
            fgetxattr(file, ATTRIBUTE, bytes)
        }
        read => read,
    })
}

/// Whether nothing has changed a file between two stats.
pub(super) fn is_unchanged(now: &FileStat, before: &FileStat) -> bool {
    content_of(now) == content_of(before) && change_time(now) == change_time(before)
}

/// Waits until the next change has another ctime than the last one, on Linux before 6.13.
pub(super) fn outwait(stat: &FileStat) {
    let left = i128::from(TICK) - (i128::from(now()) - change_time(stat));
    if (1..=i128::from(TICK)).contains(&left) {
        thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or_default()));
    }
}

/// Whether the next change could have the same ctime as the last one: on Linux before 6.13, or where the clock of a
/// file server is ahead.
pub(super) fn is_fresh(stat: &FileStat) -> bool {
    (change_time(stat) - i128::from(now())).abs() < i128::from(TICK)
}

/// Whether the next change could have the ctime of the last one also on a file system that keeps whole seconds.
pub(super) fn is_racy(stat: &FileStat) -> bool {
    let grain = if stat.st_ctime_nsec == 0 { 2_000_000_000 } else { i128::from(TICK) };
    (change_time(stat) - i128::from(now())).abs() < grain
}

/// Changes attributes of a file; a mode without write permission for the owner is changed for a moment.
pub(super) fn as_owner<T>(file: &File, change: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match change() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let mode = permissions(&fstat(file)?);
            fchmod(file.as_fd(), mode | Mode::S_IWUSR)?;
            let changed = change();
            fchmod(file.as_fd(), mode)?;
            changed
        }
        changed => changed,
    }
}

/// Size and mtime.
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
