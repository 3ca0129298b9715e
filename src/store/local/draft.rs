//! New content, written to a temporary file of mode 0600 in the target's directory. `commit` renames it into place.

use std::fs::File;
use std::io::{self, Write};

use super::{
    Allocation, EntryAt, Links, Reservation, Temporary, Volume, look_up_to_write, map_errno, map_errno_new,
    may_replace, no_room,
};
use crate::attributes::Attributes;
use crate::error::{Error, Result};
use crate::store::{Check, Kind, Name};

/// New content in a temporary file.
pub(super) struct FileDraft<'a> {
    pub volume: &'a Volume,
    /// The name of its target.
    pub name: Name,
    pub links: Links,
    /// The temporary file.
    pub temporary: Temporary,
    /// Its modification time in seconds since 1970, where it is not the current time.
    pub modified: Option<i64>,
    /// The attributes it gets where it replaces nothing; `None` for those of a new file.
    pub attributes: Option<Attributes>,
    /// Whether a directory under the name may be replaced by a file.
    pub replaces_any: bool,
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
    check: Check<'_>,
    replaces_any: bool,
) -> Result<FileDraft<'a>> {
    let entry = require_installable(volume, name, links, size, check, replaces_any)?;
    let temporary = Temporary::file(entry.parent).map_err(|errno| map_errno_new(name, errno))?;
    Ok(FileDraft { links, replaces_any, ..FileDraft::over(volume, name, temporary, size, 0) })
}

/// Refuses, before a byte is sent, what can never be installed under the name. Reserves no space yet: else a client
/// could claim all of it with one request head.
pub(super) fn require_installable(
    volume: &Volume,
    name: &Name,
    links: Links,
    size: Option<u64>,
    check: Check<'_>,
    replaces_any: bool,
) -> Result<EntryAt> {
    let looked = look_up_to_write(volume, name, links);
    // Before an error of the look-up: a client that is told of a missing parent directory creates it, though nothing would
    // be stored there.
    check(looked.as_ref().ok().and_then(|(_, existing)| existing.meta()))?;
    let (entry, existing) = looked?;
    may_replace(Kind::File, name, &existing, replaces_any)?;
    let size = size.unwrap_or_default();
    let has_room = volume.space().has(&entry.parent, entry.directory().0, size);
    match has_room.map_err(|errno| map_errno(name, errno))? {
        true => Ok(entry),
        false => Err(no_room(name, size)),
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
            replaces_any: false,
            unfinished: None,
            allocation: Allocation::new(reservation, size, written),
        }
    }

    /// Returns the file the content is written to.
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
