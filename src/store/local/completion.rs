//! What became of the partial uploads that were committed, for clients that missed the response: a small file beside the
//! unfinished ones for each, so that every daemon on the root knows of it, and a later one.
//!
//! It is created and locked (`flock`) before the upload is renamed to its name, and filled after that: whoever looks for an
//! upload that is no longer there finds one of the two.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};
use nix::sys::stat::{FileStat, fstat};

use super::{EntryAt, READ, Temporary, is_absent, open_beneath};
use crate::error::{Error, Result};
use crate::store::{CompletedUpload, Name};

/// What follows the identifier of the upload in the name of its file.
const SUFFIX: &[u8] = b".done";
/// The last field, without which a file is not complete.
const END: &[u8] = b"end";
/// The largest file, in bytes: more than a path of a request.
const SIZE_MAX: u64 = 64 << 10;

/// Creates the file of an upload that is about to be committed; it is removed when dropped.
pub(super) fn begin(upload: &EntryAt) -> nix::Result<Temporary> {
    let entry = upload.sibling([&upload.last, SUFFIX].concat())?;
    Temporary::named(entry.parent, entry.last, OFlag::O_CREAT | OFlag::O_TRUNC)
}

/// Fills the file, once the upload is stored.
pub(super) fn end(mut file: Temporary, upload: &CompletedUpload) -> io::Result<()> {
    file.file.write_all(&to_bytes(upload))?;
    file.persists = true;
    Ok(())
}

/// Reads what became of an upload, and the stat of its file. `Busy` while it is being committed.
pub(super) fn find(directory: &OwnedFd, id: &[u8]) -> Result<Option<(CompletedUpload, FileStat)>> {
    let named = |errno: Errno| Error::io(id, errno.into());
    let name = [id, SUFFIX].concat();
    let opened = match open_beneath(directory, &name, READ, ResolveFlag::RESOLVE_NO_SYMLINKS) {
        Err(errno) if is_absent(errno) => return Ok(None),
        opened => opened.map_err(named)?,
    };
    let file = File::from(opened);
    let stat = fstat(&file).map_err(named)?;
    // Before it is read: what is not locked any more is filled, or was left by a daemon that was killed.
    let is_locked = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    let mut bytes = Vec::new();
    file.take(SIZE_MAX).read_to_end(&mut bytes).map_err(|error| Error::io(id, error))?;
    match parse(&bytes) {
        None if is_locked => Err(Error::busy(id, "is in use")),
        upload => Ok(upload.map(|upload| (upload, stat))),
    }
}

/// Returns the identifier of the upload whose file has this name.
pub(super) fn id_of(last: &[u8]) -> Option<&[u8]> {
    last.strip_suffix(SUFFIX)
}

/// Serializes it as fields that each end in a NUL, which no name contains.
fn to_bytes(upload: &CompletedUpload) -> Vec<u8> {
    let CompletedUpload { name, size, etag } = upload;
    let fields = [name.shown(), size.to_string().into_bytes(), etag.clone().into_bytes(), END.to_vec()];
    fields.iter().flat_map(|field| [field, &b"\0"[..]].concat()).collect()
}

fn parse(bytes: &[u8]) -> Option<CompletedUpload> {
    let mut fields = bytes.strip_suffix(b"\0")?.split(|&byte| byte == 0);
    let (name, size, etag) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next() != Some(END) || fields.next().is_some() {
        return None;
    }
    let [size, etag] = [size, etag].map(|field| std::str::from_utf8(field).ok());
    Some(CompletedUpload {
        name: Name::parse_shown(name)?,
        size: size?.parse().ok()?,
        etag: etag?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_nothing_that_was_cut() {
        let name = Name::new(vec![b"d".to_vec(), b"\n f".to_vec()], false).unwrap();
        let upload = CompletedUpload { name, size: 7, etag: "\"1-2\"".to_owned() };
        let bytes = to_bytes(&upload);
        assert_eq!(parse(&bytes), Some(upload));
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]), None, "{length}");
        }
    }
}
