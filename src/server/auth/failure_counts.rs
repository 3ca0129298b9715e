//! Counts failed logins by key: when the next attempt is allowed, and which keys are evicted when there are too many.
//! `login_throttle` defines the keys.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::server::limits::{
    FAILURE_PAUSE, FAILURE_PAUSE_MAX, FAILURE_WAIT_MAX, FAILURES_FORGOTTEN, FAILURES_FREE,
    FAILURES_FREE_OF_ALL,
};

/// How many different passwords may fail before they are guesses.
const GUESSES_FREE: usize = FAILURES_FREE as usize;

/// The failed logins of a bounded number of keys.
pub struct FailureCounts {
    pub(super) failures: HashMap<u64, Failures>,
    most: usize,
}

/// The failed logins of one key: how many, when the last one was, and until when the next attempt is refused.
pub(super) struct Failures {
    times: u32,
    last: Instant,
    until: Instant,
    /// The different passwords among them, up to one more than are free.
    guesses: Vec<u64>,
}

impl FailureCounts {
    /// Counts failures of at most `most` keys.
    pub fn of(most: usize) -> Self {
        FailureCounts { failures: HashMap::new(), most }
    }

    /// Returns the time until which the next attempt with this key has to wait.
    pub fn until(&self, key: u64) -> Option<Instant> {
        self.failures.get(&key).map(|failures| failures.until)
    }

    /// Returns whether more than a few different passwords failed: that is no program that repeats an old one.
    pub fn is_guessing(&self, key: u64, now: Instant) -> bool {
        let failures = self.failures.get(&key).filter(|failures| !failures.is_forgotten(now));
        failures.is_some_and(|failures| failures.guesses.len() > GUESSES_FREE)
    }

    /// Notes a password that failed, or was refused unchecked.
    pub fn note(&mut self, key: u64, guess: u64, now: Instant) {
        let guesses = &mut self.failures_of(key, now).guesses;
        if guesses.len() <= GUESSES_FREE && !guesses.contains(&guess) {
            guesses.push(guess);
        }
    }

    /// Returns the failures of a key as they count now.
    fn failures_of(&mut self, key: u64, now: Instant) -> &mut Failures {
        self.make_room(key, now);
        let none = || Failures { times: 0, last: now, until: now, guesses: Vec::new() };
        let failures = self.failures.entry(key).or_insert_with(none);
        if failures.is_forgotten(now) {
            *failures = none();
        }
        failures
    }

    /// Counts a failure. Each failure after the first `free` doubles the wait.
    pub fn count(&mut self, key: u64, free: u32, now: Instant) {
        let failures = self.failures_of(key, now);
        (failures.times, failures.last) = (failures.times.saturating_add(1), now);
        if let Some(over) = failures.times.checked_sub(free.saturating_add(1)) {
            failures.until = now + Duration::from_secs(1 << over.min(31)).min(FAILURE_WAIT_MAX);
        }
    }

    /// Delays the next attempt after many failures: the more failures, the longer.
    pub fn pause(&mut self, key: u64, now: Instant) {
        let Some(failures) = self.failures.get_mut(&key).filter(|failures| !failures.is_forgotten(now))
        else {
            return;
        };
        let pauses = failures.times / FAILURES_FREE_OF_ALL;
        if pauses > 0 {
            failures.until = now + (FAILURE_PAUSE * pauses).min(FAILURE_PAUSE_MAX);
        }
    }

    /// Evicts the keys without a recent failure; if that is not enough, the key with the fewest and then oldest
    /// failures. So a flood of new keys evicts only its own.
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
        now.saturating_duration_since(self.last.max(self.until)) >= FAILURES_FORGOTTEN
    }
}
