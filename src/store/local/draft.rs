//! New content: written to a temporary file in the target's directory, fsynced, then renamed into place. It gets the
//! owner, mode, ACL and user attributes of the file that it replaces, else of the file it was copied from, else those
//! of any new file in its directory. Until then it has mode 0600.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::sys::stat::{Mode, fstat};
use rustix::fs::getxattr;
use xattr::FileExt;

use super::{
    Allocation, EntryAt, FileId, Found, HANDLE, Incoming, Links, READ, Reservation, Temporary, Volume,
    absent, as_owner, errno_of, look_up_to_write, map_errno, map_errno_new, may_replace, meta_of, no_room,
    store_digest, unlinked_file,
};
use crate::attributes::{ACL_OF_NEW, Attributes};
use crate::error::{Error, Result};
use crate::store::{Check, Draft, Kind, Meta, Name, Written};

/// The mode of a new file before the umask.
const MODE_NEW: u32 = 0o666;

/// New content in a temporary file.
pub(super) struct FileDraft<'a> {
    volume: &'a Volume,
    /// The name of its target.
    pub name: Name,
    links: Links,
    /// The temporary file.
    pub temporary: Temporary,
    /// Its modification time in seconds since 1970, where it is not the current time.
    modified: Option<i64>,
    /// The attributes it gets where it replaces nothing; `None` for those of a new file.
    pub attributes: Option<Attributes>,
    /// The extended attribute that marks unfinished content, removed once it is in place.
    pub unfinished: Option<&'static str>,
    allocation: Allocation,
}

/// Begins new content.
pub(super) fn begin<'a>(
    volume: &'a Volume,
    name: &Name,
    links: Links,
    size: Option<u64>,
) -> Result<FileDraft<'a>> {
    let entry = admit(volume, name, links, size)?;
    let temporary = Temporary::file(entry.parent).map_err(|errno| map_errno_new(name, errno))?;
    Ok(FileDraft { links, ..FileDraft::over(volume, name, temporary, size, 0) })
}

/// Refuses, before a byte is sent, what can never be installed under the name. Reserves no space yet: else a client
/// could claim all of it with one request head.
pub(super) fn admit(volume: &Volume, name: &Name, links: Links, size: Option<u64>) -> Result<EntryAt> {
    let (entry, existing) = look_up_to_write(volume, name, links)?;
    may_replace(Kind::File, name, &existing)?;
    let available = volume.space().available(&entry.parent, entry.directory().0);
    let size = size.unwrap_or_default();
    match available.map_err(|errno| map_errno(name, errno))? {
        available if available < size => Err(no_room(name, size)),
        _ => Ok(entry),
    }
}

impl<'a> FileDraft<'a> {
    /// Resumes a content in this file, which holds `written` bytes of it.
    pub fn over(
        volume: &'a Volume,
        name: &Name,
        temporary: Temporary,
        size: Option<u64>,
        written: u64,
    ) -> Self {
        let reservation = volume.space().reservation(temporary.entry.directory().0);
        FileDraft {
            volume,
            name: name.clone(),
            links: Links::Followed,
            temporary,
            modified: None,
            attributes: None,
            unfinished: None,
            allocation: Allocation::new(reservation, size, written),
        }
    }

    /// The file the content is written to.
    pub fn file(&self) -> &File {
        &self.temporary.file
    }

    /// Reserves space for a whole content whose bytes do not come from a client. `NoSpace` where there is too little.
    pub fn reserve_all(&mut self, size: u64) -> Result<&mut Reservation> {
        let reservation = self.allocation.reserve_all(&self.temporary.file, size);
        reservation.map_err(|errno| map_errno(&self.name, errno))?.ok_or_else(|| no_room(&self.name, size))
    }

    /// Fsyncs what was written so far, and the directory entry of the temporary file.
    pub fn sync(&self) -> nix::Result<()> {
        self.volume.sync.content(self.file())?;
        self.volume.sync.directory(&self.temporary.entry)
    }

