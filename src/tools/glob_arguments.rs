//! `--include` and `--exclude` of the tools that go through a directory: the same globs, for the server's lists and
//! searches and for local directories. What a glob matches belongs to `text`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use crate::cli::{Arguments, ProgramOption, options};
use crate::error::{Error, Result};
use crate::http::Query;
use crate::text::Globs;

/// The two options.
pub const GLOBS: &[ProgramOption] = options! {
    /// Beneath a directory, take only what matches GLOB (repeatable).
    ///
    /// A GLOB without a slash is matched against each component of a name, one with a slash against the whole name beneath
    /// the directory, and one that ends in a slash against directories only; what matches a directory matches everything in
    /// it. The wildcards are those of the shell; none matches a slash, but `**` matches any directories, and `{a,b}` either.
    "", "--include" = "GLOB";
    /// Beneath a directory, leave out what matches GLOB (repeatable).
    "", "--exclude" = "GLOB";
};

/// The globs of a command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlobArguments {
    /// Those of `--include`; without one everything is included.
    pub include: Vec<OsString>,
    /// Those of `--exclude`.
    pub exclude: Vec<OsString>,
}

impl GlobArguments {
    /// Takes the globs from the arguments. What is no glob is wrong use.
    pub fn take(arguments: &mut Arguments) -> Result<Self> {
        let (include, exclude) = (arguments.values("--include")?, arguments.values("--exclude")?);
        let taken = GlobArguments { include, exclude };
        taken.globs().map_err(|error| Error::usage(error.to_string()))?;
        Ok(taken)
    }

    /// Returns the globs, to match names in this process.
    pub fn globs(&self) -> Result<Globs> {
        Globs::new(bytes(&self.include), bytes(&self.exclude))
    }

    /// Returns only the globs that leave out: they decide whether something beneath a directory may be taken.
    pub fn excluded(&self) -> Result<Globs> {
        Globs::new([], bytes(&self.exclude))
    }

    /// Adds the globs to the query of a list or a search.
    pub fn add_to(&self, query: &mut Query) {
        self.include.iter().for_each(|glob| query.push("include", Some(glob.as_bytes())));
        self.exclude.iter().for_each(|glob| query.push("exclude", Some(glob.as_bytes())));
    }
}

fn bytes(texts: &[OsString]) -> impl Iterator<Item = &[u8]> {
    texts.iter().map(|text| text.as_bytes())
}
