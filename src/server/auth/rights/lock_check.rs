//! The locks of WebDAV clients as a condition of a write (RFC 4918 §7): its `If` header must hold, and it must name the
//! token of each lock on what it changes. The store can be written to only with a [`LockCheck`], which it calls under the lock
//! of the name.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::io;

use crate::error::{Error, Result};
use crate::http::if_header::{IfHeader, ResourceState};
use crate::server::auth::Principal;
use crate::server::auth::locks::{IfConditions, LockTable, WriteLock, WriteReach, WriteSection};
use crate::store::{Kind, Meta, Name, ReportProgress};

/// One write of a request, until it is done.
pub(super) struct LockCheck<'a> {
    locks: &'a LockTable,
    principal: &'a Principal,
    /// What the request says of locks and entity tags.
    conditions: Option<&'a IfConditions>,
    /// The resource of the request, to which a list without a tag applies.
    subject: &'a Name,
    /// The entity tags of the resources in the `If` header, read when the write began.
    tags: Vec<(Name, Option<String>)>,
    section: Cell<Option<WriteSection<'a>>>,
    /// The tokens of locks that end with the write: those of names that it removes.
    removed: RefCell<Vec<String>>,
    /// The token of a lock that the request itself has made.
    own: Option<&'a str>,
}

impl<'a> LockCheck<'a> {
    /// Makes the check of a write, before it begins; no name is locked yet. `tag_of` reads the entity tag of a name.
    pub fn new(
        locks: &'a LockTable,
        principal: &'a Principal,
        conditions: Option<&'a IfConditions>,
        subject: &'a Name,
        tag_of: impl Fn(&Name) -> Option<String>,
    ) -> Self {
        let resources = conditions.into_iter().flat_map(IfHeader::tagged_resources);
        let names = resources.filter_map(|resource| resource.map_or(Some(subject), Option::as_ref));
        let mut tags: Vec<(Name, Option<String>)> = Vec::new();
        for name in names {
            if !tags.iter().any(|(known, _)| known == name) {
                tags.push((name.clone(), tag_of(name)));
            }
        }
        let (section, removed) = (Cell::new(None), RefCell::default());
        LockCheck { locks, principal, conditions, subject, tags, section, removed, own: None }
    }

    /// Returns the same check with the token of a lock that the request itself has made.
    pub fn with_token(self, token: &'a str) -> Self {
        LockCheck { own: Some(token), ..self }
    }

    /// Checks a write to `name`, where `existing` is. `is_tree` tells that a directory with all in it comes or goes there.
    pub fn require_write(&self, name: &Name, existing: Option<&Meta>, is_tree: bool) -> Result<()> {
        self.begin(name, existing)?;
        self.require(name, WriteReach { changes_parent: existing.is_none(), is_deep: is_tree })?;
        if is_tree {
            let own = self.locks.tokens_at(name, false);
            let beneath = self.locks.tokens_at(name, true);
            self.removed.borrow_mut().extend(beneath.into_iter().filter(|token| !own.contains(token)));
        }
        Ok(())
    }

    /// Checks that a name can be added to its directory, whatever covers the name itself.
    pub fn require_new(&self, name: &Name) -> Result<()> {
        let parent =
            name.components().split_last().map(|(_, above)| Name::new(above.to_vec(), true)).transpose()?;
        let reach = WriteReach { changes_parent: false, is_deep: false };
        parent.map_or(Ok(()), |parent| self.require(&parent, reach))
    }

    /// Checks the removal of a name with all in it.
    pub fn require_removal(&self, name: &Name, existing: Option<&Meta>) -> Result<()> {
        self.begin(name, existing)?;
        self.require(name, WriteReach { changes_parent: true, is_deep: true })?;
        self.removed.borrow_mut().extend(self.locks.tokens_at(name, true));
        Ok(())
    }

    /// Checks the `If` header alone, for a method that changes no name.
    pub fn require_if(&self, name: &Name, existing: Option<&Meta>) -> Result<()> {
        let Some(conditions) = self.conditions else { return Ok(()) };
        let tag_of = |resource: &Name| match same(resource, name) {
            true => existing.map(|meta| meta.etag.as_str()),
            false => {
                let found = self.tags.iter().find(|(have, _)| same(have, resource));
                found.and_then(|(_, tag)| tag.as_deref())
            }
        };
        let matches = |resource: Option<&Option<Name>>, state: &ResourceState| {
            let Some(resource) = resource.map_or(Some(self.subject), Option::as_ref) else {
                return Ok(false);
            };
            Ok(match state {
                ResourceState::EntityTag(tag) => {
                    tag_of(resource).is_some_and(|have| have.as_bytes() == tag.as_slice())
                }
                ResourceState::Token(token) => self.locks.is_covered_with(resource, token),
            })
        };
        match conditions.is_satisfied(matches)? {
            true => Ok(()),
            false => Err(Error::precondition_failed(self.subject.shown(), "is not as If says")),
        }
    }

    /// Begins a section, unless one has begun: what was checked first, such as the source of a rename, must hold until the
    /// end too.
    fn begin(&self, name: &Name, existing: Option<&Meta>) -> Result<()> {
        let section = self.section.take().unwrap_or_else(|| self.locks.begin_write());
        self.section.set(Some(section));
        self.locks.catch_up()?;
        self.require_if(name, existing)
    }

    /// Returns whether the name is an empty file that the client holds with a lock of its own. A user without `replace` gets such a
    /// lock only by a LOCK that makes the file.
    pub fn is_unfilled(&self, name: &Name, existing: Option<&Meta>) -> bool {
        if !existing.is_some_and(|meta| meta.kind == Kind::File && meta.size == 0) {
            return false;
        }
        let is_submitted = self.is_submitted();
        self.locks.covering(name).iter().any(|lock| same(&lock.root, name) && is_submitted(lock))
    }

    fn require(&self, name: &Name, reach: WriteReach) -> Result<()> {
        self.locks.require_unlocked(name, reach, self.is_submitted())
    }

    /// Returns the check whether the client holds a lock, and the request has its token.
    fn is_submitted(&self) -> impl Fn(&WriteLock) -> bool {
        let mut tokens: HashSet<_> = self.conditions.into_iter().flat_map(IfHeader::tokens).collect();
        tokens.extend(self.own.map(str::as_bytes));
        let owner = self.principal.owner();
        move |lock| lock.principal == owner && tokens.contains(lock.token.as_bytes())
    }

    /// Wraps the progress function of a long write: while something is copied, or removed after its name has gone, no lock
    /// waits for it.
    pub fn pausing<'s>(&'s self, report: ReportProgress<'s>) -> impl Fn(u64, u64) -> io::Result<()> + 's {
        move |files, bytes| {
            self.section.set(None);
            report(files, bytes)
        }
    }

    /// Ends the write when it is done: the locks of names that it has removed end. Where that cannot be recorded, they end
    /// at their time.
    pub fn end(&self) {
        self.section.set(None);
        let _ = self.locks.release(&self.removed.take());
    }
}

/// Returns whether two names are of one resource: a final slash makes no difference.
fn same(one: &Name, other: &Name) -> bool {
    one.components() == other.components()
}
