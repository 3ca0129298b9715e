//! A set of locks by the names that were locked: which ones cover a name, and which are beneath it. A lock that has ended
//! is in it until it is purged, and is not found.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use super::WriteLock;
use crate::server::auth::Principal;

/// Locks by the components of their roots. In this order, everything beneath a name follows it.
#[derive(Clone, Debug, Default)]
pub(super) struct LockSet(BTreeMap<Vec<Vec<u8>>, Vec<WriteLock>>);

impl LockSet {
    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all locks.
    pub fn iter(&self) -> impl Iterator<Item = &WriteLock> {
        self.0.values().flatten()
    }

    /// Returns the number of locks, and of those that this principal has made.
    pub fn count(&self, principal: &Principal) -> (usize, usize) {
        (self.iter().count(), self.iter().filter(|lock| lock.principal == *principal).count())
    }

    /// Returns the locks on this name and the deep ones on a directory above it.
    pub fn covering(&self, name: &[Vec<u8>], now: SystemTime) -> impl Iterator<Item = &WriteLock> {
        let above = (0..=name.len()).filter_map(|length| name.get(..length));
        let locks = above.filter_map(|above| self.0.get(above)).flatten();
        let length = name.len();
        locks
            .filter(move |lock| lock.is_deep || lock.root.components().len() == length)
            .filter(unexpired(now))
    }

    /// Returns the locks on names beneath this one.
    pub fn beneath(&self, name: &[Vec<u8>], now: SystemTime) -> impl Iterator<Item = &WriteLock> {
        let after = self.0.range::<[Vec<u8>], _>((Bound::Excluded(name), Bound::Unbounded));
        let beneath = after.take_while(move |(root, _)| root.starts_with(name));
        beneath.flat_map(|(_, locks)| locks).filter(unexpired(now))
    }

    /// Returns a lock that excludes this one.
    pub fn conflict(&self, wanted: &WriteLock, now: SystemTime) -> Option<&WriteLock> {
        let name = wanted.root.components();
        let beneath = wanted.is_deep.then(|| self.beneath(name, now)).into_iter().flatten();
        self.covering(name, now).chain(beneath).find(|lock| lock.excludes(wanted))
    }

    /// Adds a lock.
    pub fn insert(&mut self, lock: WriteLock) {
        self.0.entry(lock.root.components().to_vec()).or_default().push(lock);
    }

    /// Calls `change` with the lock of this token, and returns it.
    pub fn change(&mut self, token: &str, change: impl FnOnce(&mut WriteLock)) -> Option<WriteLock> {
        let lock = self.0.values_mut().flatten().find(|lock| lock.token == token)?;
        change(lock);
        Some(lock.clone())
    }

    /// Removes all locks for which `goes` holds, and returns how many those are.
    pub fn remove(&mut self, goes: impl Fn(&WriteLock) -> bool) -> u64 {
        let mut removed = 0;
        self.0.retain(|_, locks| {
            let before = locks.len();
            locks.retain(|lock| !goes(lock));
            removed += (before - locks.len()) as u64;
            !locks.is_empty()
        });
        removed
    }

    /// Removes the locks that have ended, and returns how many those are.
    pub fn purge(&mut self, now: SystemTime) -> u64 {
        self.remove(|lock| lock.time_left(now).is_none())
    }
}

fn unexpired<'l>(now: SystemTime) -> impl Fn(&&'l WriteLock) -> bool {
    move |lock| lock.time_left(now).is_some()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::LockExclusion::{Exclusive, Shared};
    use super::*;
    use crate::store::Name;

    fn name(path: &str) -> Vec<Vec<u8>> {
        path.split('/').filter(|part| !part.is_empty()).map(Into::into).collect()
    }

    fn lock(path: &str, exclusion: super::super::LockExclusion, is_deep: bool) -> WriteLock {
        let root = Name::new(name(path), false).unwrap();
        WriteLock::new(root, (exclusion, is_deep), Vec::new(), Principal::default(), None)
    }

    fn set(locks: &[WriteLock]) -> LockSet {
        let mut set = LockSet::default();
        locks.iter().for_each(|lock| set.insert(lock.clone()));
        set
    }

    #[test]
    fn a_deep_lock_covers_what_is_beneath_and_a_flat_one_its_name() {
        let rows = [
            ("/d", true, "/d", 1, 0),
            ("/d", true, "/d/e/f", 1, 0),
            ("/d", false, "/d/e", 0, 0),
            ("/d", true, "/da", 0, 0),
            ("/d/e", true, "/d", 0, 1),
            ("/d/e", false, "/", 0, 1),
            ("/", true, "/x", 1, 0),
            ("/da", true, "/d", 0, 0),
        ];
        for (root, is_deep, asked, covering, beneath) in rows {
            let set = set(&[lock(root, Exclusive, is_deep)]);
            let (asked, now) = (name(asked), SystemTime::now());
            assert_eq!(set.covering(&asked, now).count(), covering, "{root} {asked:?}");
            assert_eq!(set.beneath(&asked, now).count(), beneath, "{root} {asked:?}");
            let later = now + Duration::from_secs(1 << 20);
            assert_eq!(set.covering(&asked, later).count() + set.beneath(&asked, later).count(), 0);
        }
    }

    #[test]
    fn only_shared_locks_are_on_one_name_together() {
        let rows = [
            (("/f", Exclusive, false), ("/f", Exclusive, false), true),
            (("/f", Exclusive, false), ("/f", Shared, false), true),
            (("/f", Shared, false), ("/f", Exclusive, false), true),
            (("/f", Shared, false), ("/f", Shared, false), false),
            (("/d", Exclusive, true), ("/d/f", Shared, false), true),
            (("/d", Exclusive, false), ("/d/f", Exclusive, false), false),
            (("/d/f", Exclusive, false), ("/d", Shared, true), true),
            (("/d/f", Exclusive, false), ("/d", Exclusive, false), false),
            (("/d/f", Exclusive, false), ("/e", Exclusive, true), false),
        ];
        for (have, wanted, conflicts) in rows {
            let made = |(root, exclusion, is_deep)| lock(root, exclusion, is_deep);
            let found = set(&[made(have)]).conflict(&made(wanted), SystemTime::now()).is_some();
            assert_eq!(found, conflicts, "{have:?} {wanted:?}");
        }
    }

    #[test]
    fn what_has_ended_is_purged_and_what_is_removed_is_gone() {
        let locks = [lock("/a", Shared, false), lock("/a", Shared, false), lock("/b", Shared, false)];
        let mut set = set(&locks);
        assert_eq!(set.purge(SystemTime::now()), 0);
        assert_eq!(set.remove(|lock| lock.token == locks[0].token), 1);
        assert_eq!((set.count(&Principal::default()), set.is_empty()), ((2, 2), false));
        assert_eq!(set.purge(SystemTime::now() + Duration::from_secs(1 << 20)), 2);
        assert!(set.is_empty());
    }
}
