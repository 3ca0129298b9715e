//! Copies files and directories: into a temporary file or directory first, then renamed into place.

use std::io;

use nix::sys::stat::fstat;

use super::{
    DIRECTORY, Incoming, Links, ReservedFile, Temporary, Volume, absent, attributes_of, content,
    copy_content, draft, lookup, lookup_unlocked, map_errno, map_errno_new, may_replace, meta_of,
    refuse_overlap, same_file, tree,
};
use crate::error::{Error, Result};
use crate::store::{Content, Draft, Kind, Name, Transfer, Written};

/// Copies a file, or a directory with everything in it. The target of a symbolic link is copied, not the link.
///
/// `source` checks the open file whose bytes are then copied. `target` is called before the bytes are copied, so that
/// nothing is copied in vain, and again under the lock.
pub(super) fn copy(volume: &Volume, transfer: Transfer<'_>) -> Result<Written> {
    let kind = if transfer.from.is_directory() { Kind::Directory } else { Kind::File };
    refuse_early(volume, transfer, kind)?;
    match kind {
        Kind::File => copy_file(volume, transfer, Links::Followed),
        Kind::Directory => copy_directory(volume, transfer, Links::Followed),
    }
}

/// Checks before the copy what is checked again after it.
fn refuse_early(volume: &Volume, transfer: Transfer<'_>, kind: Kind) -> Result<()> {
    let Transfer { from, to, target, .. } = transfer;
    if lookup::meta(volume, from)?.kind != kind {
        let what = "is a directory: only with a final slash it is copied, with all in it";
        return Err(Error::is_directory(from.shown(), what));
    }
    let entry = volume.root.entry_to_write(to, Links::Followed)?;
    refuse_overlap(from, to)?;
    if volume.root.entry_to_write(from, Links::Followed)?.key() == entry.key() {
        return Err(same_file(to));
    }
    let existing = lookup_unlocked(volume, to, &entry)?;
    may_replace(kind, to, &existing, transfer.replaces_any)?;
    target(existing.meta())
}

/// Copies a file, which keeps its modification time; `source` checks the content that is copied.
pub(super) fn copy_file(volume: &Volume, transfer: Transfer<'_>, links: Links) -> Result<Written> {
    let Transfer { from, to, source, target, report, .. } = transfer;
    let named = |error| map_error(from, to, error);
    let content = content::open(volume, from)?;
    source(Some(content.meta()))?;
    let size = content.meta().size;
    let mut draft = draft::begin(volume, to, links, Some(size), &|_| Ok(()), transfer.replaces_any)?;
    let file = draft.file().try_clone().map_err(named)?;
    let mut sink = ReservedFile { to: &file, reservation: draft.reserve_all(size)?, report };
    copy_content(&content.file, content.snapshot.as_ref(), size, &mut sink).map_err(named)?;
    draft.attributes = Some(attributes_of(&content.file).map_err(named)?);
    draft.set_modified(fstat(&content.file).map_err(|errno| map_errno(from, errno))?.st_mtime);
    // Another program may have changed it in place while it was copied.
    let digest = content.digest().filter(|_| content.is_unchanged());
    Box::new(draft).commit(digest, target)
}

/// Copies a directory with everything in it, unless the transfer is shallow.
pub(super) fn copy_directory(volume: &Volume, transfer: Transfer<'_>, links: Links) -> Result<Written> {
    let Transfer { from, to, source, target, report, .. } = transfer;
    let from_errno = |errno| map_errno(from, errno);
    let from_error = |error| map_error(from, to, error);
    let to_errno = |errno| map_errno(to, errno);
    let base = volume.root.open_beneath(from.components(), DIRECTORY).map_err(from_errno)?;
    source(meta_of(&fstat(&base).map_err(from_errno)?, None).as_ref())?;
    let parent = volume.root.entry_to_write(to, links)?.parent;
    let mut temporary = Temporary::directory(parent).map_err(|errno| map_errno_new(to, errno))?;
    let attributes = attributes_of(&base).map_err(from_error)?.open_to_owner();
    if !transfer.is_shallow {
        tree::fill(volume, (from, to), base, &temporary.file, report).map_err(from_error)?;
    }
    attributes.apply_to(&temporary.file).map_err(from_error)?;

    volume.sync.file_system(&temporary.file).map_err(to_errno)?;
    let entry = volume.root.entry_to_write(to, links)?;
    let guard = volume.lock_names(&[&entry]).map_err(to_errno)?;
    let incoming = Incoming {
        volume,
        entry: &temporary.entry,
        kind: Kind::Directory,
        moved: None,
        to,
        target: &entry,
        check: target,
        replaces_any: transfer.replaces_any,
        prepare: &|_| Ok(()),
    };
    let installed = incoming.install()?;
    let created = installed.created;
    if !installed.exchanged {
        temporary.persists = true;
    }
    drop(guard);
    volume.sync.directory(&entry).and_then(|()| installed.end(volume)).map_err(to_errno)?;
    let stat = fstat(&temporary.file).map_err(to_errno)?;
    Ok(Written { created, meta: meta_of(&stat, None).ok_or_else(|| absent(to))? })
}

/// Maps an error of the source, or of the space at the target; a source that was truncated during the copy is `Interrupted`.
fn map_error(from: &Name, to: &Name, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Error::io(to.shown(), error)
        }
        io::ErrorKind::UnexpectedEof => Error::interrupted(from.shown(), "was cut short while it was copied"),
        _ => Error::io(from.shown(), error),
    }
}
