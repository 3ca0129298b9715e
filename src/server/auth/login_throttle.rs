//! What a wrong password costs. Wrong ones are counted by name and address together: past some the next guess at this name
//! from this address has to wait, longer each time, and until then it is refused and not looked at. They are also
//! counted by name alone and by address alone: past many the guesses there are looked at one after the other, with a
//! pause between. So whoever guesses at a user keeps nobody else out. What a password is it does not know.
//!
//! A refused guess holds no thread; few guesses wait for their turn at a time.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::server::auth::wrong_counts::Table;
use crate::server::limits::{
    LOGINS_AT_ONCE, LOGINS_WAITING, LOGINS_WAITING_AT_USER, LOGINS_WAITING_FROM_NETWORK, WATCHED_MAX,
    WRONG_FREE, WRONG_FREE_OF_PREFIX,
};

/// Where a guess comes from, and at whom it is made: hashes, so that what a client sends takes no room here.
#[derive(Clone, Copy, Debug)]
pub struct Marks {
    /// Of the name together with the network of the address it comes from, or the local user.
    pub pair: u64,
    /// Of the name together with the prefix that the network is one of many in; the same where it is in none.
    pub prefix_pair: u64,
    /// Of the name.
    pub user: u64,
    /// Of that prefix.
    pub prefix: u64,
    /// Of name and password.
    pub guess: u64,
    /// Whether there is such a user. Made-up names take no room from those of users.
    pub is_user: bool,
}

/// Wrong passwords of late, and those that are being looked at.
pub struct Guesses {
    /// At users.
    users: Counts,
    /// At made-up names.
    strangers: Counts,
    /// By address.
    prefixes: Table,
    looked_at: HashSet<u64>,
    /// Those that wait: all of them, and by name and address.
    waiting: usize,
    waiting_at: HashMap<u64, usize>,
}

/// Wrong passwords at names.
struct Counts {
    /// By name and address.
    pairs: Table,
    /// By name.
    names: Table,
}

/// What a guess has to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is looked at: [`Guesses::end`] is to follow.
    Now,
    /// Others are looked at, or the same guess is: it waits, and then asks again.
    Later,
    /// Many were wrong at this user or from this address: it waits until then, and asks again.
    At(Instant),
}

impl Default for Guesses {
    fn default() -> Self {
        Guesses {
            // There are only so many users: none of them is forgotten too early.
            users: Counts { pairs: Table::of(WATCHED_MAX), names: Table::of(usize::MAX) },
            strangers: Counts { pairs: Table::of(WATCHED_MAX), names: Table::of(WATCHED_MAX) },
            prefixes: Table::of(WATCHED_MAX),
            looked_at: HashSet::new(),
            waiting: 0,
            waiting_at: HashMap::new(),
        }
    }
}

impl Guesses {
    /// Asks for a turn. Errors have status 503: too many were wrong, or too many wait.
    pub fn begin(&mut self, marks: Marks, now: Instant) -> Result<Turn> {
        let Counts { pairs, names } = if marks.is_user { &self.users } else { &self.strangers };
        let too_many_wrong = || Error::status(503, "login", "too many wrong passwords, try again later");
        if [marks.pair, marks.prefix_pair].iter().any(|mark| pairs.until(*mark) > Some(now)) {
            return Err(too_many_wrong());
        }
        let slowed =
            names.until(marks.user).max(self.prefixes.until(marks.prefix)).filter(|until| *until > now);
        if let Some(until) = slowed {
            return if self.may_wait(marks) { Ok(Turn::At(until)) } else { Err(too_many_wrong()) };
        }
        if self.looked_at.len() < LOGINS_AT_ONCE && self.looked_at.insert(marks.guess) {
            self.counts(marks).names.pause(marks.user, now);
            self.prefixes.pause(marks.prefix, now);
            return Ok(Turn::Now);
        }
        match self.may_wait(marks) {
            true => Ok(Turn::Later),
            false => Err(Error::status(503, "login", "too many passwords at once, try again later")),
        }
    }

    fn counts(&mut self, marks: Marks) -> &mut Counts {
        if marks.is_user { &mut self.users } else { &mut self.strangers }
    }

