//! What a file system must do that several daemons serve, as far as one daemon can try it by itself. Without locks it is
//! not served at all; what else is missing is said in the log.

use std::fs::TryLockError;
use std::os::fd::OwnedFd;
use std::time::{Duration, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};
use nix::sys::stat::fstat;
use xattr::FileExt;

use super::{Temporary, errno_of, is_unable};

const UNLOCKED: &str = "--shared: files cannot be locked as a whole (flock) in the served directory: a daemon that starts \
                        may remove what another one is writing";
const PLAIN: &str = "--shared: files in the served directory have no extended attributes: no digest is kept, and no upload \
                     can be resumed";
const NO_EXCHANGE: &str = "--shared: two names cannot be exchanged in the served directory: one that a directory replaces \
                           does not exist for a moment";
const COARSE: &str = "--shared: times in the served directory are not kept to the nanosecond: two versions of a file may \
                      have one entity tag";

/// A time that only a file system with nanoseconds keeps.
const TIME: Duration = Duration::from_nanos(1_700_000_000_123_456_789);

/// Tests the features that several daemons need, in a temporary directory; returns a message for each missing one.
pub(super) fn find_missing(root: &OwnedFd) -> nix::Result<Vec<&'static str>> {
    let directory = Temporary::directory(root.try_clone().map_err(errno_of)?)?;
    let again = || directory.file.try_clone().map(OwnedFd::from).map_err(errno_of);
    let (one, other) = (Temporary::file(again()?)?, Temporary::file(again()?)?);
    let (parent, old) = (&one.entry.parent, one.entry.last.as_slice());
    let exchanged = renameat2(parent, old, parent, other.entry.last.as_slice(), RenameFlags::RENAME_EXCHANGE);
    let is_exchanged = !exchanged.is_err_and(is_unable);
    let has_attributes = one.file.set_xattr("user.cfpd.test", b"").is_ok();
    one.file.set_modified(UNIX_EPOCH + TIME).map_err(errno_of)?;
    let has_nanoseconds = fstat(&one.file)?.st_mtime_nsec == i64::from(TIME.subsec_nanos());
    let tried = [
        (can_lock(&one)?, UNLOCKED),
        (has_attributes, PLAIN),
        (is_exchanged, NO_EXCHANGE),
        (has_nanoseconds, COARSE),
    ];
    Ok(tried.into_iter().filter_map(|(has, what)| (!has).then_some(what)).collect())
}

fn can_lock(temporary: &Temporary) -> nix::Result<bool> {
    match temporary.file.try_lock() {
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => match errno_of(error) {
            Errno::ENOLCK | Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::EINVAL => Ok(false),
            errno => Err(errno),
        },
    }
}
