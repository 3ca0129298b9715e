//! A new content on its way to a name: written to a temporary file beside it, then renamed over it.

use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::stat::fstat;
use xattr::FileExt;

use super::digest;
use super::digest::Attribute;
use super::engine::Local;
use super::inherited::{of_new, of_replaced};
use super::install::{Comer, judge, settle};
use super::lookup::Served;
use super::root::{Links, Place, absent, wrong, wrong_for};
use super::space::{Promise, step_after};
use super::temporary::Temporary;
use super::walk::errno_of;
use crate::attributes::Attributes;
use crate::error::{Error, Result};
use crate::store::contract::{Check, Draft, Kind, Meta, Written};
use crate::store::name::Name;

/// A content being written beside its name.
pub(super) struct Upload<'a> {
    local: &'a Local,
    name: Name,
    links: Links,
    temporary: Temporary,
    /// Its SHA-256, where that is known.
    digest: Option<[u8; 32]>,
    /// The second it is to be of, where that is not now.
    modified: Option<i64>,
    /// What it takes over where it replaces nothing, and not of a new file.
    model: Option<Attributes>,
    /// An attribute of an unfinished content, which no finished one has.
    note: Option<&'static str>,
    /// Its length, where that is known.
    size: Option<u64>,
    /// How many bytes of it there are.
    written: u64,
    /// The room promised to it and not yet on the disk.
    promise: Promise,
    /// Bytes that may be written before more room is asked for.
    ahead: u64,
}

/// Begins a content.
pub(super) fn begin<'a>(
    local: &'a Local,
    name: &Name,
    links: Links,
    size: Option<u64>,
) -> Result<Upload<'a>> {
    let place = admit(local, name, links, size)?;
    let temporary = Temporary::file(place.parent).map_err(|errno| wrong_for(name, errno))?;
    Ok(Upload { links, ..Upload::over(local, name, temporary, size, 0) })
}

/// Refuses now, before a byte is sent, what can never be put under the name.
pub(super) fn admit(local: &Local, name: &Name, links: Links, size: Option<u64>) -> Result<Place> {
    let place = local.root.place_to(name, links)?;
    let standing = local.root.look(name.components(), &place).map_err(|errno| wrong(name, errno))?;
    judge(Kind::File, name, &standing)?;
    require_room(local, name, &place, size.unwrap_or_default())?;
    Ok(place)
}

impl<'a> Upload<'a> {
    /// A content in this file, which holds `written` bytes of it.
    pub fn over(
        local: &'a Local,
        name: &Name,
        temporary: Temporary,
        size: Option<u64>,
        written: u64,
    ) -> Self {
        let promise = local.space.promise(temporary.place().directory().0);
        let name = name.clone();
        let (digest, modified, model, note, links) = (None, None, None, None, Links::Followed);
        let ahead = 0;
        Upload { local, name, links, temporary, digest, modified, model, note, size, written, promise, ahead }
    }

    /// Takes this attribute off once the content is in place.
    pub fn forget(&mut self, attribute: &'static str) {
        self.note = Some(attribute);
    }

    /// The name it is on its way to.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The file as the temporary it is.
    pub fn temporary(&mut self) -> &mut Temporary {
        &mut self.temporary
    }

    /// The file the content is written to.
    pub fn file(&self) -> &std::fs::File {
        self.temporary.handle()
    }

    /// Asks for room a step ahead of what has come, and sets it aside where the length is known: a client that announces
    /// much and sends little takes little.
    fn prepare_room(&mut self, wanted: u64) -> Result<()> {
        let Some(least) = wanted.checked_sub(self.ahead).filter(|least| *least > 0) else { return Ok(()) };
        let offset = self.written + self.ahead;
        let to_come = self.size.map_or(u64::MAX, |size| size.saturating_sub(offset));
        let granted = self.promise_room(least, step_after(self.written).min(to_come))?;
        if self.size.is_some() && self.preallocate(offset, granted)? {
            self.promise.spend(granted);
        }
        self.ahead += granted;
        Ok(())
    }

    /// Has room promised for `least` more bytes, up to `most` where there is that much, and says how many. Errors have
    /// status 507.
    fn promise_room(&mut self, least: u64, most: u64) -> Result<u64> {
        let granted = self.promise.grow(self.temporary.handle(), least, most);
        granted.map_err(|errno| wrong(&self.name, errno))?.ok_or_else(|| no_room(&self.name, least))
    }

    /// Has room promised for all of a content that does not wait for a client, and hands out the promise, of which is to
    /// be spent what is written.
    pub fn promise_all(&mut self, size: u64) -> Result<&mut Promise> {
        self.promise_room(size, size)?;
        Ok(&mut self.promise)
    }

