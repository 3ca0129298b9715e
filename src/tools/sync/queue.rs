//! The queue of a run: threads take jobs from it and add others. The last one that was added is taken first, so that
//! the jobs of few directories wait at a time.

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// How many jobs may wait for those that are taken first.
const WAITING_MAX: usize = 10_000;

/// Jobs of type `J`, from an iterator and from the threads themselves.
pub(super) struct Queue<'a, J> {
    state: Mutex<QueueState<'a, J>>,
    changed: Condvar,
}

struct QueueState<'a, J> {
    added: Vec<J>,
    /// Jobs that were added to be taken before those.
    first: Vec<J>,
    source: Box<dyn Iterator<Item = Result<J>> + Send + 'a>,
    /// How many threads perform a job, and may add others.
    busy: usize,
    /// The error that ended the run.
    stopped: Option<Error>,
}

impl<'a, J> Queue<'a, J> {
    /// Makes a queue of these jobs.
    pub fn new(source: impl Iterator<Item = Result<J>> + Send + 'a) -> Self {
        let state = QueueState {
            added: Vec::new(),
            first: Vec::new(),
            source: Box::new(source),
            busy: 0,
            stopped: None,
        };
        Queue { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Takes a job, and waits for one as long as another thread may add it. Each one must be finished.
    pub fn take(&self) -> Option<Result<J>> {
        let mut state = self.state.lock();
        loop {
            if state.stopped.is_some() {
                return None;
            }
            // Not for ever: each of them may add any number of others.
            let first = if state.added.len() < WAITING_MAX { state.first.pop() } else { None };
            let job = first.or_else(|| state.added.pop()).or_else(|| state.first.pop());
            let job = job.map(Ok).or_else(|| state.source.next());
            if job.is_some() {
                state.busy += 1;
                return job;
            }
            if state.busy == 0 {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Adds jobs, of which the first one is taken first, and some that are taken before all others, unless too many wait
    /// already.
    pub fn add(&self, first: Vec<J>, jobs: Vec<J>) {
        let mut state = self.state.lock();
        state.first.extend(first.into_iter().rev());
        state.added.extend(jobs.into_iter().rev());
        self.changed.notify_all();
    }

    /// Notes that a job is finished.
    pub fn finish(&self) {
        self.state.lock().busy -= 1;
        self.changed.notify_all();
    }

    /// Ends the run: no further job is taken.
    pub fn stop(&self, error: Error) {
        self.state.lock().stopped.get_or_insert(error);
    }

    /// Returns the error that ended the run, if one did.
    pub fn into_result(self) -> Result<()> {
        self.state.into_inner().stopped.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_comes_before_the_rest_in_order() {
        let queue = Queue::new([1, 5].into_iter().map(Ok));
        let mut taken = Vec::new();
        while let Some(job) = queue.take() {
            let job = job.unwrap();
            taken.push(job);
            if job == 1 {
                queue.add(vec![], vec![2, 3, 4]);
            }
            queue.finish();
        }
        assert_eq!(taken, [1, 2, 3, 4, 5]);
        assert!(queue.into_result().is_ok());
    }

    #[test]
    fn what_comes_first_is_taken_first_until_too_many_wait() {
        let queue = Queue::new(std::iter::empty());
        queue.add(vec![1, 2], vec![10, 11]);
        assert_eq!(queue.take().unwrap().unwrap(), 1);
        queue.add(vec![], vec![0; WAITING_MAX]);
        queue.finish();
        let taken = std::iter::from_fn(|| queue.take()).map(Result::unwrap);
        // Two of those that wait make place for the rest.
        let taken: Vec<_> = taken.inspect(|_| queue.finish()).filter(|job| *job > 0).collect();
        assert_eq!(taken, [2, 10, 11]);
    }

    #[test]
    fn an_idle_thread_waits_for_what_a_busy_one_may_add() {
        let queue = Queue::new([0].into_iter().map(Ok));
        let taken = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(job) = queue.take() {
                        let job = job.unwrap();
                        if job < 6 {
                            queue.add(vec![], vec![job + 1, job + 1]);
                        }
                        *taken.lock() += 1;
                        queue.finish();
                    }
                });
            }
        });
        assert_eq!(*taken.lock(), 127);
    }

    #[test]
    fn nothing_is_taken_after_the_end() {
        let queue = Queue::new([1, 2].into_iter().map(Ok));
        queue.take().unwrap().unwrap();
        queue.stop(Error::usage("first"));
        queue.stop(Error::usage("second"));
        queue.finish();
        assert!(queue.take().is_none());
        assert_eq!(queue.into_result().unwrap_err().to_string(), "first");
    }
}
