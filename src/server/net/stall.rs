//! The stall timer: the minimum rate of a transfer. Waiting for the peer uses up the remaining time; every byte
//! transferred restores some of it, according to the minimum rate. So a peer at that rate is never timed out, and a
//! slower one eventually is. The timer has neither a socket nor a clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The remaining time for which a transfer in one direction may stall. One thread charges and credits it.
#[derive(Debug)]
pub struct StallTimer {
    /// The full time, in microseconds, as all times here.
    limit: u64,
    /// The minimum rate in bytes a second; with 0 any byte resets the timer.
    rate: u64,
    left: AtomicU64,
}

impl StallTimer {
    /// Makes a timer for a transfer that may stall for `limit`, and needs at least `rate` bytes a second on average.
    pub fn new(limit: Duration, rate: u64) -> Self {
        let limit = micros(limit);
        StallTimer { limit, rate, left: AtomicU64::new(limit) }
    }

    /// Returns how long the next wait may take.
    pub fn left(&self) -> Duration {
        Duration::from_micros(self.left.load(Ordering::Relaxed))
    }

    /// Restores the full time.
    pub fn reset(&self) {
        self.left.store(self.limit, Ordering::Relaxed);
    }

    /// Subtracts the time spent waiting for the peer.
    pub fn charge(&self, waited: Duration) {
        self.left.store(micros(self.left()).saturating_sub(micros(waited)), Ordering::Relaxed);
    }

    /// Adds the time that so many bytes take at the minimum rate, up to the full time.
    pub fn credit(&self, bytes: usize) {
        let credit = (bytes as u64).saturating_mul(1_000_000).checked_div(self.rate).unwrap_or(self.limit);
        self.left.store(micros(self.left()).saturating_add(credit).min(self.limit), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many rounds of a wait and some bytes a client lasts, up to 1000.
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
            // Single bytes restore almost nothing.
            (500, second, 1, 60),
            // Half the rate: twice the time, nearly.
            (500, second, 250, 118),
            // The rate, and more.
            (500, second, 500, 1000),
            (500, 59 * second, 59 * 500, 1000),
            // No peer may stall for the whole time, however fast it was before.
            (500, 60 * second, 1 << 20, 0),
            // Without a minimum rate any byte resets the timer.
            (0, 59 * second, 1, 1000),
        ];
        for (rate, waited, bytes, count) in rows {
            assert_eq!(rounds(rate, waited, bytes), count, "{rate} {waited:?} {bytes}");
        }
    }
}