    fn may_wait(&self, marks: Marks) -> bool {
        let waiting = |mark| self.waiting_at.get(&mark).copied().unwrap_or_default();
        self.waiting < LOGINS_WAITING
            && waiting(marks.user) < LOGINS_WAITING_AT_USER
            && waiting(marks.prefix) < LOGINS_WAITING_FROM_NETWORK
    }

    /// Notes that a thread waits for its turn, or does no more.
    pub fn wait(&mut self, marks: Marks, waits: bool) {
        let step = |count: usize| if waits { count + 1 } else { count.saturating_sub(1) };
        self.waiting = step(self.waiting);
        for mark in [marks.user, marks.prefix] {
            let count = step(self.waiting_at.remove(&mark).unwrap_or_default());
            if count > 0 {
                self.waiting_at.insert(mark, count);
            }
        }
    }

    /// Ends a turn.
    pub fn end(&mut self, marks: Marks, is_right: bool, now: Instant) {
        self.looked_at.remove(&marks.guess);
        if is_right {
            return;
        }
        let counts = self.counts(marks);
        counts.pairs.note(marks.pair, WRONG_FREE, now);
        if marks.prefix_pair != marks.pair {
            counts.pairs.note(marks.prefix_pair, WRONG_FREE_OF_PREFIX, now);
        }
        counts.names.note(marks.user, u32::MAX, now);
        self.prefixes.note(marks.prefix, u32::MAX, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::limits::{WRONG_FORGOTTEN, WRONG_FREE_OF_ALL, WRONG_PAUSE_MAX, WRONG_WAIT_MAX};

    /// A guess at a user from an address of IPv4.
    fn marks(origin: u64, user: u64, guess: u64) -> Marks {
        // Marks are hashes: those of different things are never the same.
        let pair = 1_000_000 + 10_000 * user + origin;
        Marks { pair, prefix_pair: pair, user, prefix: 500_000 + origin, guess, is_user: true }
    }

    /// The same from one network of a prefix.
    fn within(prefix: u64, network: u64, user: u64) -> Marks {
        let pair = 2_000_000_000 + 1_000_000 * prefix + network;
        Marks { pair, prefix_pair: 3_000_000_000 + prefix, ..marks(prefix, user, network) }
    }

    /// Is wrong so many times, waiting as long as it takes, and says when that was.
    fn be_wrong(guesses: &mut Guesses, marks: Marks, times: u32, mut now: Instant) -> Instant {
        for _ in 0..times {
            loop {
                match guesses.begin(marks, now) {
                    Ok(Turn::Now) => break,
                    Ok(Turn::At(until)) => now = until,
                    _ => now += Duration::from_secs(1),
                }
            }
            guesses.end(marks, false, now);
        }
        now
    }

    #[test]
    fn each_wrong_guess_doubles_the_wait_up_to_a_limit_and_keeps_nobody_else_out() {
        let start = Instant::now();
        let waits = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        let (mut guesses, mut now) = (Guesses::default(), start);
        now = be_wrong(&mut guesses, marks(1, 1, 1), WRONG_FREE - 2, now);
        for wait in waits {
            now = be_wrong(&mut guesses, marks(1, 1, 1), 1, now);
            let until = now + Duration::from_secs(wait);
            assert_eq!(guesses.begin(marks(1, 1, 2), until).unwrap(), Turn::Now, "{wait}");
            guesses.end(marks(1, 1, 2), true, until);
            if let Some(early) = until.checked_sub(Duration::from_millis(1)).filter(|early| *early > now) {
                assert_eq!(guesses.begin(marks(1, 1, 2), early).unwrap_err().http_status(), 503, "{wait}");
            }
        }
        for other in [marks(2, 1, 2), marks(1, 2, 3)] {
            assert_eq!(guesses.begin(other, now).unwrap(), Turn::Now, "another address, and another user");
            guesses.end(other, true, now);
        }
    }

    #[test]
    fn a_user_who_is_guessed_at_from_everywhere_waits_for_a_pause_and_is_not_shut_out() {
        let (mut guesses, mut now) = (Guesses::default(), Instant::now());
        for origin in 0..u64::from(WRONG_FREE_OF_ALL) {
            now = be_wrong(&mut guesses, marks(origin, 7, origin), 1, now);
        }
        for origin in 100..2000 {
            now = be_wrong(&mut guesses, marks(origin, 7, origin), 1, now);
        }
        let Turn::At(until) = guesses.begin(marks(9000, 7, 9000), now).unwrap() else { panic!("no pause") };
        assert_eq!(until - now, WRONG_PAUSE_MAX);
        assert_eq!(guesses.begin(marks(9000, 7, 9000), until).unwrap(), Turn::Now);
        assert_eq!(
            guesses.begin(marks(9001, 8, 9001), now).unwrap(),
            Turn::Now,
            "another user does not wait"
        );
        // The pause begins with the guess: those that come at once do not slip through.
        assert!(matches!(guesses.begin(marks(9002, 7, 9002), until).unwrap(), Turn::At(_)));
    }

    #[test]
    fn the_networks_of_one_prefix_are_counted_together() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        let looked_at = (0..65_536).filter(|network| {
            let marks = within(1, *network, 7);
            let turn = guesses.begin(marks, now);
            turn.is_ok_and(|turn| turn == Turn::Now).then(|| guesses.end(marks, false, now)).is_some()
        });
        assert_eq!(looked_at.count(), WRONG_FREE_OF_PREFIX as usize + 1);
        assert_eq!(guesses.begin(within(2, 1, 7), now).unwrap(), Turn::Now, "another prefix");
    }

    #[test]
    fn who_was_quiet_for_long_begins_anew() {
        let mut guesses = Guesses::default();
        let now = be_wrong(&mut guesses, marks(1, 1, 1), WRONG_FREE + 9, Instant::now());
        let later = be_wrong(&mut guesses, marks(1, 1, 1), 1, now + WRONG_WAIT_MAX + WRONG_FORGOTTEN);
        assert!(guesses.begin(marks(1, 1, 1), later).is_ok());
    }

    #[test]
    fn a_guess_waits_for_its_turn_and_few_wait_of_one_network_and_at_one_user() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for guess in 1..=LOGINS_AT_ONCE as u64 {
            assert_eq!(guesses.begin(marks(guess, guess, guess), now).unwrap(), Turn::Now);
        }
        assert_eq!(
            guesses.begin(marks(2, 1, 1), now).unwrap(),
            Turn::Later,
            "the same guess is looked at once"
        );
        let mut fill = |of: &dyn Fn(u64) -> Marks, most: usize| {
            let all: Vec<_> = (0..most as u64).map(of).collect();
            for marks in &all {
                assert_eq!(guesses.begin(*marks, now).unwrap(), Turn::Later);
                guesses.wait(*marks, true);
            }
            assert_eq!(guesses.begin(of(most as u64), now).unwrap_err().http_status(), 503);
            all.iter().for_each(|marks| guesses.wait(*marks, false));
        };
        fill(&|user| marks(50, 100 + user, 1000 + user), LOGINS_WAITING_FROM_NETWORK);
        fill(&|origin| marks(100 + origin, 50, 1000 + origin), LOGINS_WAITING_AT_USER);
        fill(&|each| marks(100 + each, 100 + each, 1000 + each), LOGINS_WAITING);
        guesses.end(marks(1, 1, 1), true, now);
        assert_eq!(guesses.begin(marks(9, 9, 9), now).unwrap(), Turn::Now);
        assert!(guesses.waiting_at.is_empty());
    }

    #[test]
    fn a_flood_of_made_up_names_takes_bounded_room_and_resets_no_count() {
        let start = Instant::now();
        let mut guesses = Guesses::default();
        let now = be_wrong(&mut guesses, marks(1, 1, 1), WRONG_FREE, start);
        let flood = |guesses: &mut Guesses, is_user: bool, times: u32, now: Instant| {
            for other in 2..2 * WATCHED_MAX as u64 {
                be_wrong(guesses, Marks { is_user, ..marks(other, other, other) }, times, now);
            }
        };
        flood(&mut guesses, false, 2, now);
        flood(&mut guesses, true, 1, now);
        let Guesses { users, strangers, prefixes, .. } = &guesses;
        for table in [&users.pairs, &strangers.pairs, &strangers.names, prefixes] {
            assert_eq!(table.len(), WATCHED_MAX);
        }
        let now = be_wrong(&mut guesses, marks(1, 1, 1), 1, now);
        assert!(guesses.begin(marks(1, 1, 5), now).is_err(), "the one past the free ones");
    }
}
