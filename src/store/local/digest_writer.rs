//! Writes the digest attribute of a file, again and again until its ctime falls into the window that the attribute holds.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use rustix::fs::{XattrFlags, fsetxattr};

use super::digest_attribute::{ATTRIBUTE, TICK, TimeWindow, now};
use super::{Attribute, change_time, content_of, is_unchanged, permissions};

/// How often the attribute is written until the ctime falls into its window.
const WRITES_MAX: u32 = 32;

/// Stores the digest of a new file, under the lock of its name. Returns the stat of the file then, and the mark that its
/// attribute has.
pub(super) fn store_digest(file: &File, digest: [u8; 32]) -> nix::Result<(FileStat, Option<i128>)> {
    match write_until_true(&Attribute::new(digest, None), file, None) {
        Ok(Some(written)) => Ok(written),
        // Ignore the error: the digest can be computed again.
        _ => Ok((fstat(file)?, None)),
    }
}

/// Writes an attribute to a file that no other thread changes: a new or renamed one, under the lock of its name.
pub(super) fn write_attribute(attribute: &Attribute, file: &File) -> io::Result<()> {
    write_until_true(attribute, file, None).map(drop)
}

/// Writes an attribute to a file, unless the file has changed since `seen`, the stat before its bytes were read.
pub(super) fn write_if_unchanged(attribute: &Attribute, file: &File, seen: &FileStat) -> io::Result<()> {
    write_until_true(attribute, file, Some(*seen)).map(drop)
}

/// Writes it until the ctime falls into its window. After the last attempt an invalid one stays, which is ignored. Returns
/// the stat after the last write, and the mark that a reader finds; `None` where nothing was written.
fn write_until_true(
    attribute: &Attribute,
    file: &File,
    mut last: Option<FileStat>,
) -> io::Result<Option<(FileStat, Option<i128>)>> {
    let (mut unmoved, mut written) = (None, None);
    for attempt in 0..WRITES_MAX {
        let before = fstat(file)?;
        if last.is_some_and(|last| !is_unchanged(&before, &last)) {
            break;
        }
        let write = |stat: &FileStat| -> io::Result<TimeWindow> {
            let window = TimeWindow::now(attempt, unmoved);
            fsetxattr(file, ATTRIBUTE, &attribute.encode(stat, window), XattrFlags::empty())?;
            Ok(window)
        };
        let window = match last {
            Some(_) => write(&before)?,
            // Fstat also after the mode was changed: only then does the next change update the ctime.
            None => as_owner(file, || write(&fstat(file)?))?,
        };
        let after = fstat(file)?;
        let (is_current, is_same) =
            (window.contains(change_time(&after)), content_of(&after) == content_of(&before));
        let mark = if is_current { attribute.mark } else { change_time(&after) };
        written = Some((after, is_same.then_some(mark)));
        if is_current || !is_same {
            break;
        }
        unmoved = Some(change_time(&after)).filter(|time| *time == change_time(&before));
        last = last.map(|_| after);
    }
    Ok(written)
}

/// Waits until the next change has another ctime than the last one, on Linux before 6.13.
pub(super) fn outwait(stat: &FileStat) {
    let left = i128::from(TICK) - (i128::from(now()) - change_time(stat));
    if (1..=i128::from(TICK)).contains(&left) {
        thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or_default()));
    }
}

/// Returns whether the next change could have the same ctime as the last one: on Linux before 6.13, or where the clock of a
/// file server is ahead.
pub(super) fn is_fresh(stat: &FileStat) -> bool {
    (change_time(stat) - i128::from(now())).abs() < i128::from(TICK)
}

/// Returns whether the next change could have the ctime of the last one also on a file system that keeps whole seconds.
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
