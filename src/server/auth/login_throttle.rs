//! The throttle of logins. Failures are counted by user name and address together: after a few, the next attempt for
//! this name from this address has to wait, longer each time, and is refused until then without a check of its
//! password. They are also counted by name alone and by address alone: after many, attempts are checked one after the
//! other, with a pause between. So guessing the password of a user locks nobody else out. It sees no passwords.
//!
//! A refused attempt holds no thread, and few attempts wait at a time.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::server::auth::failure_counts::FailureCounts;
use crate::server::limits::{
    FAILURES_FREE, FAILURES_FREE_OF_PREFIX, LOGINS_AT_ONCE, LOGINS_WAITING, LOGINS_WAITING_AT_USER,
    LOGINS_WAITING_FROM_NETWORK, WATCHED_MAX,
};

/// The keys by which an attempt is counted: hashes, so that memory does not depend on what a client sends.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// User name and network of the client's address, or the local user.
    pub pair: u64,
    /// User name and the address prefix that contains the network; the same as `pair` where there is no prefix.
    pub prefix_pair: u64,
    /// User name.
    pub user: u64,
    /// The address prefix.
    pub prefix: u64,
    /// User name and password.
    pub guess: u64,
    /// Whether the user exists. Unknown names are counted separately, so that they evict no existing user.
    pub is_user: bool,
}

/// Recent failures, the attempts being checked, and those that wait.
pub struct LoginThrottle {
    /// Failures of existing users.
    users: NameCounts,
    /// Failures of unknown names.
    unknown: NameCounts,
    /// Failures by address.
    prefixes: FailureCounts,
    /// Attempts being checked, by [`Keys::guess`].
    checking: HashSet<u64>,
    /// How many attempts wait: in all, and by user name and by prefix.
    waiting: usize,
    waiting_at: HashMap<u64, usize>,
}

/// Failures by user name.
struct NameCounts {
    /// By name and address.
    pairs: FailureCounts,
    /// By name.
    names: FailureCounts,
}

/// Whether the password of an attempt may be checked now.
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may be checked: [`LoginThrottle::end`] must follow.
    Now,
    /// Other attempts are being checked, or the same password is: it waits, then asks again.
    Later,
    /// Many attempts failed for this user or from this address: it waits until then, then asks again.
    At(Instant),
}

impl Default for LoginThrottle {
    fn default() -> Self {
        LoginThrottle {
            // The number of users is bounded by their file: none needs to be evicted.
            users: NameCounts { pairs: FailureCounts::of(WATCHED_MAX), names: FailureCounts::of(usize::MAX) },
            unknown: NameCounts {
                pairs: FailureCounts::of(WATCHED_MAX),
                names: FailureCounts::of(WATCHED_MAX),
            },
            prefixes: FailureCounts::of(WATCHED_MAX),
            checking: HashSet::new(),
            waiting: 0,
            waiting_at: HashMap::new(),
        }
    }
}

impl LoginThrottle {
    /// Admits an attempt. Errors have kind `Overloaded`: too many failed, or too many wait. One that is refused may be a guess too.
    pub fn begin(&mut self, keys: Keys, now: Instant) -> Result<Admission> {
        let admitted = self.admit(keys, now);
        if admitted.is_err() && keys.is_user {
            self.users.pairs.note(keys.pair, keys.guess, now);
        }
        admitted
    }

    fn admit(&mut self, keys: Keys, now: Instant) -> Result<Admission> {
        let NameCounts { pairs, names } = if keys.is_user { &self.users } else { &self.unknown };
        let too_many_failures = || Error::overloaded("login", "too many wrong passwords, try again later");
        if [keys.pair, keys.prefix_pair].iter().any(|key| pairs.until(*key) > Some(now)) {
            return Err(too_many_failures());
        }
        let slowed =
            names.until(keys.user).max(self.prefixes.until(keys.prefix)).filter(|until| *until > now);
        if let Some(until) = slowed {
            return if self.may_wait(keys) { Ok(Admission::At(until)) } else { Err(too_many_failures()) };
        }
        if self.checking.len() < LOGINS_AT_ONCE && self.checking.insert(keys.guess) {
            self.counts(keys).names.pause(keys.user, now);
            self.prefixes.pause(keys.prefix, now);
            return Ok(Admission::Now);
        }
        match self.may_wait(keys) {
            true => Ok(Admission::Later),
            false => Err(Error::overloaded("login", "too many passwords at once, try again later")),
        }
    }

    /// Returns whether passwords of this user are being guessed from this network.
    pub fn is_guessing(&self, keys: Keys, now: Instant) -> bool {
        self.users.pairs.is_guessing(keys.pair, now)
    }

