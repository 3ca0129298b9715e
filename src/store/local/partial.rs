//! Contents that come in several pieces: files in a directory of the daemon's own at the root, each under a name
//! nobody can guess, with what is needed to go on in an extended attribute. So they outlive the process, and one
//! rename still puts them in place.
//!
//! One in use is locked (`flock`), as any temporary is; one that nobody has written to for its time is removed.
//! Where the file system has no attributes, or is another one than the name's, there are none.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::fcntl::{OFlag, ResolveFlag};
use nix::sys::stat::{FileStat, Mode, fstat, mkdirat};
use nix::unistd::{Gid, getegid, geteuid, getgroups};
use rustix::fs::{AtFlags, StatxFlags, statx};
use xattr::FileExt as _;

use super::draft::{Upload, admit};
use super::engine::Local;
use super::root::{DIRECTORY, Links, Place, is_absent, open_beneath};
use super::stat::modified;
use super::temporary::{Temporary, is_hexadecimal};
use super::walk::{Walk, errno_of};
use crate::error::{Error, Result};
use crate::store::contract::{Check, Draft, Partial, Written};
use crate::store::name::Name;
use crate::store::name::UPLOADS;

/// The attribute with the name and the note; only `user.` is open to everybody.
const ATTRIBUTE: &str = "user.cfpd.upload";
/// The largest block of a file system: what is within one is no room set aside.
const BLOCK_MAX: i64 = 64 << 10;
/// Bytes of chance in an identifier.
const CHANCE: usize = 16;

/// What holds for all partial contents of a store.
pub(super) struct Partials {
    /// How many there may be at once.
    pub most: usize,
    /// How long one stays that nobody writes to.
    pub time: Duration,
    /// Where identifiers come from; opened at the start, for the process may be confined later.
    chance: Option<File>,
    /// Held while they are counted and one more is made.
    counting: Mutex<()>,
}

/// One of them, in use.
pub(super) struct Kept<'a> {
    upload: Upload<'a>,
    id: String,
    note: Vec<u8>,
    /// When it is removed, if nothing is written to it.
    time_left: Duration,
}

impl Default for Partials {
    fn default() -> Self {
        let chance = File::open("/dev/urandom").ok();
        Partials { most: 0, time: Duration::ZERO, chance, counting: Mutex::default() }
    }
}

impl Partials {
    /// The same for another root.
    pub fn again(&self) -> io::Result<Self> {
        let chance = self.chance.as_ref().map(File::try_clone).transpose()?;
        Ok(Partials { most: self.most, time: self.time, chance, counting: Mutex::default() })
    }
}

/// Begins one. Nothing where that cannot be: what stands in the way of any write is told when it is tried without.
pub(super) fn begin<'a>(
    local: &'a Local,
    name: &Name,
    size: Option<u64>,
    note: &[u8],
) -> Result<Option<Kept<'a>>> {
    let place = admit(local, name, Links::Followed, size)?;
    Ok(make(local, &place, name, note).ok().map(|(id, temporary)| Kept {
        upload: Upload::over(local, name, temporary, size, 0),
        id,
        note: note.to_vec(),
        time_left: local.partials.time,
    }))
}

