//! The store as one principal may use it. Each right is checked before the store is read, so that a refusal does not
//! reveal whether a file exists. `reader`, `writer` and `transfer` define which operation needs which rights.

use std::sync::Arc;

use crate::error::{Error, Result, shown};
use crate::server::auth::access::local_name;
use crate::server::auth::locks::{IfConditions, LockTable};
use crate::server::auth::rights::lock_check::LockCheck;
use crate::server::auth::rights::stored::Stored;
use crate::server::auth::{Policy, Principal, Verb};
use crate::store::{Entry, Kind, Name};

/// The rights of which a write needs one.
pub(super) const WRITES: [Verb; 2] = [Verb::Create, Verb::Replace];

/// The rights each of which lets a principal know whether a name has an entity tag.
const TELLING: [Verb; 4] = [Verb::List, Verb::Read, Verb::Replace, Verb::Delete];

/// The store as one principal may use it, for one request.
pub struct AuthorizedStore {
    pub(super) store: Stored,
    pub(super) policy: Arc<Policy>,
    pub(super) principal: Principal,
    /// The locks of WebDAV clients.
    pub(super) locks: Arc<LockTable>,
    /// What the request says of locks and entity tags.
    pub(super) conditions: Option<IfConditions>,
}

/// How much of a directory a right covers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Coverage {
    /// It and everything beneath it.
    All,
    /// It, or something beneath it.
    Part,
    /// Neither.
    Nothing,
}

impl AuthorizedStore {
    /// Returns the principal that makes the request.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Returns the check of the locks on what a write changes, before it begins; `subject` is the resource of the request.
    /// `If` tells nothing of a file that the principal may neither see nor change: it is as if nothing were there.
    pub(super) fn lock_check<'a>(&'a self, subject: &'a Name) -> LockCheck<'a> {
        let tag_of = |name: &Name| match self.may_any(&TELLING, name, false) {
            true => self.store.meta(name).ok().map(|meta| meta.etag),
            false => None,
        };
        LockCheck::new(&self.locks, &self.principal, self.conditions.as_ref(), subject, tag_of)
    }

    /// Returns the principal's name as in a rule. With `local` also that of a peer on a Unix socket, which takes a look-up in
    /// the user database.
    pub fn user_name(&self, local: bool) -> Option<Vec<u8>> {
        let peer = || self.principal.local.filter(|_| local).map(local_name);
        self.principal.user.clone().or_else(peer)
    }

    /// Checks that a body may be sent to `name` through a filter; needs `process`.
    pub fn require_process(&self, name: &Name) -> Result<()> {
        self.require(Verb::Process, name, false)
    }

    /// Checks that one of the daemon's own resources, beneath `/.cfpd/`, may be read; needs `read`.
    pub fn require_internal(&self, below: &[u8]) -> Result<()> {
        self.require(Verb::Read, &Name::internal(below), false)
    }

    /// Returns whether the rules allow it; with `tree`, also of everything beneath.
    pub(super) fn may(&self, verb: Verb, name: &Name, tree: bool) -> bool {
        let access = &self.policy.access;
        let rule = match tree {
            true => access.decide_tree(&self.principal, verb, name),
            false => access.decide(&self.principal, verb, name),
        };
        rule.is_some_and(|rule| rule.allows)
    }

    /// Returns whether the rules allow one of the verbs.
    pub(super) fn may_any(&self, verbs: &[Verb], name: &Name, tree: bool) -> bool {
        verbs.iter().any(|verb| self.may(*verb, name, tree))
    }

    /// Returns how much of a directory the rules allow.
    pub(super) fn coverage(&self, verb: Verb, directory: &Name) -> Coverage {
        if self.may(verb, directory, true) {
            Coverage::All
        } else if self.may(verb, directory, false) || self.allows_beneath(verb, directory) {
            Coverage::Part
        } else {
            Coverage::Nothing
        }
    }

    pub(super) fn require(&self, verb: Verb, name: &Name, tree: bool) -> Result<()> {
        self.require_any(&[verb], name, tree)
    }

    pub(super) fn require_any(&self, verbs: &[Verb], name: &Name, tree: bool) -> Result<()> {
        match self.may_any(verbs, name, tree) {
            true => Ok(()),
            false => Err(self.refusal(verbs, name, tree)),
        }
    }

    /// Returns the error of a missing right: `Unauthenticated` where a password could help and none was sent, else `Forbidden`.
    pub(super) fn refusal(&self, verbs: &[Verb], name: &Name, tree: bool) -> Error {
        let verbs = verbs.iter().map(|verb| verb.name()).collect::<Vec<_>>().join(" or ");
        let it = if tree { "it with all in it" } else { "it" };
        match (&self.principal.user, &self.policy.users) {
            (None, Some(_)) => Error::unauthenticated(name.shown(), format!("log in to {verbs} {it}")),
            (Some(user), _) => {
                Error::forbidden(name.shown(), format!("{} may not {verbs} {it}", shown(user)))
            }
            (None, None) => Error::forbidden(name.shown(), format!("you may not {verbs} {it}")),
        }
    }

    /// Checks `verbs` for the source of a copy or rename, and that a write to the target may begin.
    pub(super) fn require_transfer(&self, verbs: &[Verb], from: &Name, to: &Name) -> Result<()> {
        let tree = from.is_directory();
        self.require_source(verbs, from, tree)?;
        self.require_any(&WRITES, to, tree)
    }

    /// Checks `verbs` for the source of a copy or rename; a directory with everything beneath it also needs `list`.
    pub(super) fn require_source(&self, verbs: &[Verb], name: &Name, tree: bool) -> Result<()> {
        let listed: &[Verb] = if tree { &[Verb::List] } else { &[] };
        verbs.iter().chain(listed).try_for_each(|verb| self.require(*verb, name, tree))
    }

    /// Returns whether an entry of a list may be shown: a directory also where something beneath it may.
    pub(super) fn shows(&self, verb: Verb, directory: &Name, entry: &Entry) -> bool {
        let is_directory = entry.kind == Kind::Directory;
        let name = directory.join(&entry.name, is_directory);
        self.may(verb, &name, false) || (is_directory && self.allows_beneath(verb, &name))
    }

    /// Returns whether the rules allow something beneath a directory.
    pub(super) fn allows_beneath(&self, verb: Verb, directory: &Name) -> bool {
        self.policy.access.rule_beneath(&self.principal, verb, directory).is_some()
    }
}
