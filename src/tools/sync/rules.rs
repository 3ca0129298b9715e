//! The rules of a run: which names it covers, what counts as a difference, whether it deletes.

use crate::error::Result;
use crate::text::Globs;
use crate::tools::glob_arguments::GlobArguments;

/// What is compared and what is deleted.
#[derive(Debug)]
pub struct Rules {
    /// Whether what only TO has is deleted.
    pub(super) deletes: bool,
    /// Whether contents are compared, not sizes and times.
    pub(super) compares_digests: bool,
    /// The names that are included and not excluded.
    chosen: Globs,
    /// The names that are not excluded: directories of which something may be included.
    entered: Globs,
    /// Whether any name may be left out.
    pub(super) has_globs: bool,
    /// Whether directories are made only for what is included in them.
    pub(super) has_include: bool,
}

impl Rules {
    /// Makes rules of globs, which are matched against names relative to the two directories.
    pub fn new(globs: &GlobArguments, deletes: bool, compares_digests: bool) -> Result<Self> {
        Ok(Rules {
            deletes,
            compares_digests,
            chosen: globs.globs()?,
            entered: globs.excluded()?,
            has_globs: *globs != GlobArguments::default(),
            has_include: !globs.include.is_empty(),
        })
    }

    /// Returns whether a name is covered, for anything but a look into a directory.
    pub(super) fn covers(&self, path: &[u8], is_directory: bool) -> bool {
        self.chosen.includes(path, is_directory)
    }

    /// Returns whether something beneath a directory may be covered.
    pub(super) fn enters(&self, path: &[u8]) -> bool {
        self.entered.includes(path, true)
    }

    /// Returns whether an entry, or of a directory anything beneath it, may be covered.
    pub(super) fn covers_some(&self, path: &[u8], is_directory: bool) -> bool {
        if is_directory { self.enters(path) } else { self.covers(path, false) }
    }
}