    /// Sets time and attributes and fsyncs the content before it is renamed into place, so that a crash leaves the old
    /// content or the new one. The time is set to the nanosecond, so that two quick writes have different entity tags:
    /// the kernel's clock is too coarse for that.
    fn finish(&self, attributes: &Attributes) -> nix::Result<()> {
        set_modified(self.file(), self.modified)?;
        attributes.give(self.file()).map_err(errno_of)?;
        self.volume.sync.content(self.file())
    }

    /// Returns the attributes of the content under this name.
    fn inherited(&self, entry: &EntryAt, replaced: Option<&Found>) -> nix::Result<Attributes> {
        let of_replaced = replaced.map_or(Ok(None), |_| of_replaced(entry)).map_err(errno_of)?;
        match of_replaced.or_else(|| self.attributes.clone()) {
            Some(attributes) => Ok(attributes),
            None => {
                let is_made_there = self.temporary.entry.directory() == entry.directory();
                of_new(&entry.parent, self.volume.umask, is_made_there).map_err(errno_of)
            }
        }
    }

    /// Called right before the rename: finishes once more in the rare case that another program has changed the file to
    /// be replaced.
    fn finish_again(&self, done: &Finished, entry: &EntryAt, replaced: Option<&Found>) -> nix::Result<()> {
        if done.replaced != replaced.map(Found::version) {
            let attributes = self.inherited(entry, replaced)?;
            if attributes != done.attributes {
                self.finish(&attributes)?;
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
struct Finished {
    attributes: Attributes,
    /// The file that it was about to replace, and its ctime.
    replaced: Option<(FileId, i128)>,
}

impl Write for FileDraft<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let lacking = self.allocation.prepare(&self.temporary.file, bytes.len() as u64);
        match lacking.map_err(|errno| map_errno(&self.name, errno))? {
            0 => {}
            lacking => return Err(no_room(&self.name, lacking).into()),
        }
        let written = self.file().write(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::from(Error::io(self.name.shown(), error)),
        })?;
        self.allocation.spend(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Draft for FileDraft<'_> {
    fn set_modified(&mut self, seconds: i64) {
        self.modified = Some(seconds);
    }

    /// Resolves the name again: where its directory was renamed since, the content goes where the name leads now.
    fn commit(mut self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        let volume = self.volume;
        let name = self.name.clone();
        let named = |errno| map_errno(&name, errno);
        let (entry, existing) = look_up_to_write(volume, &name, self.links)?;
        let attributes = self.inherited(&entry, existing.found()).map_err(named)?;
        self.finish(&attributes).map_err(named)?;
        let done = Finished { attributes, replaced: existing.found().map(Found::version) };
        let guard = volume.hold(&[&entry]).map_err(named)?;
        let incoming = Incoming {
            volume,
            entry: &self.temporary.entry,
            kind: Kind::File,
            moved: None,
            to: &name,
            target: &entry,
            check,
            prepare: &|replaced| self.finish_again(&done, &entry, replaced),
        };
        let created = incoming.install()?.created;
        self.temporary.kept = true;
        let meta = self.write_digest(digest).map_err(named)?;
        drop(guard);
        volume.sync.directory(&entry).map_err(named)?;
        Ok(Written { created, meta: meta.ok_or_else(|| absent(&name))? })
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

/// Whether the directory has no default ACL: the umask alone decides then.
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

/// A time of `seconds` since 1970 with the fraction of `moment`; `moment` where that cannot be represented.
fn at_second(seconds: i64, moment: SystemTime) -> SystemTime {
    let whole = match seconds {
        0.. => UNIX_EPOCH.checked_add(Duration::from_secs(seconds.unsigned_abs())),
        _ => UNIX_EPOCH.checked_sub(Duration::from_secs(seconds.unsigned_abs())),
    };
    let rest = moment.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    whole.and_then(|whole| whole.checked_add(Duration::from_nanos(rest.into()))).unwrap_or(moment)
}
