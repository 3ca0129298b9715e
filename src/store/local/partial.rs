//! Partial uploads: content that is written in several parts. Each is a file with an unguessable name in a directory of
//! the daemon at the root, with what is needed to resume it in an extended attribute. So it outlives the process, and
//! one rename installs it.
//!
//! One in use is locked (`flock`), like any temporary file. Where the file system has no extended attributes, or is not
//! that of the target, there are no partial uploads.

use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{Gid, getegid, geteuid, getgroups};
use rustix::fs::{AtFlags, StatxFlags, statx};
use xattr::FileExt as _;

use super::{
    EntryAt, FileDraft, Links, Temporary, Uploads, Volume, completion, is_absent, is_id, lock_file,
    require_installable, size_of, uploads,
};
use crate::error::{Error, Result};
use crate::store::{Check, CompletedUpload, Draft, Name, Partial, Written};

/// The attribute with the name of the target and the metadata; only the namespace `user.` needs no privilege.
const ATTRIBUTE: &str = "user.cfpd.upload";

/// How long an upload is waited for that another daemon has in use: it may just have answered, or be telling the offset.
const RESUME_WAIT: Duration = Duration::from_secs(1);

/// A partial upload that is being written.
pub(super) struct PartialFile<'a> {
    draft: FileDraft<'a>,
    id: String,
    metadata: Vec<u8>,
    /// The time until it expires, if nothing is written to it.
    time_left: Duration,
}

/// Begins one; `None` where that is impossible. An error is one that any write to the name would have.
pub(super) fn begin<'a>(
    volume: &'a Volume,
    uploads: &Uploads,
    name: &Name,
    size: Option<u64>,
    check: Check<'_>,
    metadata: &[u8],
) -> Result<Option<PartialFile<'a>>> {
    let entry = require_installable(volume, name, Links::Followed, size, check, false)?;
    let made =
        uploads.make(volume, |directory| can_be_renamed(directory, &entry)).and_then(|(id, temporary)| {
            temporary.file.set_xattr(ATTRIBUTE, &attribute(name, metadata)).map(|()| (id, temporary))
        });
    Ok(made.ok().map(|(id, mut temporary)| {
        temporary.persists = true;
        let draft = FileDraft::over(volume, name, temporary, size, 0);
        PartialFile { draft, id, metadata: metadata.to_vec(), time_left: uploads.time }
    }))
}

/// Returns whether a file made in one directory can be renamed into another, which must be on the same file system and mount,
/// and can be given the group of a file made there.
fn can_be_renamed(directory: &OwnedFd, entry: &EntryAt) -> nix::Result<bool> {
    Ok(fstat(directory)?.st_dev == entry.directory().0
        && mount(directory) == mount(&entry.parent)
        && can_give_group(&fstat(&entry.parent)?))
}

fn can_give_group(directory: &FileStat) -> bool {
    let group = Gid::from_raw(directory.st_gid);
    let is_set = directory.st_mode & Mode::S_ISGID.bits() != 0;
    !is_set
        || geteuid().is_root()
        || getegid() == group
        || getgroups().is_ok_and(|groups| groups.contains(&group))
}

/// Returns the mount id of a directory (statx(2), from Linux 5.8 on).
fn mount(directory: &OwnedFd) -> Option<u64> {
    let stat = statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID).then_some(stat.stx_mnt_id)
}

