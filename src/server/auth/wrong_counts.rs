//! How often passwords were wrong, by marks: when the next one may come, and which are forgotten when there are too many.
//! What a mark is of it does not know.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::server::limits::{
    WRONG_FORGOTTEN, WRONG_FREE_OF_ALL, WRONG_PAUSE, WRONG_PAUSE_MAX, WRONG_WAIT_MAX,
};

/// How often passwords were wrong, by a mark; a bounded number of them.
pub struct Table {
    wrong: HashMap<u64, Wrong>,
    most: usize,
}

/// How often, when last, and until when the next one has to wait.
struct Wrong {
    times: u32,
    last: Instant,
    until: Instant,
}

impl Table {
    /// A table of at most so many marks.
    pub fn of(most: usize) -> Self {
        Table { wrong: HashMap::new(), most }
    }

    /// Until when the next guess with this mark has to wait.
    pub fn until(&self, mark: u64) -> Option<Instant> {
        self.wrong.get(&mark).map(|wrong| wrong.until)
    }

    /// Notes one more wrong guess; after the free ones each doubles the time to wait.
    pub fn note(&mut self, mark: u64, free: u32, now: Instant) {
        self.make_room(mark, now);
        let wrong = self.wrong.entry(mark).or_insert(Wrong { times: 0, last: now, until: now });
        if wrong.is_forgotten(now) {
            wrong.times = 0;
        }
        (wrong.times, wrong.last) = (wrong.times.saturating_add(1), now);
        if let Some(over) = wrong.times.checked_sub(free.saturating_add(1)) {
            wrong.until = now + Duration::from_secs(1 << over.min(31)).min(WRONG_WAIT_MAX);
        }
    }

    /// Has the next guess wait for a pause where many were wrong, longer the more there were.
    pub fn pause(&mut self, mark: u64, now: Instant) {
        let Some(wrong) = self.wrong.get_mut(&mark).filter(|wrong| !wrong.is_forgotten(now)) else { return };
        let pauses = wrong.times / WRONG_FREE_OF_ALL;
        if pauses > 0 {
            wrong.until = now + (WRONG_PAUSE * pauses).min(WRONG_PAUSE_MAX);
        }
    }

    /// How many marks there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.wrong.len()
    }

    /// Forgets who has long been quiet, and if that is not enough, who was wrong the fewest times, of those the one that
    /// has been quiet the longest: a flood of new ones drives out itself.
    fn make_room(&mut self, mark: u64, now: Instant) {
        if self.wrong.len() < self.most || self.wrong.contains_key(&mark) {
            return;
        }
        self.wrong.retain(|_, wrong| !wrong.is_forgotten(now));
        let fewest =
            self.wrong.iter().min_by_key(|(_, wrong)| (wrong.times, wrong.last)).map(|(mark, _)| *mark);
        if let Some(fewest) = fewest.filter(|_| self.wrong.len() >= self.most) {
            self.wrong.remove(&fewest);
        }
    }
}

impl Wrong {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last.max(self.until)) >= WRONG_FORGOTTEN
    }
}
