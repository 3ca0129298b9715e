//! The gate: it owns the store and the policy, and returns the store only as an [`AuthorizedStore`] of the request's
//! principal.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::{Error, Result};
use crate::server::auth::locks::{IfConditions, LockTable};
use crate::server::auth::rights::stored::Stored;
use crate::server::auth::{AuthorizedStore, Policy, Principal, Users};
use crate::store::{Store, Upkeep};

/// The gate before a store.
pub struct Gate {
    current: RwLock<Current>,
}

/// The store and the policy: a request keeps the pair it began with, also when a reload replaces it.
#[derive(Clone)]
pub struct Current {
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    locks: Arc<LockTable>,
}

impl Current {
    /// Returns the users who have a password.
    pub fn users(&self) -> Option<&Users> {
        self.policy.users.as_ref()
    }

    /// Returns the store as this principal may use it, with the `If` header of the request.
    pub fn authorize(self, principal: Principal, conditions: Option<IfConditions>) -> AuthorizedStore {
        let Current { store, policy, locks } = self;
        AuthorizedStore { store: Stored::new(store), policy, principal, locks, conditions }
    }
}

impl Gate {
    /// Makes a gate before `store`.
    pub fn new(store: Arc<dyn Store>, policy: Policy) -> Self {
        let locks = lock_table(&policy, &store);
        Gate { current: RwLock::new(Current { store, policy: Arc::new(policy), locks }) }
    }

    /// Reads the locks of WebDAV clients that an earlier daemon has recorded. A damaged record is a usage error: only the admin
    /// can help.
    pub fn load_locks(&self) -> Result<()> {
        self.current().locks.load().map_err(|error| match error {
            Error::Failed { .. } => Error::usage(error.to_string()),
            error => error,
        })
    }

    /// Removes the expired locks of WebDAV clients, and returns their number.
    pub fn expire_locks(&self) -> Result<u64> {
        let Current { policy, locks, .. } = self.current();
        if policy.read_only { Ok(0) } else { locks.expire() }
    }

    /// Returns whether the server is read-only.
    pub fn is_read_only(&self) -> bool {
        self.current().policy.read_only
    }

    /// Reads the configured files again; nothing changes until [`Gate::swap`].
    pub fn reopened(&self) -> Result<Policy> {
        self.current().policy.reopened()
    }

    /// Replaces the policy, and the store where one is given, for later requests. Nothing is replaced where the locks of
    /// that store cannot be read.
    pub fn swap(&self, policy: Policy, store: Option<Arc<dyn Store>>) -> Result<()> {
        let locks = store.as_ref().map(|store| lock_table(&policy, store));
        locks.as_ref().map_or(Ok(()), |locks| locks.load())?;
        let mut current = self.current.write();
        current.policy = Arc::new(policy);
        if let (Some(store), Some(locks)) = (store, locks) {
            (current.store, current.locks) = (store, locks);
        }
        Ok(())
    }

    /// Returns the upkeep of the current store, which gives no access to its files.
    pub fn upkeep(&self) -> Arc<dyn Upkeep> {
        self.current().store
    }

    /// Returns what a request begins with.
    pub fn current(&self) -> Current {
        self.current.read().clone()
    }
}

fn lock_table(policy: &Policy, store: &Arc<dyn Store>) -> Arc<LockTable> {
    let store = Arc::clone(store);
    Arc::new(if policy.read_only { LockTable::unused(store) } else { LockTable::new(store) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::server::auth::access::parse_name;
    use crate::server::auth::policy::PolicyFiles;
    use crate::store::{Local, Meta, Name};
    use std::fs;

    /// Makes a gate with these rules before a store with the directories `d` and `n`, a file in each, and one file at the
    /// root.
    fn gate(rules: &str) -> (tempfile::TempDir, Gate) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        for directory in ["d", "n"] {
            fs::create_dir_all(root.join(directory)).unwrap();
            fs::write(root.join(directory).join("of"), directory).unwrap();
        }
        fs::write(root.join("f"), "file").unwrap();
        fs::write(folder.path().join("rules"), rules).unwrap();
        let files = PolicyFiles { users: None, access: Some(folder.path().join("rules")) };
        let store = Arc::new(Local::open(&root).unwrap().without_sync());
        (folder, Gate::new(store, Policy::read(files, false).unwrap()))
    }

    fn named(name: &str) -> Name {
        parse_name(name.as_bytes()).unwrap()
    }

    fn unwatched(_: u64, _: u64) -> std::io::Result<()> {
        Ok(())
    }

    #[test]
    fn what_is_put_in_place_of_a_tree_needs_rights_to_all_that_goes_and_comes() {
        let rows = [
            ("", "/n/", "/d/", true),
            ("deny process * /d/of", "/n/", "/d/", true),
            ("deny replace * /d/of", "/n/", "/d/", false),
            ("deny delete * /d/none", "/n/", "/d/", false),
            ("deny create * /d/none", "/n/", "/d/", false),
            ("deny create * /d/none", "/n/of", "/d/of", true),
            ("deny list * /n/none", "/n/", "/d/", false),
            ("deny read * /n/of", "/n/", "/d/", false),
            ("deny create * /f/none", "/n/", "/f", false),
            ("deny delete * /f/none", "/n/", "/f", true),
            ("deny create * /new/none", "/n/", "/new", false),
            ("deny delete * /new/none", "/n/", "/new", true),
        ];
        for (rule, from, to, may) in rows {
            for moves in [false, true] {
                let (folder, gate) = gate(&format!("{rule}\nallow all * /\n"));
                let store = gate.current().authorize(Principal::default(), None);
                let (from, to) = (named(from), named(to));
                let writer = store.writer(&to).unwrap();
                let any = |_: Option<&Meta>| Ok(());
                let done = match moves {
                    true => writer
                        .authorize_move(&from, &to)
                        .and_then(|transfer| transfer.rename(&any, &any, &unwatched)),
                    false => writer
                        .authorize_copy(&from, &to)
                        .and_then(|transfer| transfer.copy(&any, &any, &unwatched)),
                };
                let kind = done.err().map(|error| error.kind());
                assert_eq!(kind, (!may).then_some(ErrorKind::Forbidden), "{rule}, moves: {moves}");
                let kept = fs::read(folder.path().join("root/d/of")).unwrap() == b"d";
                assert!(may || kept, "{rule}, moves: {moves}");
            }
        }
    }

    #[test]
    fn a_rename_without_the_slash_is_no_way_around_what_is_denied_beneath() {
        let (folder, gate) = gate("deny delete * /n/of\nallow all * /\n");
        let store = gate.current().authorize(Principal::default(), None);
        let (from, to) = (named("/n"), named("/m"));
        let writer = store.writer(&from).unwrap();
        let any = |_: Option<&Meta>| Ok(());
        let moved =
            writer.authorize_move(&from, &to).and_then(|transfer| transfer.rename(&any, &any, &unwatched));
        assert_eq!(moved.unwrap_err().kind(), ErrorKind::Forbidden);
        assert!(writer.delete(&named("/n/"), &any, &unwatched).is_err());
        assert!(folder.path().join("root/n/of").exists());
    }
}
