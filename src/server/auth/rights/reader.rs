//! Reading, as far as `list` and `read` go. Its functions are those of [`Store`](crate::store::Store).

use std::io;

use crate::error::{Error, Result};
use crate::server::auth::access::Verb;
use crate::server::auth::rights::View;
use crate::store::{Content, Entries, Kind, Meta, Name, Spool};

/// A view that reads.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub(crate) &'a View);

impl<'a> Reader<'a> {
    /// A content; needs `read`. Who may only list is told where it is a directory, which a list tells too.
    pub fn open(self, name: &Name) -> Result<Box<dyn Content>> {
        match self.0.require(Verb::Read, name, false) {
            Ok(()) => self.0.store.open(name),
            Err(_) if self.lists(&name.as_directory()) => {
                Err(Error::status(409, name.shown(), "is a directory"))
            }
            Err(refused) => Err(refused),
        }
    }

    /// Whether this is a directory whose list may be asked for.
    fn lists(self, name: &Name) -> bool {
        let is_directory = |meta: Meta| meta.kind == Kind::Directory;
        self.may_list(name) && self.0.store.meta(name).is_ok_and(is_directory)
    }

    fn may_list(self, name: &Name) -> bool {
        let Reader(view) = self;
        view.may(Verb::List, name, false) || view.policy.access.way(&view.who, Verb::List, name).is_some()
    }

    /// What is in a directory; needs `list`, there or of something beneath. What may not be listed is not there.
    pub fn list(self, name: &Name, recursive: bool) -> Result<Entries<'a>> {
        let view = self.0;
        if !self.may_list(name) {
            return Err(view.refusal(&[Verb::List], name, false));
        }
        Ok(only(view.store.list(name, recursive)?, view, Verb::List, name))
    }

    /// All beneath a directory that may be both listed and read.
    pub fn list_readable(self, name: &Name) -> Result<Entries<'a>> {
        Ok(only(self.list(name, true)?, self.0, Verb::Read, name))
    }

    /// An empty file without a name.
    pub fn spool(self) -> io::Result<Spool> {
        self.0.store.spool()
    }
}

/// The entries of a directory for which the view has a right, or which lead to such.
fn only<'a>(entries: Entries<'a>, view: &'a View, verb: Verb, directory: &Name) -> Entries<'a> {
    if view.may(verb, directory, true) {
        return entries;
    }
    let directory = directory.clone();
    let shows = move |entry: &Result<_>| match entry {
        Ok(entry) => view.shows(verb, &directory, entry),
        Err(_) => true,
    };
    Box::new(entries.filter(shows))
}
