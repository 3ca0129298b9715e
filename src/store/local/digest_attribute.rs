//! The format of the digest attribute: the SHA-256 of a file's content in an extended attribute of the file, with the size
//! and mtime it is valid for, and a mark for the entity tag. On a file system without extended attributes there is none.
//!
//! A program may restore size and mtime after it has changed the bytes (`cp -p`, `touch -r`), but it cannot set the
//! ctime. So the ctime must be the time at which the attribute was written. Writing it changes the ctime itself: the
//! attribute contains a window of some microseconds, and is written again until the ctime falls into the window. After
//! any later change the digest is not used, and the entity tag is another one, since a change of the mode cannot be
//! distinguished from restored times.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::stat::FileStat;

use super::{change_time, content_of};

/// The name of the attribute; only the namespace `user.` needs no privilege.
pub(super) const ATTRIBUTE: &str = "user.cfpd.sha256";

/// Its length: digest, whether it is known, size, mtime, mark and window.
pub(super) const LENGTH: usize = 32 + 1 + 24 + 16 + 16;

/// The window of the first attempts, in nanoseconds; it doubles up to the last. Linux from 6.13 on gives each change
/// another ctime, though often an earlier one than now: a window longer than a system call could hide a later change.
const SHORTEST: i64 = 15_000;
const LONGEST: i64 = 120_000;
/// How far a ctime may lag behind on Linux before 6.13, in nanoseconds: a tick of its clock.
pub(super) const TICK: i64 = 10_000_000;

/// The attribute of a file whose size and mtime still match it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// The SHA-256, where nothing has changed since.
    pub digest: Option<[u8; 32]>,
    /// Part of the entity tag: the ctime of a change that left size and mtime the same; 0 where there was none.
    pub mark: i128,
    /// Whether nothing has changed since it was written. A change may come from another thread that is about to write
    /// the attribute again, under the lock of the name: see `digest`.
    pub is_current: bool,
}

impl Attribute {
    /// Makes an attribute of a digest, with the mark of the previous one.
    pub fn new(digest: [u8; 32], before: Option<Self>) -> Self {
        Attribute { digest: Some(digest), mark: before.map_or(0, |before| before.mark), is_current: true }
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
        Some(match TimeWindow::parse(window.try_into().ok()?)?.contains(change_time(stat)) {
            true => Attribute { digest: (*is_known != [0]).then_some(*digest), mark, is_current: true },
            // The file was unlinked after it was opened, which changes the ctime too.
            false if stat.st_nlink == 0 => Attribute { digest: None, mark, is_current: true },
            false => Attribute { digest: None, mark: change_time(stat), is_current: false },
        })
    }

    /// Returns its bytes for a file with this stat, to be written within the window.
    pub fn encode(&self, stat: &FileStat, window: TimeWindow) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&self.digest.unwrap_or_default());
        bytes.push(u8::from(self.digest.is_some()));
        bytes.extend_from_slice(&content_of(stat));
        bytes.extend_from_slice(&self.mark.to_le_bytes());
        bytes.extend_from_slice(&window.from.to_le_bytes());
        bytes.extend_from_slice(&window.to.to_le_bytes());
        bytes
    }
}

/// A span of time, both ends included, in nanoseconds since 1970.
#[derive(Clone, Copy)]
pub(super) struct TimeWindow {
    from: i64,
    to: i64,
}

impl TimeWindow {
    /// Returns the window that begins now. Where the last write has not moved the ctime, which is `unmoved`, it begins there, and
    /// no later than the last tick of a coarse clock: some file systems (JuiceFS) leave the ctime as it is.
    pub fn now(attempt: u32, unmoved: Option<i128>) -> Self {
        let now = now();
        let unmoved = unmoved.and_then(|time| i64::try_from(time).ok());
        let from = unmoved.map_or(now, |time| time.min(now - TICK));
        TimeWindow { from, to: now + (SHORTEST << (attempt / 4).min(8)).min(LONGEST) }
    }

    fn parse(bytes: &[u8; 16]) -> Option<Self> {
        let (from, to) = bytes.split_first_chunk::<8>()?;
        Some(TimeWindow { from: i64::from_le_bytes(*from), to: i64::from_le_bytes(to.try_into().ok()?) })
    }

    /// Returns whether a ctime falls into it.
    pub fn contains(&self, ctime: i128) -> bool {
        (i128::from(self.from)..=i128::from(self.to)).contains(&ctime)
    }
}

/// Returns the current time in nanoseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or_default()
}
