//! Makes directories.

use nix::errno::Errno;
use nix::sys::stat::{Mode, mkdirat};

use super::{Volume, is_linked, lookup, map_errno_new, unfit};
use crate::error::{Error, Result};
use crate::store::{Check, Name};

/// Makes a directory with the permissions that the umask leaves.
pub(super) fn make_directory(volume: &Volume, name: &Name, check: Check<'_>) -> Result<()> {
    check(lookup::meta(volume, name).ok().as_ref())?;
    let exists = || Error::already_exists(name.shown(), "exists already");
    if name.components().is_empty() {
        return Err(exists());
    }
    let entry = volume.root.new_entry(name)?;
    match mkdirat(&entry.parent, entry.last.as_slice(), Mode::from_bits_truncate(0o777)) {
        Err(Errno::EEXIST) => Err(exists()),
        Err(Errno::EINVAL | Errno::EILSEQ) => Err(unfit(name)),
        // Some file systems return this for a name they do not allow.
        Err(Errno::ENOENT) if is_linked(&entry.parent) => Err(unfit(name)),
        made => made.and_then(|()| volume.sync.directory(&entry)).map_err(|errno| map_errno_new(name, errno)),
    }
}