/// Opens a partial upload to resume it. `NotFound` if there is none, `Busy` if another daemon keeps it in use.
pub(super) fn resume<'a>(volume: &'a Volume, uploads: &Uploads, id: &[u8]) -> Result<PartialFile<'a>> {
    let unknown = || Error::not_found(id, "is not an upload, or no longer one");
    let failed = |errno: Errno| match errno {
        Errno::EAGAIN => Error::busy(id, "is in use"),
        errno if is_absent(errno) => unknown(),
        errno => Error::io(id, errno.into()),
    };
    let id = std::str::from_utf8(id).ok().filter(|id| is_id(id.as_bytes())).ok_or_else(unknown)?;
    let open = || match Temporary::named(uploads::open(volume)?, id.into(), OFlag::empty()) {
        Err(Errno::EAGAIN) => Ok(None),
        opened => opened.map(Some),
    };
    let mut temporary = lock_file::retry(Instant::now() + RESUME_WAIT, open).map_err(failed)?;
    temporary.persists = true;
    let stat = fstat(&temporary.file).map_err(failed)?;
    let time_left = uploads.time_left(&stat).ok_or_else(unknown)?;
    let attribute = temporary.file.get_xattr(ATTRIBUTE).ok().flatten().ok_or_else(unknown)?;
    let (name, metadata) = parse_attribute(&attribute).ok_or_else(unknown)?;
    let draft = FileDraft::over(volume, &name, temporary, None, size_of(&stat));
    Ok(PartialFile { draft, id: id.to_owned(), metadata, time_left })
}

/// Joins name and metadata by a NUL, which no name contains.
fn attribute(name: &Name, metadata: &[u8]) -> Vec<u8> {
    [&name.shown()[..], &[0], metadata].concat()
}

fn parse_attribute(attribute: &[u8]) -> Option<(Name, Vec<u8>)> {
    let (shown, metadata) = attribute.split_at_checked(attribute.iter().position(|&byte| byte == 0)?)?;
    Some((Name::parse_shown(shown)?, metadata.strip_prefix(&[0])?.to_vec()))
}

impl Write for PartialFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.draft.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

impl Draft for PartialFile<'_> {
    fn set_modified(&mut self, seconds: i64) {
        self.draft.set_modified(seconds);
    }

    fn commit(self: Box<Self>, digest: Option<[u8; 32]>, check: Check<'_>) -> Result<Written> {
        let (size, mut draft) = (self.size()?, self.draft);
        draft.temporary.persists = false;
        // The attribute is removed only once the file is in place: should the process end before, the upload can still
        // be resumed.
        draft.unfinished = Some(ATTRIBUTE);
        let (name, record) = (draft.name.clone(), completion::begin(&draft.temporary.entry));
        let written = Box::new(draft).commit(digest, check)?;
        // Ignore the error: a client that misses the response begins again.
        let _ = record.map(|record| {
            completion::end(record, &CompletedUpload { name, size, etag: written.meta.etag.clone() })
        });
        Ok(written)
    }
}

impl Partial for PartialFile<'_> {
    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &Name {
        &self.draft.name
    }

    fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    fn set_metadata(&mut self, metadata: &[u8]) -> Result<()> {
        self.draft
            .file()
            .set_xattr(ATTRIBUTE, &attribute(self.name(), metadata))
            .map_err(|error| Error::io(&self.id, error))?;
        self.metadata = metadata.to_vec();
        Ok(())
    }

    fn size(&self) -> Result<u64> {
        let meta = self.draft.file().metadata().map_err(|error| Error::io(&self.id, error))?;
        Ok(meta.len())
    }

    fn time_left(&self) -> Duration {
        self.time_left
    }

    fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        let mut file = self.draft.file();
        // Writes append, wherever the file is read.
        file.rewind()?;
        Ok(Box::new(file))
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        self.draft.file().set_len(size).map_err(|error| Error::io(&self.id, error))
    }

    fn sync(&self) -> Result<()> {
        let synced = self.draft.sync();
        synced.map_err(|errno| Error::io(&self.id, errno.into()))
    }

    fn remove(mut self: Box<Self>) {
        self.draft.temporary.persists = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_again() {
        let (name, metadata) = parse_attribute(b"/d/\n f\0If-Match: *\r\n\0").unwrap();
        assert_eq!((name.shown(), metadata), (b"/d/\n f".to_vec(), b"If-Match: *\r\n\0".to_vec()));
        for broken in [&b""[..], b"/f", b"f\0", b"/\0", b"/d/../f\0"] {
            assert!(parse_attribute(broken).is_none(), "{}", crate::error::shown(broken));
        }
    }
}
