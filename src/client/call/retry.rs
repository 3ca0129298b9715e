//! Retries: how often a transfer that broke is tried again, and how long is waited before. What can be tried again
//! is the transfer's decision.

use std::time::Duration;

/// How often the tools try again, where their user says nothing: 21 seconds, with the pauses below.
pub const RETRIES: u32 = 8;
/// The pause before the first retry: a daemon that is started again is back by then.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// The longest pause. The ones between double.
const PAUSE_MOST: Duration = Duration::from_secs(5);

/// The retries of one transfer that are left.
#[derive(Debug)]
pub struct Retries {
    used: u32,
    most: u32,
}

impl Retries {
    /// At most so many.
    pub fn new(most: u32) -> Self {
        Retries { used: 0, most }
    }

    /// Starts again with all of them: the transfer made progress.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// Counts a retry.
    pub fn count(&mut self) {
        self.used += 1;
    }

    /// Whether there was one.
    pub fn is_used(&self) -> bool {
        self.used > 0
    }

    /// How long to wait before the next one; nothing when all are used.
    pub fn next_pause(&self) -> Option<Duration> {
        (self.used < self.most).then(|| pause(self.used))
    }
}

/// How long is waited after so many retries.
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
