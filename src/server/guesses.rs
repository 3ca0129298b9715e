//! What a wrong password costs whoever sent it: his next one has to wait, longer each time, and until then it is not
//! even looked at. It owns who has to wait and whose turn it is; what a password is it does not know.
//!
//! Nobody is made to wait in here by what others sent: a guess that comes too early is told so at once, so that
//! slowing an attacker down holds none of our threads. Only the few that wait for a turn to be hashed do.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::limits::{
    LOGINS_AT_ONCE, LOGINS_WAITING, WATCHED_MAX, WRONG_FORGOTTEN, WRONG_FREE, WRONG_FREE_OF_USER,
    WRONG_WAIT_MAX,
};
use crate::error::{Error, Result};

/// Where a guess comes from, and at whom it is made: hashes, so that what a client sends takes no room here.
#[derive(Clone, Copy)]
pub struct Marks {
    /// Of the address or the local user it comes from.
    pub origin: u64,
    /// Of the name it is made at, whether there is such a user or not.
    pub user: u64,
    /// Of name and password.
    pub guess: u64,
}

/// Wrong passwords of late, and those that are being looked at.
#[derive(Default)]
pub struct Guesses {
    wrong: HashMap<u64, Wrong>,
    looked_at: HashSet<u64>,
    waiting: usize,
}

/// How often somebody was wrong, and until when he has to wait.
struct Wrong {
    times: u32,
    until: Instant,
}

/// What a guess has to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is looked at: [`Guesses::end`] is to follow.
    Now,
    /// Others are looked at, or the same guess is: it waits, and then asks again.
    Later,
}

impl Guesses {
    /// Asks for a turn. Errors have status 503: too many were wrong, or too many wait.
    pub fn begin(&mut self, marks: Marks, now: Instant) -> Result<Turn> {
        let waits = |mark| self.wrong.get(&mark).is_some_and(|wrong| now < wrong.until);
        if waits(marks.origin) || waits(marks.user) {
            return Err(Error::status(503, "login", "too many wrong passwords, try again later"));
        }
        if self.looked_at.len() < LOGINS_AT_ONCE && self.looked_at.insert(marks.guess) {
            return Ok(Turn::Now);
        }
        match self.waiting < LOGINS_WAITING {
            true => Ok(Turn::Later),
            false => Err(Error::status(503, "login", "too many passwords at once, try again later")),
        }
    }

    /// Notes that a thread waits for its turn, or does no more.
    pub fn wait(&mut self, waits: bool) {
        self.waiting = if waits { self.waiting + 1 } else { self.waiting.saturating_sub(1) };
    }

    /// Ends a turn.
    pub fn end(&mut self, marks: Marks, is_right: bool, now: Instant) {
        self.looked_at.remove(&marks.guess);
        if !is_right {
            self.note(marks.origin, WRONG_FREE, now);
            self.note(marks.user, WRONG_FREE_OF_USER, now);
        }
    }

    /// Notes one more wrong guess; after the free ones each doubles the time to wait.
    fn note(&mut self, mark: u64, free: u32, now: Instant) {
        self.make_room(mark, now);
        let wrong = self.wrong.entry(mark).or_insert(Wrong { times: 0, until: now });
        if is_forgotten(wrong, now) {
            wrong.times = 0;
        }
        wrong.times = wrong.times.saturating_add(1);
        let wait = match wrong.times.checked_sub(free + 1) {
            Some(over) => Duration::from_secs(1 << over.min(31)).min(WRONG_WAIT_MAX),
            None => Duration::ZERO,
        };
        wrong.until = now + wait;
    }

    /// Forgets who has long been quiet, and if that is not enough, who may try again the soonest.
    fn make_room(&mut self, mark: u64, now: Instant) {
        if self.wrong.len() < WATCHED_MAX || self.wrong.contains_key(&mark) {
            return;
        }
        self.wrong.retain(|_, wrong| !is_forgotten(wrong, now));
        let soonest = self.wrong.iter().min_by_key(|(_, wrong)| wrong.until).map(|(mark, _)| *mark);
        if let Some(soonest) = soonest.filter(|_| self.wrong.len() >= WATCHED_MAX) {
            self.wrong.remove(&soonest);
        }
    }
}