fn make(local: &Local, place: &Place, name: &Name, note: &[u8]) -> io::Result<(String, Temporary)> {
    match mkdirat(local.root.handle(), UPLOADS, Mode::S_IRWXU) {
        Ok(()) => {
            let made = Place::new(local.root.handle().try_clone()?, UPLOADS.to_vec())?;
            local.durability.entry(&made)?;
        }
        Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let directory = open(local)?;
    let counted = local.partials.counting.lock().unwrap_or_else(PoisonError::into_inner);
    // Between two file systems there is no rename, nor between two mounts of one.
    let fits = fstat(&directory)?.st_dev == place.directory().0
        && mount(&directory) == mount(&place.parent)
        && can_give_group(&fstat(&place.parent)?);
    if !fits || clear(local, &directory)?.left >= local.partials.most {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let id = fresh_id(local.partials.chance.as_ref())?;
    let mut temporary =
        Temporary::lasting(directory, id.clone().into_bytes(), OFlag::O_CREAT | OFlag::O_EXCL)?;
    drop(counted);
    temporary.handle().set_xattr(ATTRIBUTE, &[&name.shown()[..], &[0], note].concat())?;
    temporary.stay();
    Ok((id, temporary))
}

/// Whether a file that was not made in a directory can have the group that one made there has.
fn can_give_group(directory: &FileStat) -> bool {
    let group = Gid::from_raw(directory.st_gid);
    let is_set = directory.st_mode & Mode::S_ISGID.bits() != 0;
    !is_set
        || geteuid().is_root()
        || getegid() == group
        || getgroups().is_ok_and(|groups| groups.contains(&group))
}

/// The mount that a directory is reached by, as far as the kernel tells (5.8).
fn mount(directory: &OwnedFd) -> Option<u64> {
    let stat = statx(directory, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID).then_some(stat.stx_mnt_id)
}

/// Goes on with one. Errors have status 404 where there is none, 503 where another process has it.
pub(super) fn resume<'a>(local: &'a Local, id: &[u8]) -> Result<Kept<'a>> {
    let unknown = || Error::status(404, id, "is no upload, or none any more");
    let failed = |errno: Errno| match errno {
        Errno::EAGAIN => Error::cut(id, "is in use"),
        errno if is_absent(errno) => unknown(),
        errno => Error::io(id, errno.into()),
    };
    let id = std::str::from_utf8(id).ok().filter(|id| is_id(id.as_bytes())).ok_or_else(unknown)?;
    let directory = open(local).map_err(failed)?;
    let mut temporary = Temporary::lasting(directory, id.into(), OFlag::empty()).map_err(failed)?;
    temporary.stay();
    let stat = fstat(temporary.handle()).map_err(failed)?;
    let time_left = time_left(local, &stat).ok_or_else(unknown)?;
    let kept = temporary.handle().get_xattr(ATTRIBUTE).ok().flatten().ok_or_else(unknown)?;
    let (name, note) = read_attribute(&kept).ok_or_else(unknown)?;
    let written = u64::try_from(stat.st_size).unwrap_or_default();
    let upload = Upload::over(local, &name, temporary, None, written);
    Ok(Kept { upload, id: id.to_owned(), note, time_left })
}

/// Removes those whose time is over, and says how many that were.
pub(super) fn expire(local: &Local) -> Result<u64> {
    let cleared = open(local).and_then(|directory| clear(local, &directory));
    match cleared {
        Ok(cleared) => Ok(cleared.gone),
        Err(errno) if is_absent(errno) => Ok(0),
        Err(errno) => Err(Error::io(UPLOADS, errno.into())),
    }
}

struct Cleared {
    left: usize,
    gone: u64,
}

fn clear(local: &Local, directory: &OwnedFd) -> nix::Result<Cleared> {
    let mut cleared = Cleared { left: 0, gone: 0 };
    for found in Walk::new(directory.try_clone().map_err(errno_of)?, false)? {
        let found = found?;
        // Not of the daemon's making.
        if !is_id(&found.path) {
            continue;
        }
        let gone = match time_left(local, &found.stat) {
            None => remove_stale(local, directory, found.path),
            Some(_) => {
                if has_room_beyond(&found.stat) {
                    give_back(directory, found.path);
                }
                false
            }
        };
        cleared.gone += u64::from(gone);
        cleared.left += usize::from(!gone);
    }
    Ok(cleared)
}

/// Removes one that is still stale when it is locked, so that none is taken from who goes on with it.
fn remove_stale(local: &Local, directory: &OwnedFd, last: Vec<u8>) -> bool {
    let locked = directory
        .try_clone()
        .map_err(errno_of)
        .and_then(|directory| Temporary::lasting(directory, last, OFlag::empty()));
    locked.is_ok_and(|mut temporary| {
        let is_stale = fstat(temporary.handle()).is_ok_and(|stat| time_left(local, &stat).is_none());
        if !is_stale {
            temporary.stay();
        }
        is_stale
    })
}

/// Whether more room is set aside for one than its bytes take: the process may have been killed while they came.
fn has_room_beyond(stat: &FileStat) -> bool {
    let (allocated, size) = (stat.st_blocks.saturating_mul(512), stat.st_size);
    allocated > size.saturating_add(stat.st_blksize.max(BLOCK_MAX))
}

