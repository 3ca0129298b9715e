//! LOCK and UNLOCK, with the rights of a write: who may not change a name may not keep others from it. A lock on a directory
//! keeps others from changing what is in it, so that whoever may only create there gets none.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::server::auth::locks::{LockExclusion, LockTable, WriteLock};
use crate::server::auth::rights::lock_check::LockCheck;
use crate::server::auth::rights::reader::Reader;
use crate::server::auth::rights::write_right::with_right;
use crate::server::auth::rights::writer::Writer;
use crate::server::auth::{AuthorizedStore, Verb};
use crate::store::{Check, Kind, Meta, Name};

/// The rights of which any lock needs one.
const LOCKS: [Verb; 3] = [Verb::Create, Verb::Replace, Verb::Delete];
/// The rights of which a lock on a directory needs one.
const LOCKS_DIRECTORY: [Verb; 2] = [Verb::Replace, Verb::Delete];

/// The lock that a client asks for.
pub struct WantedLock {
    /// Whether other locks are excluded.
    pub exclusion: LockExclusion,
    /// Whether everything beneath a directory is locked with it.
    pub is_deep: bool,
    /// What the client says of who holds it.
    pub owner: Vec<u8>,
    /// For how long.
    pub time: Option<Duration>,
}

/// What became of a LOCK.
pub enum LockOutcome {
    /// The name is locked; `is_created` where an empty file was made there.
    Granted { lock: WriteLock, is_created: bool },
    /// A lock on this name excludes it.
    Conflict(Name),
}

impl Reader<'_> {
    /// Returns the table of locks as it is now. Whoever may list a name may know the locks that cover it.
    pub fn locks(self) -> Result<Arc<LockTable>> {
        let locks = &self.authorized().locks;
        locks.catch_up().map(|()| Arc::clone(locks))
    }
}

impl Writer<'_> {
    /// Locks a name. A file needs `replace`, a directory `replace` or `delete`, with all in it for everything in it. Where
    /// nothing exists there, makes an empty file (RFC 4918 §9.10.4), which needs `create`. `precondition` must hold of what
    /// exists.
    pub fn lock(&self, name: &Name, wanted: WantedLock, precondition: Check<'_>) -> Result<LockOutcome> {
        let store = self.0;
        store.locks.catch_up()?;
        store.require_any(&LOCKS, name, false)?;
        let existing = self.existing(name)?;
        let is_directory = existing.as_ref().is_some_and(|meta| meta.kind == Kind::Directory);
        let check = store.lock_check(name);
        self.require_lock(&check, name, existing.as_ref(), wanted.is_deep)?;
        check.require_if(name, existing.as_ref())?;
        precondition(existing.as_ref())?;
        let root = if is_directory { name.as_directory() } else { name.clone() };
        let kind = (wanted.exclusion, wanted.is_deep);
        let lock = WriteLock::new(root.clone(), kind, wanted.owner, store.principal.owner(), wanted.time);
        if existing.is_none() {
            check.require_new(name)?;
        }
        if let Some(other) = store.locks.grant(&lock)? {
            let is_known = store.may_any(&[Verb::List, Verb::Read], &other.root, false);
            return Ok(LockOutcome::Conflict(if is_known { other.root } else { root }));
        }
        if existing.is_some() {
            return Ok(LockOutcome::Granted { lock, is_created: false });
        }
        match make_empty(store, name, &lock) {
            Ok(()) => Ok(LockOutcome::Granted { lock, is_created: true }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Ok(LockOutcome::Granted { lock, is_created: false })
            }
            Err(error) => {
                // Where this fails too, the lock ends at its time.
                let _ = store.locks.release(&[lock.token]);
                Err(error)
            }
        }
    }

    /// Checks the rights that a lock on what exists needs. A file that a lock has made, and that is still empty, needs only
    /// `create`.
    fn require_lock(
        &self,
        check: &LockCheck<'_>,
        name: &Name,
        existing: Option<&Meta>,
        is_deep: bool,
    ) -> Result<()> {
        let store = self.0;
        match existing {
            Some(meta) if meta.kind == Kind::Directory => {
                store.require_any(&LOCKS_DIRECTORY, &name.as_directory(), is_deep)
            }
            Some(_) if check.is_unfilled(name, existing) => {
                store.require_any(&[Verb::Create, Verb::Replace], name, false)
            }
            Some(_) => store.require(Verb::Replace, name, false),
            None => store.require(Verb::Create, name, false),
        }
    }

    /// Looks up what is to be locked; an error where neither something exists nor a file can.
    fn existing(&self, name: &Name) -> Result<Option<Meta>> {
        match self.0.store.meta(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => match name.is_directory() {
                true => Err(Error::conflict(name.shown(), "is not a directory: MKCOL makes one")),
                false => Ok(None),
            },
            found => found.map(Some),
        }
    }

    /// Begins the time of a lock again, whose token is in the `If` header and which covers the name.
    pub fn refresh_lock(&self, name: &Name, time: Option<Duration>) -> Result<WriteLock> {
        let store = self.0;
        store.locks.catch_up()?;
        let Some(conditions) = &store.conditions else {
            return Err(Error::invalid("body", "is missing: a new lock needs one, and a refresh needs If"));
        };
        store.require_any(&LOCKS, name, false)?;
        let (check, existing) = (store.lock_check(name), store.store.meta(name).ok());
        self.require_lock(&check, name, existing.as_ref(), false)?;
        check.require_if(name, existing.as_ref())?;
        let tokens: Vec<_> = conditions.tokens().collect();
        let owner = store.principal.owner();
        let is_own = |lock: &WriteLock| tokens.contains(&lock.token.as_bytes()) && lock.principal == owner;
        let covering = store.locks.covering(name);
        let refreshed =
            covering.iter().find(|lock| is_own(lock)).map(|lock| store.locks.refresh(&lock.token, time));
        let gone = || Error::precondition_failed(name.shown(), "is not locked with a token in If");
        refreshed.transpose()?.flatten().ok_or_else(gone)
    }

    /// Removes the lock of this token, which covers the name. Whoever has the lock needs no right for it.
    pub fn unlock(&self, name: &Name, token: &[u8]) -> Result<()> {
        let store = self.0;
        store.locks.catch_up()?;
        let owner = store.principal.owner();
        let covering = store.locks.covering(name);
        let found = covering.into_iter().find(|lock| lock.token.as_bytes() == token);
        if found.as_ref().is_none_or(|lock| lock.principal != owner) {
            store.require_any(&LOCKS, name, false)?;
        }
        store.lock_check(name).require_if(name, store.store.meta(name).ok().as_ref())?;
        match found {
            None => Err(Error::conflict(name.shown(), "is not locked with this token")),
            Some(lock) if lock.principal != owner => {
                Err(Error::forbidden(name.shown(), "is locked by another user"))
            }
            Some(lock) => store.locks.release(&[lock.token]),
        }
    }
}

/// Makes an empty file under a name that is locked with this lock.
fn make_empty(store: &AuthorizedStore, name: &Name, lock: &WriteLock) -> Result<()> {
    let locks = store.lock_check(name).with_token(&lock.token);
    let is_free = |existing: Option<&Meta>| match existing {
        None => Ok(()),
        Some(_) => Err(Error::already_exists(name.shown(), "exists already")),
    };
    let check = with_right(store, name, &locks, &is_free);
    store.store.writable(&locks).create(name, Some(0), &check)?.commit(None, &check).map(drop)
}
