//! The limit on the rate of all connections of a program. It only waits; the connections count their bytes.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many parts of a second's bytes are read or written at once, so that a transfer is steady.
const PARTS: u64 = 10;

/// A rate that several connections share.
#[derive(Debug)]
pub struct RateLimit {
    /// In bytes a second.
    rate: u64,
    /// When the bytes counted so far are within the rate.
    reached: Mutex<Instant>,
}

impl RateLimit {
    /// Makes a limit of so many bytes a second.
    pub fn new(rate: u64) -> Self {
        RateLimit { rate: rate.max(1), reached: Mutex::new(Instant::now()) }
    }

    /// Returns how many bytes may be read or written at once.
    pub fn portion(&self) -> usize {
        usize::try_from(self.rate / PARTS).unwrap_or(usize::MAX).max(1)
    }

    /// Counts bytes, and waits until they are within the rate.
    pub fn count(&self, bytes: usize) {
        let now = Instant::now();
        let nanos = (bytes as u128 * 1_000_000_000) / u128::from(self.rate);
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let until = {
            let mut reached = self.reached.lock();
            *reached = (*reached).max(now) + cost;
            *reached
        };
        thread::sleep(until.saturating_duration_since(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_as_long_as_the_rate_says() {
        let limit = RateLimit::new(100_000);
        assert_eq!((limit.portion(), RateLimit::new(3).portion()), (10_000, 1));
        let begun = Instant::now();
        (0..5).for_each(|_| limit.count(1000));
        assert!(begun.elapsed() >= Duration::from_millis(49));
    }
}
