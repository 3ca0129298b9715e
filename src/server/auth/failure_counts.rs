//! How often logins failed, by key: when the next try is allowed, and which keys are forgotten when there are too many. What
//! a key stands for is the business of `login_throttle`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::server::limits::{
    WRONG_FORGOTTEN, WRONG_FREE_OF_ALL, WRONG_PAUSE, WRONG_PAUSE_MAX, WRONG_WAIT_MAX,
};

/// How often logins failed, for a bounded number of keys.
pub struct FailureCounts {
    failures: HashMap<u64, Failures>,
    most: usize,
}

/// How often logins failed, when last, and until when the next one is refused.
struct Failures {
    times: u32,
    last: Instant,
    until: Instant,
}

impl FailureCounts {
    /// Counts for at most so many keys.
    pub fn of(most: usize) -> Self {
        FailureCounts { failures: HashMap::new(), most }
    }

    /// Until when the next try with this key has to wait.
    pub fn until(&self, key: u64) -> Option<Instant> {
        self.failures.get(&key).map(|failures| failures.until)
    }

    /// Counts a failure. Each failure after the first `free` doubles the wait.
    pub fn count(&mut self, key: u64, free: u32, now: Instant) {
        self.make_room(key, now);
        let failures = self.failures.entry(key).or_insert(Failures { times: 0, last: now, until: now });
        if failures.is_forgotten(now) {
            failures.times = 0;
        }
        (failures.times, failures.last) = (failures.times.saturating_add(1), now);
        if let Some(over) = failures.times.checked_sub(free.saturating_add(1)) {
            failures.until = now + Duration::from_secs(1 << over.min(31)).min(WRONG_WAIT_MAX);
        }
    }

    /// Makes the next try wait for a pause where many failed: the more failures, the longer.
    pub fn pause(&mut self, key: u64, now: Instant) {
        let Some(failures) = self.failures.get_mut(&key).filter(|failures| !failures.is_forgotten(now))
        else {
            return;
        };
        let pauses = failures.times / WRONG_FREE_OF_ALL;
        if pauses > 0 {
            failures.until = now + (WRONG_PAUSE * pauses).min(WRONG_PAUSE_MAX);
        }
    }

    /// How many keys there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Forgets the keys without a recent failure, and if that is not enough, the one with the fewest failures, of those the
    /// oldest: a flood of new keys evicts itself.
    fn make_room(&mut self, key: u64, now: Instant) {
        if self.failures.len() < self.most || self.failures.contains_key(&key) {
            return;
        }
        self.failures.retain(|_, failures| !failures.is_forgotten(now));
        let fewest = self
            .failures
            .iter()
            .min_by_key(|(_, failures)| (failures.times, failures.last))
            .map(|(key, _)| *key);
        if let Some(fewest) = fewest.filter(|_| self.failures.len() >= self.most) {
            self.failures.remove(&fewest);
        }
    }
}

impl Failures {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last.max(self.until)) >= WRONG_FORGOTTEN
    }
}