    /// Sets room aside on the disk. False where the file system cannot.
    fn preallocate(&self, offset: u64, length: u64) -> Result<bool> {
        let signed = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        let keep = FallocateFlags::FALLOC_FL_KEEP_SIZE;
        match fallocate(self.file(), keep, signed(offset), signed(length)) {
            Ok(()) => Ok(true),
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINTR) => Ok(false),
            Err(errno) => Err(wrong(&self.name, errno)),
        }
    }

    /// Has on the disk what was written so far, and the name it is found by until it has its own.
    pub fn settle(&self) -> nix::Result<()> {
        self.local.durability.content(self.file())?;
        self.local.durability.entry(self.temporary.place())
    }

    /// Has the content take over this, should it replace none.
    pub fn model_on(&mut self, attributes: Attributes) {
        self.model = Some(attributes);
    }

    /// Makes the content whole on the disk before its name points at it, so that a crash finds the old one or the
    /// new one. Its time is set here, to the nanosecond: the kernel's own is coarser than two quick writes, and the
    /// entity tag needs them apart, also where clients give the seconds.
    fn finish(&self, attributes: &Attributes) -> nix::Result<()> {
        let now = SystemTime::now();
        let modified = self.modified.map_or(now, |seconds| at_second(seconds, now));
        match self.file().set_modified(modified).map_err(errno_of) {
            // On a disk that belongs to another user as a whole (FAT), it has the kernel's.
            Err(Errno::EPERM) => {}
            set => set?,
        }
        attributes.give(self.file()).map_err(errno_of)?;
        self.local.durability.content(self.file())
    }

    /// What the content takes over at this place.
    fn attributes(&self, place: &Place, replaced: Option<&Served>) -> nix::Result<Attributes> {
        let attributes = match (of_replaced(place, replaced).map_err(errno_of)?, &self.model) {
            (Some(attributes), _) => attributes,
            (None, Some(model)) => model.clone(),
            (None, None) => {
                let is_made_there = self.temporary.place().directory() == place.directory();
                of_new(&place.parent, self.local.umask, is_made_there).map_err(errno_of)?
            }
        };
        Ok(attributes)
    }

    /// What is left to do in the moment before the rename: finishes once more in the rare case that another file came
    /// under the name meanwhile.
    fn seal(&self, given: &Given, place: &Place, replaced: Option<&Served>) -> nix::Result<()> {
        if given.by != replaced.map(version) {
            let attributes = self.attributes(place, replaced)?;
            if attributes != given.attributes {
                self.finish(&attributes)?;
            }
        }
        Ok(())
    }

    /// Takes off what was kept with an unfinished content, and keeps the digest, which no change may follow, not even the
    /// rename.
    fn unseal(&self) -> nix::Result<Option<Meta>> {
        if let Some(attribute) = self.note {
            // It may have come to a mode that not even its owner may write; what cannot be removed disturbs nobody.
            let _ = digest::as_owner(self.file(), || self.file().remove_xattr(attribute));
        }
        let Some(digest) = self.digest else { return Ok(Meta::of(&fstat(self.file())?, None)) };
        // That it cannot be kept is no error: it can be taken again.
        let _ = Attribute::new(digest, None).write(self.file());
        let stat = fstat(self.file())?;
        Ok(Meta::of(&stat, Attribute::of(self.file(), &stat)))
    }
}

/// What a content was given before its name was locked, and by which file.
struct Given {
    attributes: Attributes,
    by: Option<Version>,
}

/// A file as it is until anything of it is changed.
type Version = ((u64, u64), i128);

fn version(served: &Served) -> Version {
    (served.file, served.changed)
}

impl Write for Upload<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.prepare_room(bytes.len() as u64)?;
        let written = self.file().write(bytes).map_err(|wrong| match wrong.kind() {
            io::ErrorKind::Interrupted => wrong,
            _ => io::Error::from(Error::io(self.name.shown(), wrong)),
        })?;
        let bytes = written as u64;
        self.promise.spend(bytes);
        (self.written, self.ahead) = (self.written + bytes, self.ahead.saturating_sub(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Draft for Upload<'_> {
    fn set_digest(&mut self, digest: [u8; 32]) {
        self.digest = Some(digest);
    }

    fn set_modified(&mut self, seconds: i64) {
        self.modified = Some(seconds);
    }

    /// The name is walked again: should its directory have been renamed meanwhile, the content goes where the name
    /// leads now, not where it led.
    fn commit(mut self: Box<Self>, check: Check<'_>) -> Result<Written> {
        let place = self.local.root.place_to(&self.name, self.links)?;
        let named = |errno| wrong(&self.name, errno);
        let standing = self.local.root.look(self.name.components(), &place).map_err(named)?;
        let attributes = self.attributes(&place, standing.served()).map_err(named)?;
        self.finish(&attributes).map_err(named)?;
        let given = Given { attributes, by: standing.served().map(version) };
        let held = self.local.locks.hold(vec![place.key()]);
        let comer = Comer {
            place: self.temporary.place(),
            name: None,
            kind: Kind::File,
            is_tree: false,
            leads_to: None,
            prepare: &|replaced| self.seal(&given, &place, replaced),
        };
        let settled = settle(self.local, &comer, &self.name, &place, check)?;
        self.temporary.stay();
        let meta = self.unseal().map_err(|errno| wrong(&self.name, errno))?;
        drop(held);
        self.local.durability.entry(&place).map_err(|errno| wrong(&self.name, errno))?;
        let meta = meta.ok_or_else(|| absent(&self.name))?;
        Ok(Written { created: settled.created, meta })
    }
}

/// This second since 1970, and the fraction of another moment. A time that nobody can say is that moment.
fn at_second(seconds: i64, moment: SystemTime) -> SystemTime {
    let whole = match seconds {
        0.. => UNIX_EPOCH.checked_add(Duration::from_secs(seconds.unsigned_abs())),
        _ => UNIX_EPOCH.checked_sub(Duration::from_secs(seconds.unsigned_abs())),
    };
    let rest = moment.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    whole.and_then(|whole| whole.checked_add(Duration::from_nanos(rest.into()))).unwrap_or(moment)
}

/// Refuses a content that cannot fit, as far as is known now. Nothing is promised yet: a client could claim all room
/// there is with one line.
fn require_room(local: &Local, name: &Name, place: &Place, size: u64) -> Result<()> {
    let available = local.space.available(&place.parent, place.directory().0);
    match available.map_err(|errno| wrong(name, errno))? {
        available if available < size => Err(no_room(name, size)),
        _ => Ok(()),
    }
}

/// Status 507.
pub(super) fn no_room(name: &Name, size: u64) -> Error {
    Error::status(507, name.shown(), format!("no room for {size} bytes"))
}