/// Gives back the room beyond the bytes of one that nobody is at work on. It gets no more time by that.
fn give_back(directory: &OwnedFd, last: Vec<u8>) {
    let locked = directory
        .try_clone()
        .map_err(errno_of)
        .and_then(|directory| Temporary::lasting(directory, last, OFlag::empty()));
    let Ok(mut temporary) = locked else { return };
    temporary.stay();
    let file = temporary.handle();
    // A size that is set anew takes the blocks behind it away, even where it is the same.
    let _ = fstat(file).map_err(io::Error::from).and_then(|stat| {
        file.set_len(u64::try_from(stat.st_size).unwrap_or_default())?;
        file.set_modified(modified(&stat))
    });
}

/// How long one stays that was last written to when its stat says.
fn time_left(local: &Local, stat: &FileStat) -> Option<Duration> {
    let age = SystemTime::now().duration_since(modified(stat)).unwrap_or_default();
    local.partials.time.checked_sub(age).filter(|left| !left.is_zero())
}

fn open(local: &Local) -> nix::Result<OwnedFd> {
    open_beneath(local.root.handle().as_fd(), UPLOADS, DIRECTORY, ResolveFlag::RESOLVE_NO_SYMLINKS)
}

fn fresh_id(chance: Option<&File>) -> io::Result<String> {
    let mut bytes = [0; CHANCE];
    let mut chance = chance.ok_or(io::ErrorKind::Unsupported)?;
    chance.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_id(id: &[u8]) -> bool {
    is_hexadecimal(id, 2 * CHANCE)
}

/// The name and the note.
fn read_attribute(kept: &[u8]) -> Option<(Name, Vec<u8>)> {
    let (shown, note) = kept.split_at_checked(kept.iter().position(|&byte| byte == 0)?)?;
    let components = shown.strip_prefix(b"/")?.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect();
    Some((Name::new(components, false).ok()?, note.strip_prefix(&[0])?.to_vec()))
}

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.upload.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.upload.flush()
    }
}

impl Draft for Kept<'_> {
    fn set_digest(&mut self, digest: [u8; 32]) {
        self.upload.set_digest(digest);
    }

    fn set_modified(&mut self, seconds: i64) {
        self.upload.set_modified(seconds);
    }

    fn commit(self: Box<Self>, check: Check<'_>) -> Result<Written> {
        let mut upload = self.upload;
        upload.temporary().go();
        // Not before it is in place: should the process end until then, all is still there.
        upload.forget(ATTRIBUTE);
        Box::new(upload).commit(check)
    }
}

impl Partial for Kept<'_> {
    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> &Name {
        self.upload.name()
    }

    fn note(&self) -> &[u8] {
        &self.note
    }

    fn set_note(&mut self, note: &[u8]) -> Result<()> {
        let kept = [&self.name().shown()[..], &[0], note].concat();
        self.upload.file().set_xattr(ATTRIBUTE, &kept).map_err(|wrong| Error::io(&self.id, wrong))?;
        self.note = note.to_vec();
        Ok(())
    }

    fn size(&self) -> Result<u64> {
        let meta = self.upload.file().metadata().map_err(|wrong| Error::io(&self.id, wrong))?;
        Ok(meta.len())
    }

    fn time_left(&self) -> Duration {
        self.time_left
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.upload.file().read_at(buffer, offset)
    }

    fn truncate(&mut self, size: u64) -> Result<()> {
        self.upload.file().set_len(size).map_err(|wrong| Error::io(&self.id, wrong))
    }

    fn settle(&self) -> Result<()> {
        let settled = self.upload.settle();
        settled.map_err(|errno| Error::io(&self.id, errno.into()))
    }

    fn remove(mut self: Box<Self>) {
        self.upload.temporary().go();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_chance_in_hexadecimal_and_nothing_else_is_one() {
        let chance = File::open("/dev/urandom").unwrap();
        let id = fresh_id(Some(&chance)).unwrap();
        assert!(is_id(id.as_bytes()) && id != fresh_id(Some(&chance)).unwrap());
        let rows = ["", "..", "0", &id[1..], &format!("{id}0"), &id.replace(&id[..1], "/"), &"A".repeat(32)];
        for other in rows {
            assert!(!is_id(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_was_kept_is_read_again() {
        let (name, note) = read_attribute(b"/d/\n f\0If-Match: *\r\n\0").unwrap();
        assert_eq!((name.shown(), note), (b"/d/\n f".to_vec(), b"If-Match: *\r\n\0".to_vec()));
        for broken in [&b""[..], b"/f", b"f\0", b"/\0", b"/d/../f\0"] {
            assert!(read_attribute(broken).is_none(), "{}", crate::error::shown(broken));
        }
    }
}
