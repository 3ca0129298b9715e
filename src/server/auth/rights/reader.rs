//! Reading, with the rights `list` and `read`. The functions are those of [`Store`](crate::store::Store).

use crate::error::{Error, Result};
use crate::server::auth::rights::authorized_store::Coverage;
use crate::server::auth::{AuthorizedStore, Verb};
use crate::store::{Content, Detail, DiskSpace, Entries, Kind, Meta, Name};

/// The store for reading.
#[derive(Clone, Copy)]
pub struct Reader<'a>(&'a AuthorizedStore);

impl AuthorizedStore {
    /// Returns the store for reading.
    pub fn reader(&self) -> Reader<'_> {
        Reader(self)
    }
}

impl<'a> Reader<'a> {
    /// Returns the store itself, for the other files of this folder.
    pub(super) fn authorized(self) -> &'a AuthorizedStore {
        self.0
    }

    /// Opens a file; needs `read`. With `list` alone the error tells whether it is a directory, as a list would.
    pub fn open(self, name: &Name) -> Result<Box<dyn Content>> {
        let Err(refused) = self.0.require(Verb::Read, name, false) else { return self.0.store.open(name) };
        let directory = name.as_directory();
        let is_directory = |meta: Meta| meta.kind == Kind::Directory;
        match self.may_list(&directory) && self.0.store.meta(&directory).is_ok_and(is_directory) {
            true => Err(Error::is_directory(name.shown(), "is a directory")),
            false => Err(refused),
        }
    }

    /// Returns whether this directory, or something beneath it, may be listed.
    fn may_list(self, name: &Name) -> bool {
        self.0.coverage(Verb::List, name) != Coverage::Nothing
    }

    /// Lists a directory; needs `list` for it or for something beneath. Entries that may not be listed are omitted.
    pub fn list(self, name: &Name, recursive: bool, detail: Detail) -> Result<Entries<'a>> {
        self.entries(&[Verb::List], name, recursive, detail)
    }

    /// Returns the metadata of a name, as a list would; needs `list`, for a directory also where it is only for something
    /// beneath it.
    pub fn describe(self, name: &Name) -> Result<Meta> {
        let (may, may_beneath) = (self.0.may(Verb::List, name, false), self.may_list(&name.as_directory()));
        let refused = || self.0.refusal(&[Verb::List], name, false);
        if !may && !may_beneath {
            return Err(refused());
        }
        match self.0.store.meta(name) {
            Ok(meta) if meta.kind == Kind::Directory && may_beneath => Ok(meta),
            found if may => found,
            _ => Err(refused()),
        }
    }

    /// Returns the properties of a name, after [`Reader::describe`] has returned its metadata.
    pub fn properties(self, name: &Name) -> Result<Vec<u8>> {
        self.describe(name)?;
        self.0.store.properties(name)
    }

    /// Returns the disk space beneath a directory; needs `list` for it or for something beneath.
    pub fn disk_space(self, directory: &Name) -> Result<Option<DiskSpace>> {
        match self.may_list(directory) {
            true => self.0.store.disk_space(directory),
            false => Err(self.0.refusal(&[Verb::List], directory, false)),
        }
    }

    /// Returns the metadata of an entry of a list; none where it is no longer there, or may not be listed.
    pub fn listed(self, directory: &Name, entry: &[u8], is_directory: bool) -> Option<Meta> {
        let name = directory.join(entry, is_directory);
        let is_shown = self.0.may(Verb::List, &name, false) || (is_directory && self.may_list(&name));
        if is_shown { self.0.store.meta(&name).ok() } else { None }
    }

    /// Lists the names of everything beneath a directory that may be both listed and read.
    pub fn list_readable(self, name: &Name) -> Result<Entries<'a>> {
        self.entries(&[Verb::List, Verb::Read], name, true, Detail::Names)
    }

    /// Lists the entries that all of these rights cover, and directories beneath which each covers something.
    fn entries(self, verbs: &[Verb], name: &Name, recursive: bool, detail: Detail) -> Result<Entries<'a>> {
        let store = self.0;
        let mut partial = Vec::new();
        for &verb in verbs {
            match store.coverage(verb, name) {
                Coverage::Nothing if verb == Verb::List => {
                    return Err(store.refusal(&[verb], name, false));
                }
                Coverage::Nothing | Coverage::Part => partial.push(verb),
                Coverage::All => {}
            }
        }
        let entries = store.store.list(name, recursive, detail)?;
        if partial.is_empty() {
            return Ok(entries);
        }
        let directory = name.clone();
        Ok(Box::new(entries.filter(move |entry| match entry {
            Ok(entry) => partial.iter().all(|verb| store.shows(*verb, &directory, entry)),
            Err(_) => true,
        })))
    }
}
