//! The SHA-256 of a content, kept beside it in an extended attribute together with the size and time it was taken
//! at: one that does not fit them any more is none. A file system without attributes keeps none.

use std::fs::File;

use nix::sys::stat::FileStat;
use xattr::FileExt;

/// The attribute; only `user.` is open to everybody.
const ATTRIBUTE: &str = "user.cfpd.sha256";

/// What is kept: the digest, then the size and the time, each of fixed length.
const LENGTH: usize = 32 + 8 + 16;

/// The digest of a file as this stat saw it.
pub(super) fn read(file: &File, stat: &FileStat) -> Option<[u8; 32]> {
    let kept = file.get_xattr(ATTRIBUTE).ok().flatten()?;
    let (digest, taken_at) = kept.split_first_chunk::<32>()?;
    (taken_at == moment(stat)).then_some(*digest)
}

/// Keeps the digest of a file as this stat saw it. That it cannot be kept is no error: it can be taken again.
pub(super) fn write(file: &File, stat: &FileStat, digest: &[u8; 32]) {
    let mut kept = Vec::with_capacity(LENGTH);
    kept.extend_from_slice(digest);
    kept.extend_from_slice(&moment(stat));
    let _ = file.set_xattr(ATTRIBUTE, &kept);
}

/// Size and time of modification in nanoseconds.
fn moment(stat: &FileStat) -> [u8; 24] {
    let nanoseconds = i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec);
    let mut moment = [0; 24];
    let (size, time) = moment.split_at_mut(8);
    size.copy_from_slice(&stat.st_size.to_le_bytes());
    time.copy_from_slice(&nanoseconds.to_le_bytes());
    moment
}
