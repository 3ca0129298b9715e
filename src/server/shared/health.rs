//! The health of the store: whether the file system of the served directory responds, for `/.cfpd/health` and for the
//! log. A thread of its own checks it, so that a hanging file system blocks no other thread. Once it hangs, new requests
//! are refused instead of hanging too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::server::limits::{HEALTH_EVERY, HEALTH_WITHIN};

/// The health of the store.
#[derive(Default)]
pub struct Health {
    state: Mutex<HealthState>,
    changed: Condvar,
    /// Whether a check is running: only then does a request have to look at the clock.
    is_asking: AtomicBool,
}

#[derive(Default)]
struct HealthState {
    /// The number of the latest check that a request waits for.
    wanted: u64,
    /// The numbers of checks that have begun, and that have ended.
    begun: u64,
    ended: u64,
    /// When the check that is running began.
    asking: Option<Instant>,
    /// The error of the last check.
    error: Option<String>,
    /// Whether it was logged that the store does not respond.
    is_logged: bool,
}

impl Health {
    /// Checks the store with `ask`, for ever: on request, and periodically. Passes changes of the result to `tell`.
    pub fn keep_asking(&self, ask: impl Fn() -> Result<()>, tell: impl Fn(&str)) {
        loop {
            self.begin();
            self.end(ask()).iter().for_each(|news| tell(news));
        }
    }

    /// Checks whether the store responds. Returns also the error, where it was not logged yet. Waits at most
    /// [`HEALTH_WITHIN`].
    pub fn ask(&self) -> (bool, Option<Error>) {
        let until = Instant::now() + HEALTH_WITHIN;
        let mut state = self.state.lock();
        let wanted = state.begun + 1;
        state.wanted = state.wanted.max(wanted);
        self.changed.notify_all();
        while state.ended < wanted {
            let asked_until = state.asking.map_or(until, |since| until.min(since + HEALTH_WITHIN));
            if Instant::now() >= asked_until {
                let is_news = !std::mem::replace(&mut state.is_logged, true);
                return (false, is_news.then(hung));
            }
            self.changed.wait_until(&mut state, asked_until);
        }
        (state.error.is_none(), None)
    }

    /// Returns an error where the store has not responded for [`HEALTH_WITHIN`].
    pub fn require_answer(&self) -> Result<()> {
        let is_hung = self.is_asking.load(Ordering::Relaxed)
            && self.state.lock().asking.is_some_and(|since| since.elapsed() >= HEALTH_WITHIN);
        if is_hung { Err(hung()) } else { Ok(()) }
    }

    /// Waits until a check is due, and begins it.
    fn begin(&self) {
        let mut state = self.state.lock();
        let is_not_wanted = |state: &mut HealthState| state.wanted <= state.begun;
        self.changed.wait_while_for(&mut state, is_not_wanted, HEALTH_EVERY);
        state.begun += 1;
        state.asking = Some(Instant::now());
        self.is_asking.store(true, Ordering::Relaxed);
    }

    /// Ends a check, and returns the message where its result has changed.
    fn end(&self, answer: Result<()>) -> Option<String> {
        let mut state = self.state.lock();
        state.ended = state.begun;
        state.asking = None;
        self.is_asking.store(false, Ordering::Relaxed);
        let was_hung = std::mem::take(&mut state.is_logged);
        let error = answer.err().map(|error| error.to_string());
        let before = std::mem::replace(&mut state.error, error);
        self.changed.notify_all();
        match &state.error {
            Some(error) => (before.as_ref() != Some(error)).then(|| error.clone()),
            None => (before.is_some() || was_hung).then(|| "the served directory answers again".to_owned()),
        }
    }
}

fn hung() -> Error {
    let seconds = HEALTH_WITHIN.as_secs();
    Error::unavailable("/", format!("the file system has not answered for {seconds} s"))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_is_asked_is_answered_by_a_question_that_began_later() {
        let health = Health::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..3 {
                    health.begin();
                    let gone = || Error::unavailable("/", "is gone");
                    health.end(if round == 1 { Err(gone()) } else { Ok(()) });
                }
            });
            let answers: Vec<_> = (0..3).map(|_| health.ask().0).collect();
            assert_eq!(answers, [true, false, true]);
        });
    }

    #[test]
    fn only_what_is_new_is_told() {
        let health = Health::default();
        let gone = || Err(Error::unavailable("/", "is gone"));
        let told: Vec<_> =
            [Ok(()), gone(), gone(), Ok(()), Ok(())].map(|answer| health.end(answer).is_some()).into();
        assert_eq!(told, [false, true, false, true, false]);
    }
}
