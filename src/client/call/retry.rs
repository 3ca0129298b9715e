//! Retries: how often a broken transfer is retried, and the pauses between. Whether it may be retried is decided by the
//! caller.

use std::time::Duration;

/// How often the tools retry by default: 21 seconds, with the pauses below.
pub const RETRIES: u32 = 8;
/// The pause before the first retry, enough for a daemon to restart.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// The longest pause. Each one is twice the one before.
const PAUSE_MOST: Duration = Duration::from_secs(5);

/// The retries that are left for one transfer.
#[derive(Debug)]
pub struct Retries {
    used: u32,
    most: u32,
}

impl Retries {
    /// Makes a number of retries.
    pub fn new(most: u32) -> Self {
        Retries { used: 0, most }
    }

    /// Resets the count: the transfer made progress.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// Counts a retry.
    pub fn count(&mut self) {
        self.used += 1;
    }

    /// Returns whether any retry was made.
    pub fn is_used(&self) -> bool {
        self.used > 0
    }

    /// Returns how long to wait before the next one; `None` if none is left.
    pub fn next_pause(&self) -> Option<Duration> {
        (self.used < self.most).then(|| pause(self.used))
    }
}

/// Returns the pause after so many retries.
fn pause(used: u32) -> Duration {
    PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(used)).min(PAUSE_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses = [0, 1, 2, 3, 4, 5, 40].map(|used| pause(used).as_millis());
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 5000, 5000]);
    }
}
