//! The commit of new content: finished, fsynced, then renamed into place. It gets the owner, mode, ACL and user attributes
//! of the file that it replaces, else of the file it was copied from, else those of any new file in its directory. A copy
//! has the properties of its source, whatever it replaces (RFC 4918 §9.8.2).

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::stat::{Mode, fstat};
use rustix::fs::getxattr;
use xattr::FileExt;

use super::{
    EntryAt, FileDraft, FileId, Found, HANDLE, Incoming, READ, absent, as_owner, change_time, errno_of,
    file_id, is_regular, map_errno, meta_of, store_digest, unlinked_file,
};
use crate::attributes::{ACL_OF_NEW, Attributes};
use crate::error::Result;
use crate::store::{Check, Draft, Kind, Meta, Written};

/// The mode of a new file before the umask.
const MODE_NEW: u32 = 0o666;

impl Draft for FileDraft<'_> {
    fn set_modified(&mut self, seconds: i64) {
        self.modified = Some(seconds);
    }

    /// Resolves the name again: where its directory was renamed since, the content goes where the name leads now.
    fn commit(mut self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        let volume = self.volume;
        let name = self.name.clone();
        let named = |errno| map_errno(&name, errno);
        let entry = volume.root.entry_to_write(&name, self.links)?;
        let done = FinalAttributes::of(&self, &entry).map_err(named)?;
        self.finish(&done.attributes).map_err(named)?;
        let guard = volume.lock_names(&[&entry]).map_err(named)?;
        let incoming = Incoming {
            volume,
            entry: &self.temporary.entry,
            kind: Kind::File,
            moved: None,
            to: &name,
            target: &entry,
            check,
            replaces_any: self.replaces_any,
            prepare: &|replaced| self.finish_again(&done, &entry, replaced),
        };
        let installed = incoming.install()?;
        let created = installed.created;
        // A directory that was exchanged has the temporary name now, and is removed with it.
        self.temporary.persists = !installed.exchanged;
        let meta = self.write_digest(digest).map_err(named)?;
        drop(guard);
        volume.sync.directory(&entry).and_then(|()| installed.end(volume)).map_err(named)?;
        Ok(Written { created, meta: meta.ok_or_else(|| absent(&name))? })
    }
}

impl FileDraft<'_> {
    /// Sets time and attributes and fsyncs the content before it is renamed into place, so that a crash leaves the old
    /// content or the new one. The time is set to the nanosecond, so that two quick writes have different entity tags:
    /// the kernel's clock is too coarse for that.
    fn finish(&self, attributes: &Attributes) -> nix::Result<()> {
        set_modified(self.file(), self.modified)?;
        attributes.apply_to(self.file()).map_err(errno_of)?;
        self.volume.sync.content(self.file())
    }

    /// Called right before the rename: finishes once more in the rare case that another program has changed the file to
    /// be replaced.
    fn finish_again(
        &self,
        done: &FinalAttributes,
        entry: &EntryAt,
        replaced: Option<&Found>,
    ) -> nix::Result<()> {
        if done.replaced != replaced.map(Found::version) {
            let now = FinalAttributes::of(self, entry)?;
            if now.attributes != done.attributes {
                self.finish(&now.attributes)?;
            }
        }
        Ok(())
    }

    /// Called after the rename: removes the attribute of unfinished content, and writes the digest attribute, which any
    /// later change would invalidate, even the rename.
    fn write_digest(&self, digest: Option<[u8; 32]>) -> nix::Result<Option<Meta>> {
        if let Some(attribute) = self.unfinished {
            // As owner, since the mode may not let the owner write. Ignore the error: a leftover attribute is harmless.
            let _ = as_owner(self.file(), || self.file().remove_xattr(attribute));
        }
        let Some(digest) = digest else { return Ok(meta_of(&fstat(self.file())?, None)) };
        let (stat, mark) = store_digest(self.file(), digest)?;
        Ok(meta_of(&stat, mark))
    }
}

/// What the content was finished with before its name was locked.
struct FinalAttributes {
    attributes: Attributes,
    /// The file that it was about to replace, and its ctime.
    replaced: Option<(FileId, i128)>,
}

impl FinalAttributes {
    /// Reads what the content is to be finished with under this name.
    fn of(draft: &FileDraft<'_>, entry: &EntryAt) -> nix::Result<Self> {
        let replaced = match entry.stat() {
            Err(Errno::ENOENT) => None,
            stat => Some(stat?).filter(is_regular),
        };
        let of_replaced = replaced.map_or(Ok(None), |_| of_replaced(entry)).map_err(errno_of)?;
        let copied = draft.attributes.as_ref();
        let of_replaced = of_replaced.map(|replaced| match copied {
            Some(copied) => replaced.with_properties_of(copied),
            None => replaced,
        });
        let attributes = match of_replaced.or_else(|| copied.cloned()) {
            Some(attributes) => attributes,
            None => {
                let is_made_there = draft.temporary.entry.directory() == entry.directory();
                of_new(&entry.parent, draft.volume.umask, is_made_there).map_err(errno_of)?
            }
        };
        Ok(FinalAttributes {
            attributes,
            replaced: replaced.map(|stat| (file_id(&stat), change_time(&stat))),
        })
    }
}

/// Reads the attributes of the file that is about to be replaced; `None` where it has gone.
fn of_replaced(entry: &EntryAt) -> io::Result<Option<Attributes>> {
    // A file without read permission can still be opened with `O_PATH`.
    match entry.open(READ).or_else(|_| entry.open(HANDLE)) {
        Err(Errno::ENOENT) => Ok(None),
        opened => Attributes::of(opened?).map(Attributes::without_special_bits).map(Some),
    }
}

/// Returns the attributes of a new file in a directory. `is_made_there` tells whether the content was created in this
/// directory, and so already has the right group.
fn of_new(directory: &OwnedFd, umask: Option<u32>, is_made_there: bool) -> io::Result<Attributes> {
    match umask.filter(|_| is_made_there && has_no_default(directory)) {
        Some(umask) => Ok(Attributes::of_mode(MODE_NEW & !umask)),
        None => Attributes::of(unlinked_file(directory, Mode::from_bits_truncate(MODE_NEW))?),
    }
}

/// Returns whether the directory has no default ACL: the umask alone decides then.
fn has_no_default(directory: &OwnedFd) -> bool {
    let path = format!("/proc/self/fd/{}", directory.as_raw_fd());
    let acl = getxattr(path, ACL_OF_NEW, &mut [0u8; 0][..]);
    matches!(acl, Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP))
}

/// Sets the modification time of a new file: these seconds since 1970, or now.
pub(super) fn set_modified(file: &File, seconds: Option<i64>) -> nix::Result<()> {
    let now = SystemTime::now();
    let modified = seconds.map_or(now, |seconds| at_second(seconds, now));
    match file.set_modified(modified).map_err(errno_of) {
        // On a file system whose files all belong to another user (FAT), the kernel's time stays.
        Err(Errno::EPERM) => Ok(()),
        set => set,
    }
}

/// Returns a time of `seconds` since 1970 with the fraction of `moment`; `moment` where that cannot be represented.
fn at_second(seconds: i64, moment: SystemTime) -> SystemTime {
    let whole = match seconds {
        0.. => UNIX_EPOCH.checked_add(Duration::from_secs(seconds.unsigned_abs())),
        _ => UNIX_EPOCH.checked_sub(Duration::from_secs(seconds.unsigned_abs())),
    };
    let rest = moment.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    whole.and_then(|whole| whole.checked_add(Duration::from_nanos(rest.into()))).unwrap_or(moment)
}
