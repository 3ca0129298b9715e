//! How many threads help the searches of directories, over all requests. What they search stands in `search_tree`.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The pool of threads that help searches.
pub struct ScanThreads {
    most: usize,
    free: AtomicUsize,
}

/// The right to start one of them; dropped, it is free again.
pub struct ScanThread<'a>(&'a ScanThreads);

impl ScanThreads {
    /// At most `jobs` threads search; one of them is the request's own.
    pub fn new(jobs: usize) -> Self {
        let most = jobs.saturating_sub(1);
        ScanThreads { most, free: AtomicUsize::new(most) }
    }

    /// How many help now, and how many may.
    pub fn busy(&self) -> (usize, usize) {
        (self.most.saturating_sub(self.free.load(Ordering::Relaxed)), self.most)
    }

    /// Those that are free now, each at most once: one that had nothing to do is given back before the next is taken.
    pub fn take_free(&self) -> impl Iterator<Item = ScanThread<'_>> {
        std::iter::from_fn(|| self.take()).take(self.most)
    }

    fn take(&self) -> Option<ScanThread<'_>> {
        let took = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(1));
        took.ok().map(|_| ScanThread(self))
    }
}

impl Drop for ScanThread<'_> {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::Relaxed);
    }
}
