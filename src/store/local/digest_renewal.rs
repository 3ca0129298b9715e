//! Writes the digest attribute of a renamed file again: the rename changes the ctime, which invalidates the attribute.

use std::cell::Cell;
use std::fs::File;

use nix::sys::stat::{FileStat, fstat};

use super::digest::{Attribute, is_unchanged};
use super::lookup::Found;
use super::root::{EntryAt, READ};
use crate::store::contract::Kind;

/// A file with a digest attribute that is about to be renamed.
pub(super) struct DigestRenewal {
    file: File,
    stat: FileStat,
    attribute: Attribute,
    /// Whether nothing has changed the file before the rename.
    is_unchanged: Cell<bool>,
}

impl DigestRenewal {
    /// Opens the file; `None` where it has no such attribute.
    pub fn open(entry: &EntryAt, moved: &Found) -> Option<Self> {
        if moved.link || moved.meta.kind != Kind::File {
            return None;
        }
        let file = File::from(entry.open(READ).ok()?);
        let stat = fstat(&file).ok()?;
        let attribute = Attribute::of(&file, &stat)?;
        Some(DigestRenewal { file, stat, attribute, is_unchanged: Cell::new(true) })
    }

    /// Checks, right before the rename, whether another program has changed the file: then the digest is of other
    /// bytes.
    pub fn check(&self) {
        self.is_unchanged.set(fstat(&self.file).is_ok_and(|now| is_unchanged(&now, &self.stat)));
    }

    /// Writes the attribute again after the rename.
    pub fn renew(&self) {
        if self.is_unchanged.get()
            && let Ok(stat) = fstat(&self.file)
            && Attribute::of(&self.file, &stat).is_some_and(|kept| !kept.is_true)
        {
            let _ = self.attribute.write(&self.file);
        }
    }
}
