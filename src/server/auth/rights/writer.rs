//! Writing, as far as `create`, `replace` and `delete` go. Its functions are those of
//! [`Store`](crate::store::Store). What stands under a name decides whether a write is `create` or `replace`, and is
//! judged again under the lock of the name, in the moment it changes hands.

use std::cell::Cell;
use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::server::auth::access::Verb;
use crate::server::auth::rights::partial::GuardedPartial;
use crate::server::auth::rights::{Processor, Reader, View};
use crate::store::{Check, Draft, Kind, Meta, Name, Partial, Spool, Written};

/// What a write may turn out to be.
const WRITES: [Verb; 2] = [Verb::Create, Verb::Replace];

/// A view that writes.
pub struct Writer<'a>(pub(crate) &'a View);

impl<'a> Writer<'a> {
    /// The same view, for reading.
    pub fn reader(&self) -> Reader<'a> {
        self.0.reader()
    }

    /// See [`View::processor`].
    pub fn processor(&self, name: &Name) -> Result<Processor<'a>> {
        self.0.processor(name)
    }

    /// What stands under a name that is to be written; needs `create` where nothing does, else `replace`.
    pub fn standing(&self, name: &Name) -> Result<Option<Meta>> {
        self.require(name)?;
        let standing = self.0.store.meta(name).ok();
        self.0.require_place(name, false, standing.as_ref())?;
        Ok(standing)
    }

    /// A new content for a name; needs `create` or `replace`.
    pub fn create(&self, name: &Name, size: Option<u64>) -> Result<Box<dyn Draft + 'a>> {
        self.require(name)?;
        let draft = self.0.store.create(name, size)?;
        Ok(Box::new(Guarded { draft, view: self.0, name: name.clone() }))
    }

    /// See [`Store::create_partial`](crate::store::Store::create_partial); needs `create` or `replace`.
    pub fn create_partial(
        &self,
        name: &Name,
        size: Option<u64>,
        note: &[u8],
    ) -> Result<Option<Box<dyn Partial + 'a>>> {
        self.require(name)?;
        let partial = self.0.store.create_partial(name, size, note)?;
        partial.map(|partial| self.admit(partial)).transpose()
    }

    /// An upload that may be gone on with; needs `create` or `replace`.
    pub(crate) fn admit(&self, partial: Box<dyn Partial + 'a>) -> Result<Box<dyn Partial + 'a>> {
        self.require(partial.name())?;
        Ok(Box::new(GuardedPartial { partial, view: self.0 }))
    }

    /// Whether a write to a name may be begun: whether that would be `create` or `replace` is not known yet.
    pub fn require(&self, name: &Name) -> Result<()> {
        self.0.require_any(&WRITES, name, false)
    }

    /// The way from one name to another by a copy; needs `read` of the source, for a directory with all in it also
    /// `list`, and `create` or `replace` of the target.
    pub fn copying<'n>(&'n self, from: &'n Name, to: &'n Name) -> Result<Passage<'n>> {
        Passage::open(self.0, &[Verb::Read], from, to)
    }

    /// The same by a rename; needs `delete` of the source besides.
    pub fn moving<'n>(&'n self, from: &'n Name, to: &'n Name) -> Result<Passage<'n>> {
        Passage::open(self.0, &[Verb::Read, Verb::Delete], from, to)
    }

    /// Deletes; needs `delete`, of a directory with all in it. See [`Store::delete`](crate::store::Store::delete).
    pub fn delete(&self, name: &Name, check: Check<'_>) -> Result<Option<Error>> {
        self.0.require(Verb::Delete, name, name.is_directory())?;
        self.0.store.delete(name, check)
    }

    /// Makes a directory; needs `create`. `check` is asked about what stands there before.
    pub fn make_directory(&self, name: &Name, check: Check<'_>) -> Result<()> {
        self.0.require(Verb::Create, &name.as_directory(), false)?;
        check(self.0.store.meta(name).ok().as_ref())?;
        self.0.store.make_directory(name)
    }

    /// An empty file without a name.
    pub fn spool(&self) -> io::Result<Spool> {
        self.0.store.spool()
    }
}

/// The proof that something may go from one name to another, before anything was looked at.
pub struct Passage<'a> {
    view: &'a View,
    /// What is needed of the source.
    verbs: &'static [Verb],
    from: &'a Name,
    to: &'a Name,
}

impl<'a> Passage<'a> {
    fn open(view: &'a View, verbs: &'static [Verb], from: &'a Name, to: &'a Name) -> Result<Self> {
        let tree = from.is_directory();
        view.require_source(verbs, from, tree)?;
        view.require_any(&WRITES, to, tree)?;
        Ok(Passage { view, verbs, from, to })
    }

    /// What stands at the source.
    pub fn source(&self) -> Result<Meta> {
        self.view.store.meta(self.from)
    }

    /// See [`Store::copy`](crate::store::Store::copy).
    pub fn copy(&self, source: Check<'_>, target: Check<'_>) -> Result<Written> {
        let tree = self.from.is_directory();
        let target = |at: Option<&Meta>| self.view.require_place(self.to, tree, at).and_then(|()| target(at));
        self.view.store.copy(self.from, self.to, source, &target)
    }

    /// See [`Store::rename`](crate::store::Store::rename). A directory goes with all in it, whether it was named with
    /// its slash or not.
    pub fn rename(&self, source: Check<'_>, target: Check<'_>) -> Result<Written> {
        let tree = Cell::new(self.from.is_directory());
        let source = |at: Option<&Meta>| {
            tree.set(at.is_some_and(|meta| meta.kind == Kind::Directory));
            self.view.require_source(self.verbs, self.from, tree.get()).and_then(|()| source(at))
        };
        let target =
            |at: Option<&Meta>| self.view.require_place(self.to, tree.get(), at).and_then(|()| target(at));
        self.view.store.rename(self.from, self.to, &source, &target)
    }
}

/// A draft that asks for the right once more when it takes its name.
struct Guarded<'a> {
    draft: Box<dyn Draft + 'a>,
    view: &'a View,
    name: Name,
}

impl Write for Guarded<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.draft.write(block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

impl Draft for Guarded<'_> {
    fn set_digest(&mut self, digest: [u8; 32]) {
        self.draft.set_digest(digest);
    }

    fn set_modified(&mut self, seconds: i64) {
        self.draft.set_modified(seconds);
    }

    fn commit(self: Box<Self>, check: Check<'_>) -> Result<Written> {
        let Guarded { draft, view, name } = *self;
        draft.commit(&|at| view.require_place(&name, false, at).and_then(|()| check(at)))
    }
}
