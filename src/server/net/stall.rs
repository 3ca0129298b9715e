//! How slow a transfer may be. One that stands still is given up after a time; every byte that moves earns a part of
//! that time back, at the least rate. So whoever keeps to the rate goes on for ever, whoever is slower is given up
//! sooner or later, and a byte now and then buys next to nothing. It knows no socket and no clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What is left of the time a transfer in one direction may stand still. One thread spends and earns it.
#[derive(Debug)]
pub struct StallTimer {
    /// Microseconds, as all here.
    whole: u64,
    /// Bytes a second; with 0 any byte earns the whole time back.
    rate: u64,
    left: AtomicU64,
}

impl StallTimer {
    /// A transfer that may stand still for `whole`, and moves at least `rate` bytes a second on the average.
    pub fn new(whole: Duration, rate: u64) -> Self {
        let whole = micros(whole);
        StallTimer { whole, rate, left: AtomicU64::new(whole) }
    }

    /// How long the next wait may take.
    pub fn left(&self) -> Duration {
        Duration::from_micros(self.left.load(Ordering::Relaxed))
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.left.store(self.whole, Ordering::Relaxed);
    }

    /// The peer was waited for.
    pub fn charge(&self, waited: Duration) {
        self.left.store(micros(self.left()).saturating_sub(micros(waited)), Ordering::Relaxed);
    }

    /// Bytes moved.
    pub fn credit(&self, bytes: usize) {
        let earned = (bytes as u64).saturating_mul(1_000_000).checked_div(self.rate).unwrap_or(self.whole);
        self.left.store(micros(self.left()).saturating_add(earned).min(self.whole), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many rounds of a wait and some bytes a client lasts, up to 1000.
    fn rounds(rate: u64, waited: Duration, bytes: usize) -> usize {
        let timer = StallTimer::new(Duration::from_secs(60), rate);
        let lasts = |_: &usize| {
            timer.charge(waited);
            let goes_on = !timer.left().is_zero();
            timer.credit(bytes);
            goes_on
        };
        (0..1000).take_while(lasts).count()
    }

    #[test]
    fn whoever_keeps_to_the_rate_goes_on_and_whoever_does_not_is_given_up() {
        let second = Duration::from_secs(1);
        let rows = [
            // Nothing moves.
            (500, second, 0, 59),
            // A byte now and then buys next to nothing.
            (500, second, 1, 60),
            // Half the rate: twice the time, nearly.
            (500, second, 250, 118),
            // The rate, and more.
            (500, second, 500, 1000),
            (500, 59 * second, 59 * 500, 1000),
            // Nobody may stand still for the whole time, whatever came before.
            (500, 60 * second, 1 << 20, 0),
            // Without a rate any byte will do.
            (0, 59 * second, 1, 1000),
        ];
        for (rate, waited, bytes, count) in rows {
            assert_eq!(rounds(rate, waited, bytes), count, "{rate} {waited:?} {bytes}");
        }
    }
}