    fn counts(&mut self, keys: Keys) -> &mut NameCounts {
        if keys.is_user { &mut self.users } else { &mut self.unknown }
    }

    fn may_wait(&self, keys: Keys) -> bool {
        let waiting = |key| self.waiting_at.get(&key).copied().unwrap_or_default();
        self.waiting < LOGINS_WAITING
            && waiting(keys.user) < LOGINS_WAITING_AT_USER
            && waiting(keys.prefix) < LOGINS_WAITING_FROM_NETWORK
    }

    /// Counts a thread that begins or ends its wait.
    pub fn wait(&mut self, keys: Keys, waits: bool) {
        let step = |count: usize| if waits { count + 1 } else { count.saturating_sub(1) };
        self.waiting = step(self.waiting);
        for key in [keys.user, keys.prefix] {
            let count = step(self.waiting_at.remove(&key).unwrap_or_default());
            if count > 0 {
                self.waiting_at.insert(key, count);
            }
        }
    }

    /// Ends the check of an attempt.
    pub fn end(&mut self, keys: Keys, is_right: bool, now: Instant) {
        self.checking.remove(&keys.guess);
        if is_right {
            return;
        }
        let counts = self.counts(keys);
        counts.pairs.note(keys.pair, keys.guess, now);
        counts.pairs.count(keys.pair, FAILURES_FREE, now);
        if keys.prefix_pair != keys.pair {
            counts.pairs.count(keys.prefix_pair, FAILURES_FREE_OF_PREFIX, now);
        }
        counts.names.count(keys.user, u32::MAX, now);
        self.prefixes.count(keys.prefix, u32::MAX, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;
    use crate::server::limits::{
        FAILURE_PAUSE_MAX, FAILURE_WAIT_MAX, FAILURES_FORGOTTEN, FAILURES_FREE_OF_ALL,
    };

    /// Returns the keys of a guess at a user from an address of IPv4.
    fn keys(source: u64, user: u64, guess: u64) -> Keys {
        // Keys are hashes: those of different things are never the same.
        let pair = 1_000_000 + 10_000 * user + source;
        Keys { pair, prefix_pair: pair, user, prefix: 500_000 + source, guess, is_user: true }
    }

    /// Returns the keys of an attempt from one network of a prefix.
    fn within(prefix: u64, network: u64, user: u64) -> Keys {
        let pair = 2_000_000_000 + 1_000_000 * prefix + network;
        Keys { pair, prefix_pair: 3_000_000_000 + prefix, ..keys(prefix, user, network) }
    }

    /// Fails `times` times, waiting as long as each time takes, and returns the time of the last failure.
    fn fail(throttle: &mut LoginThrottle, keys: Keys, times: u32, mut now: Instant) -> Instant {
        for _ in 0..times {
            loop {
                match throttle.begin(keys, now) {
                    Ok(Admission::Now) => break,
                    Ok(Admission::At(until)) => now = until,
                    _ => now += Duration::from_secs(1),
                }
            }
            throttle.end(keys, false, now);
        }
        now
    }

    #[test]
    fn each_wrong_guess_doubles_the_wait_up_to_a_limit_and_keeps_nobody_else_out() {
        let start = Instant::now();
        let waits = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        let (mut throttle, mut now) = (LoginThrottle::default(), start);
        now = fail(&mut throttle, keys(1, 1, 1), FAILURES_FREE - 2, now);
        for wait in waits {
            now = fail(&mut throttle, keys(1, 1, 1), 1, now);
            let until = now + Duration::from_secs(wait);
            assert_eq!(throttle.begin(keys(1, 1, 2), until).unwrap(), Admission::Now, "{wait}");
            throttle.end(keys(1, 1, 2), true, until);
            if let Some(early) = until.checked_sub(Duration::from_millis(1)).filter(|early| *early > now) {
                assert_eq!(
                    throttle.begin(keys(1, 1, 2), early).unwrap_err().kind(),
                    ErrorKind::Overloaded,
                    "{wait}"
                );
            }
        }
        for other in [keys(2, 1, 2), keys(1, 2, 3)] {
            assert_eq!(
                throttle.begin(other, now).unwrap(),
                Admission::Now,
                "another address, and another user"
            );
            throttle.end(other, true, now);
        }
    }

    #[test]
    fn a_user_who_is_guessed_at_from_everywhere_waits_for_a_pause_and_is_not_shut_out() {
        let (mut throttle, mut now) = (LoginThrottle::default(), Instant::now());
        for source in 0..u64::from(FAILURES_FREE_OF_ALL) {
            now = fail(&mut throttle, keys(source, 7, source), 1, now);
        }
        for source in 100..2000 {
            now = fail(&mut throttle, keys(source, 7, source), 1, now);
        }
        let Admission::At(until) = throttle.begin(keys(9000, 7, 9000), now).unwrap() else {
            panic!("no pause")
        };
        assert_eq!(until - now, FAILURE_PAUSE_MAX);
        assert_eq!(throttle.begin(keys(9000, 7, 9000), until).unwrap(), Admission::Now);
        assert_eq!(
            throttle.begin(keys(9001, 8, 9001), now).unwrap(),
            Admission::Now,
            "another user does not wait"
        );
        // The pause begins with the attempt: simultaneous ones do not bypass it.
        assert!(matches!(throttle.begin(keys(9002, 7, 9002), until).unwrap(), Admission::At(_)));
    }

    #[test]
    fn the_networks_of_one_prefix_are_counted_together() {
        let (mut throttle, now) = (LoginThrottle::default(), Instant::now());
        let looked_at = (0..65_536).filter(|network| {
            let keys = within(1, *network, 7);
            let turn = throttle.begin(keys, now);
            turn.is_ok_and(|turn| turn == Admission::Now).then(|| throttle.end(keys, false, now)).is_some()
        });
        assert_eq!(looked_at.count(), FAILURES_FREE_OF_PREFIX as usize + 1);
        assert_eq!(throttle.begin(within(2, 1, 7), now).unwrap(), Admission::Now, "another prefix");
    }

    #[test]
    fn who_was_quiet_for_long_begins_anew() {
        let mut throttle = LoginThrottle::default();
        let now = fail(&mut throttle, keys(1, 1, 1), FAILURES_FREE + 9, Instant::now());
        let later = fail(&mut throttle, keys(1, 1, 1), 1, now + FAILURE_WAIT_MAX + FAILURES_FORGOTTEN);
        assert!(throttle.begin(keys(1, 1, 1), later).is_ok());
    }

    #[test]
    fn a_guess_waits_for_its_turn_and_few_wait_of_one_network_and_at_one_user() {
        let (mut throttle, now) = (LoginThrottle::default(), Instant::now());
        for guess in 1..=LOGINS_AT_ONCE as u64 {
            assert_eq!(throttle.begin(keys(guess, guess, guess), now).unwrap(), Admission::Now);
        }
        assert_eq!(
            throttle.begin(keys(2, 1, 1), now).unwrap(),
            Admission::Later,
            "the same guess is looked at once"
        );
        let mut fill = |of: &dyn Fn(u64) -> Keys, most: usize| {
            let all: Vec<_> = (0..most as u64).map(of).collect();
            for keys in &all {
                assert_eq!(throttle.begin(*keys, now).unwrap(), Admission::Later);
                throttle.wait(*keys, true);
            }
            assert_eq!(throttle.begin(of(most as u64), now).unwrap_err().kind(), ErrorKind::Overloaded);
            all.iter().for_each(|keys| throttle.wait(*keys, false));
        };
        fill(&|user| keys(50, 100 + user, 1000 + user), LOGINS_WAITING_FROM_NETWORK);
        fill(&|source| keys(100 + source, 50, 1000 + source), LOGINS_WAITING_AT_USER);
        fill(&|each| keys(100 + each, 100 + each, 1000 + each), LOGINS_WAITING);
        throttle.end(keys(1, 1, 1), true, now);
        assert_eq!(throttle.begin(keys(9, 9, 9), now).unwrap(), Admission::Now);
        assert!(throttle.waiting_at.is_empty());
    }

    #[test]
    fn a_flood_of_made_up_names_takes_bounded_room_and_resets_no_count() {
        let start = Instant::now();
        let mut throttle = LoginThrottle::default();
        let now = fail(&mut throttle, keys(1, 1, 1), FAILURES_FREE, start);
        let flood = |throttle: &mut LoginThrottle, is_user: bool, times: u32, now: Instant| {
            for other in 2..2 * WATCHED_MAX as u64 {
                fail(throttle, Keys { is_user, ..keys(other, other, other) }, times, now);
            }
        };
        flood(&mut throttle, false, 2, now);
        flood(&mut throttle, true, 1, now);
        let LoginThrottle { users, unknown, prefixes, .. } = &throttle;
        for table in [&users.pairs, &unknown.pairs, &unknown.names, prefixes] {
            assert_eq!(table.failures.len(), WATCHED_MAX);
        }
        let now = fail(&mut throttle, keys(1, 1, 1), 1, now);
        assert!(throttle.begin(keys(1, 1, 5), now).is_err(), "the one past the free ones");
    }
}
