//! How much of the work on a request is done, in files and bytes, for the `Cfp-Progress` of interim responses.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one request. What is not known is 0.
#[derive(Debug, Default)]
pub struct WorkCounts {
    files: AtomicU64,
    files_total: AtomicU64,
    read: AtomicU64,
    written: AtomicU64,
    bytes_total: AtomicU64,
}

impl WorkCounts {
    /// Begins to count for another request.
    pub fn reset(&self) {
        let all = [&self.files, &self.files_total, &self.read, &self.written, &self.bytes_total];
        all.into_iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// Sets how many files and bytes the work has in all.
    pub fn set_total(&self, files: u64, bytes: u64) {
        self.files_total.store(files, Ordering::Relaxed);
        self.bytes_total.store(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that were read from a stored file.
    pub fn add_read(&self, bytes: u64) {
        self.read.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that were written to a stored file. Once there are any, those that were read do not count: a filter may
    /// read a file twice.
    pub fn add_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts files that are done.
    pub fn add_files(&self, files: u64) {
        self.files.fetch_add(files, Ordering::Relaxed);
    }

    /// Formats the counts: `files 3/10, bytes 123/456`, with `*` for an unknown total. `None` where nothing is counted.
    pub fn format(&self) -> Option<String> {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let bytes = match get(&self.written) {
            0 => get(&self.read),
            written => written,
        };
        let rows =
            [("files", get(&self.files), get(&self.files_total)), ("bytes", bytes, get(&self.bytes_total))];
        let counted = rows.into_iter().filter(|(_, done, total)| (*done, *total) != (0, 0));
        let shown: Vec<_> = counted
            .map(|(unit, done, total)| match total {
                0 => format!("{unit} {done}/*"),
                total => format!("{unit} {}/{total}", done.min(total)),
            })
            .collect();
        (!shown.is_empty()).then(|| shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told_with_its_total_if_that_is_known() {
        let counts = WorkCounts::default();
        assert_eq!(counts.format(), None);
        counts.add_read(5);
        assert_eq!(counts.format().as_deref(), Some("bytes 5/*"));
        counts.set_total(2, 4);
        assert_eq!(counts.format().as_deref(), Some("files 0/2, bytes 4/4"));
        counts.add_written(3);
        counts.add_files(1);
        assert_eq!(counts.format().as_deref(), Some("files 1/2, bytes 3/4"));
        counts.reset();
        assert_eq!(counts.format(), None);
    }
}
