//! Copying: the bytes go from file to file inside the kernel, into a temporary file or directory first, so that
//! nobody sees a half.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::copy_file_range;
use nix::sys::stat::fstat;

use super::engine::Local;
use super::install::{Comer, itself, judge, keep_apart, settle};
use super::root::{DIRECTORY, Links, absent, wrong, wrong_for};
use super::space::Promise;
use super::temporary::Temporary;
use super::{content, draft, tree};
use crate::attributes::Attributes;
use crate::error::{Error, Result};
use crate::store::contract::{Check, Content, Draft, Kind, Meta, Store, Written};
use crate::store::name::Name;

/// How much the kernel is asked to copy at a time: what was promised is spent after each step.
const STEP: u64 = 64 << 20;

/// Copies a file, or a directory with all in it. What a link leads to is copied, not the link.
///
/// `source` is asked about what was opened, whose bytes are then copied, whatever happens to the name. `target` is
/// asked before the bytes are copied, so that nothing is copied in vain, and again under the lock.
pub(super) fn copy(
    local: &Local,
    from: &Name,
    to: &Name,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    let kind = if from.is_directory() { Kind::Directory } else { Kind::File };
    refuse_early(local, from, to, kind, target)?;
    match kind {
        Kind::File => copy_file(local, from, to, Links::Followed, source, target),
        Kind::Directory => copy_directory(local, from, to, Links::Followed, source, target),
    }
}

/// Refuses what would be refused after the work.
fn refuse_early(local: &Local, from: &Name, to: &Name, kind: Kind, target: Check<'_>) -> Result<()> {
    if local.meta(from)?.kind != kind {
        let what = "is a directory: only with a final slash it is copied, with all in it";
        return Err(Error::status(409, from.shown(), what));
    }
    let place = local.root.place_to(to, Links::Followed)?;
    keep_apart(from, to)?;
    if local.root.place_to(from, Links::Followed)?.key() == place.key() {
        return Err(itself(to));
    }
    let standing = local.root.look(to.components(), &place).map_err(|errno| wrong(to, errno))?;
    judge(kind, to, &standing)?;
    target(standing.meta())
}

/// Copies a file; its content is the one that `source` is asked about.
pub(super) fn copy_file(
    local: &Local,
    from: &Name,
    to: &Name,
    links: Links,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    let content = content::open(local, from)?;
    source(Some(content.meta()))?;
    let size = content.meta().size;
    let mut draft = draft::begin(local, to, links, Some(size))?;
    let to_file = draft.file().try_clone().map_err(|error| broken(from, error))?;
    let promise = draft.promise_all(size)?;
    match content.snapshot() {
        Some(all) => all.write_to(&mut Spending { to: &to_file, promise }),
        None => transfer(content.file(), &to_file, size, promise),
    }
    .map_err(|error| broken(from, error))?;
    draft.model_on(attributes_of(content.file()).map_err(|error| broken(from, error))?);
    // Another program may have changed it in place while it was copied.
    if let Some(digest) = content.digest().filter(|_| content.is_unchanged()) {
        draft.set_digest(digest);
    }
    Box::new(draft).commit(target)
}

/// What a copy has of the first besides its content: all but the owner, which is the daemon.
pub(super) fn attributes_of(first: impl AsFd) -> io::Result<Attributes> {
    Ok(Attributes::of(first)?.without_owner().without_special_bits())
}

/// Copies a directory with all in it.
pub(super) fn copy_directory(
    local: &Local,
    from: &Name,
    to: &Name,
    links: Links,
    source: Check<'_>,
    target: Check<'_>,
) -> Result<Written> {
    let base = local.root.descend(from.components(), DIRECTORY).map_err(|errno| wrong(from, errno))?;
    let stat = fstat(&base).map_err(|errno| wrong(from, errno))?;
    source(Meta::of(&stat, None).as_ref())?;
    let parent = local.root.place_to(to, links)?.parent;
    let mut temporary = Temporary::directory(parent).map_err(|errno| wrong_for(to, errno))?;
    let attributes = attributes_of(&base).map_err(|error| broken(from, error))?.open_to_owner();
    tree::fill(local, from, base, temporary.handle()).map_err(|error| broken(from, error))?;
    attributes.give(temporary.handle()).map_err(|error| broken(from, error))?;

    local.durability.tree(temporary.handle()).map_err(|errno| wrong(to, errno))?;
    let place = local.root.place_to(to, links)?;
    let held = local.locks.hold(vec![place.key()]);
    let comer = Comer {
        place: temporary.place(),
        name: None,
        kind: Kind::Directory,
        is_tree: true,
        leads_to: None,
        prepare: &|_| Ok(()),
    };
    let settled = settle(local, &comer, to, &place, target)?;
    let created = settled.created;
    if !settled.exchanged {
        temporary.stay();
    }
    drop(held);
    local.durability.entry(&place).map_err(|errno| wrong(to, errno))?;
    settled.end(local).map_err(|errno| wrong(to, errno))?;
    let stat = fstat(temporary.handle()).map_err(|errno| wrong(to, errno))?;
    let meta = Meta::of(&stat, None).ok_or_else(|| absent(to))?;
    Ok(Written { created, meta })
}

/// Copies the first `size` bytes of a file to the end of another, for which room was promised. Fewer are an error: it
/// was cut short meanwhile.
pub(super) fn transfer(from: &File, to: &File, size: u64, promise: &mut Promise) -> io::Result<()> {
    let mut left = size;
    while left > 0 {
        let step = usize::try_from(left.min(STEP)).unwrap_or(usize::MAX);
        match copy_file_range(from, None, to, None, step) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => {
                left = left.saturating_sub(copied as u64);
                promise.spend(copied as u64);
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EXDEV | Errno::ENOSYS | Errno::EINVAL | Errno::EOPNOTSUPP) => {
                return stream(from, to, left, promise);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}

/// The same where the kernel cannot: between file systems, or on one that has no such call.
fn stream(from: &File, to: &File, left: u64, promise: &mut Promise) -> io::Result<()> {
    use io::Read;
    match io::copy(&mut from.take(left), &mut Spending { to, promise })? {
        copied if copied < left => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// A file for which room was promised, and which spends it.
pub(super) struct Spending<'a> {
    pub to: &'a File,
    pub promise: &'a mut Promise,
}

impl io::Write for Spending<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.to.write(block)?;
        self.promise.spend(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(from: &Name, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::cut(from.shown(), "was cut short while it was copied"),
        _ => Error::io(from.shown(), error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::store::local::space::Space;

    #[test]
    fn both_ways_of_copying_stop_at_the_size_and_miss_no_byte() {
        type Way = fn(&File, &File, u64, &mut Promise) -> io::Result<()>;
        let ways: [Way; 2] = [transfer, stream];
        for way in ways {
            for (size, copied) in [(0, Some("")), (3, Some("con")), (7, Some("content")), (8, None)] {
                let (mut from, mut to) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
                from.write_all(b"content").unwrap();
                from.rewind().unwrap();
                let done = way(&from, &to, size, &mut Space::default().promise(0));
                to.rewind().unwrap();
                match copied {
                    Some(copied) => assert_eq!(io::read_to_string(&to).unwrap(), copied),
                    None => assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof),
                }
            }
        }
    }
}
