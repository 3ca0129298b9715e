//! The pool of threads for searches of directories and of large files, shared by all requests.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The pool of threads that help searches.
pub struct ScanThreads {
    most: usize,
    free: AtomicUsize,
}

/// A permit to start one thread; released when dropped.
pub struct ScanThread<'a>(&'a ScanThreads);

impl ScanThreads {
    /// Makes a pool for at most `jobs` threads per search, one of which is the request's own and not of the pool.
    pub fn new(jobs: usize) -> Self {
        let most = jobs.saturating_sub(1);
        ScanThreads { most, free: AtomicUsize::new(most) }
    }

    /// Returns how many permits are taken, and how many there are.
    pub fn busy(&self) -> (usize, usize) {
        (self.most.saturating_sub(self.free.load(Ordering::Relaxed)), self.most)
    }

    /// Takes the permits that are free now, lazily: a thread that finds nothing to do returns its permit before the
    /// next is taken, so their number is bounded.
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