fn is_forgotten(wrong: &Wrong, now: Instant) -> bool {
    now.saturating_duration_since(wrong.until) >= WRONG_FORGOTTEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(origin: u64, user: u64, guess: u64) -> Marks {
        // Marks are hashes: those of origins and users are never the same.
        Marks { origin, user: user + 1_000_000, guess }
    }

    /// Is wrong so many times, waiting as long as it takes, and says when that was.
    fn be_wrong(guesses: &mut Guesses, marks: Marks, times: u32, mut now: Instant) -> Instant {
        for _ in 0..times {
            while guesses.begin(marks, now).is_err() {
                now += Duration::from_secs(1);
            }
            guesses.end(marks, false, now);
        }
        now
    }

    #[test]
    fn each_wrong_guess_doubles_the_wait_up_to_a_limit() {
        let start = Instant::now();
        let waits = [0, 0, 1, 2, 4, 8, 16, 32, 60, 60];
        let (mut guesses, mut now) = (Guesses::default(), start);
        now = be_wrong(&mut guesses, marks(1, 1, 1), WRONG_FREE - 2, now);
        for wait in waits {
            now = be_wrong(&mut guesses, marks(1, 1, 1), 1, now);
            let until = now + Duration::from_secs(wait);
            assert_eq!(guesses.begin(marks(1, 2, 2), until).unwrap(), Turn::Now, "{wait}");
            guesses.end(marks(1, 2, 2), true, until);
            if let Some(early) = until.checked_sub(Duration::from_millis(1)).filter(|early| *early > now) {
                assert_eq!(guesses.begin(marks(1, 2, 2), early).unwrap_err().http_status(), 503, "{wait}");
            }
        }
        assert_eq!(guesses.begin(marks(2, 2, 2), now).unwrap(), Turn::Now, "another address does not wait");
    }

    #[test]
    fn a_user_who_is_guessed_at_from_everywhere_is_guarded_too() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        for origin in 0..=u64::from(WRONG_FREE_OF_USER) {
            be_wrong(&mut guesses, marks(origin, 7, origin), 1, now);
        }
        assert!(guesses.begin(marks(500, 7, 500), now).is_err());
        assert!(guesses.begin(marks(500, 8, 500), now).is_ok());
    }

    #[test]
    fn who_was_quiet_for_long_begins_anew() {
        let mut guesses = Guesses::default();
        let now = be_wrong(&mut guesses, marks(1, 1, 1), WRONG_FREE + 9, Instant::now());
        let later = be_wrong(&mut guesses, marks(1, 1, 1), 1, now + WRONG_WAIT_MAX + WRONG_FORGOTTEN);
        assert!(guesses.begin(marks(1, 1, 1), later).is_ok());
    }

    #[test]
    fn a_guess_waits_for_its_turn_and_few_wait() {
        let (mut guesses, now) = (Guesses::default(), Instant::now());
        assert_eq!(guesses.begin(marks(1, 1, 1), now).unwrap(), Turn::Now);
        assert_eq!(
            guesses.begin(marks(2, 1, 1), now).unwrap(),
            Turn::Later,
            "the same guess is looked at once"
        );
        for guess in 2..=LOGINS_AT_ONCE as u64 {
            assert_eq!(guesses.begin(marks(guess, 1, guess), now).unwrap(), Turn::Now);
        }
        for _ in 0..LOGINS_WAITING {
            assert_eq!(guesses.begin(marks(9, 9, 9), now).unwrap(), Turn::Later);
            guesses.wait(true);
        }
        assert_eq!(guesses.begin(marks(9, 9, 9), now).unwrap_err().http_status(), 503);
        guesses.wait(false);
        guesses.end(marks(1, 1, 1), true, now);
        assert_eq!(guesses.begin(marks(9, 9, 9), now).unwrap(), Turn::Now);
    }

    #[test]
    fn what_is_noted_takes_bounded_room_and_the_worst_are_kept() {
        let start = Instant::now();
        let mut guesses = Guesses::default();
        let now = be_wrong(&mut guesses, marks(1, 1, 1), WRONG_FREE + 9, start);
        for other in 2..2 * WATCHED_MAX as u64 {
            be_wrong(&mut guesses, marks(other, other, other), 1, now);
        }
        assert_eq!(guesses.wrong.len(), WATCHED_MAX);
        assert!(guesses.begin(marks(1, 5, 5), now).is_err());
    }
}
