//! Locks on names: a write locks its name from the check of what exists there until the rename. They exclude the
//! threads of one daemon only; against races with other programs a write uses the flags of `renameat2`.

use std::collections::HashSet;

use parking_lot::{Condvar, Mutex};

use super::EntryKey;

/// The names that are locked now.
#[derive(Default)]
pub(super) struct Locks {
    held: Mutex<HashSet<EntryKey>>,
    freed: Condvar,
}

/// Keeps names locked until it is dropped.
pub(super) struct NameGuard<'a> {
    locks: &'a Locks,
    keys: Vec<EntryKey>,
}

impl Locks {
    /// Waits until none of the names is locked, then locks all of them in one step, so that no two threads deadlock.
    pub fn hold(&self, keys: Vec<EntryKey>) -> NameGuard<'_> {
        let taken = |held: &mut HashSet<EntryKey>| keys.iter().any(|key| held.contains(key));
        let mut held = self.held.lock();
        self.freed.wait_while(&mut held, taken);
        held.extend(keys.iter().cloned());
        drop(held);
        NameGuard { locks: self, keys }
    }
}

impl Drop for NameGuard<'_> {
    fn drop(&mut self) {
        let mut held = self.locks.held.lock();
        for key in &self.keys {
            held.remove(key);
        }
        drop(held);
        self.locks.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    use super::*;

    fn key(last: &str) -> EntryKey {
        ((1, 2), last.into())
    }

    #[test]
    fn a_name_is_held_by_one_at_a_time_and_pairs_do_not_lock_each_other_out() {
        let locks = Locks::default();
        let inside = Mutex::new(());
        thread::scope(|scope| {
            for pair in [["a", "b"], ["b", "a"], ["b", "b"], ["a", "a"]] {
                let (locks, inside) = (&locks, &inside);
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let held = locks.hold(pair.map(key).to_vec());
                        if pair.contains(&"b") {
                            drop(inside.try_lock().unwrap());
                        }
                        drop(held);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_gives_the_name_back() {
        let locks = Locks::default();
        let held = || {
            let _held = locks.hold(vec![key("a")]);
            panic!("on purpose");
        };
        assert!(catch_unwind(AssertUnwindSafe(held)).is_err());
        drop(locks.hold(vec![key("a")]));
    }
}
