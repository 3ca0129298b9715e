//! The sums of a run, and its exit status.

use parking_lot::Mutex;

use crate::cli::ExitStatus;

/// What was done so far.
#[derive(Default)]
pub(super) struct Tally(Mutex<Sums>);

struct Sums {
    sent: u64,
    bytes: u64,
    deleted: u64,
    same: u64,
    failed: u64,
    /// Whether any failure casts doubt on what FROM has, or on what TO was to get.
    stops_deletions: bool,
    status: ExitStatus,
}

impl Default for Sums {
    fn default() -> Self {
        let status = ExitStatus::DONE;
        Sums { sent: 0, bytes: 0, deleted: 0, same: 0, failed: 0, stops_deletions: false, status }
    }
}

impl Tally {
    /// Counts a file that was sent.
    pub fn count_sent(&self, bytes: u64) {
        let mut sums = self.0.lock();
        sums.sent += 1;
        sums.bytes += bytes;
    }

    /// Counts a file, or a directory with all in it, that was deleted.
    pub fn count_deleted(&self) {
        self.0.lock().deleted += 1;
    }

    /// Counts a file that was the same.
    pub fn count_same(&self) {
        self.0.lock().same += 1;
    }

    /// Counts a failure with its exit status.
    pub fn fail(&self, status: ExitStatus) {
        let mut sums = self.0.lock();
        sums.failed += 1;
        sums.status = sums.status.max(status);
        // A file of TO that somebody else changed meanwhile says nothing about FROM.
        sums.stops_deletions |= status != ExitStatus::CHANGED;
    }

    /// Returns whether a failure forbids deletions.
    pub fn has_failed(&self) -> bool {
        self.0.lock().stops_deletions
    }

    /// Returns the worst exit status.
    pub fn status(&self) -> ExitStatus {
        self.0.lock().status
    }

    /// Returns the line with the sums; of a dry run, with what would be done.
    pub fn summary(&self, is_dry: bool) -> String {
        let sums = self.0.lock();
        let (sent, deleted) = if is_dry { ("to send", "to delete") } else { ("sent", "deleted") };
        let failed = if sums.failed > 0 { format!(", {} failed", sums.failed) } else { String::new() };
        let Sums { sent: files, bytes, deleted: gone, same, .. } = *sums;
        format!("{files} {sent} ({bytes} bytes), {gone} {deleted}, {same} unchanged{failed}\n")
    }
}
