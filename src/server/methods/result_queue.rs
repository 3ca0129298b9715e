//! A queue of results from several threads to the one that writes them. It takes all there are, at intervals: to wake it for
//! each result would cost more than the search of a small file. It does not know what a result is.

use std::mem;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long a result may wait until it is taken.
const INTERVAL: Duration = Duration::from_millis(20);
/// How many results end the wait.
const ENOUGH: usize = 256;
/// How many results may wait for a client that reads slowly.
const WAITING_MAX: usize = 2 * ENOUGH;

/// Results that wait.
pub(super) struct ResultQueue<T> {
    state: Mutex<WaitingResults<T>>,
    /// There is enough to take, or all senders have ended.
    ready: Condvar,
    /// Results were taken, or nobody takes any more.
    taken: Condvar,
}

struct WaitingResults<T> {
    results: Vec<T>,
    senders: usize,
    is_received: bool,
}

impl<T> ResultQueue<T> {
    /// Makes an empty queue.
    pub fn new() -> Self {
        let state = WaitingResults { results: Vec::new(), senders: 0, is_received: true };
        ResultQueue { state: Mutex::new(state), ready: Condvar::new(), taken: Condvar::new() }
    }

    /// Makes another sender.
    pub fn sender(&self) -> ResultSender<'_, T> {
        self.state.lock().senders += 1;
        ResultSender(self)
    }

    /// Returns the only receiver. When it is dropped, nothing more can be sent.
    pub fn receiver(&self) -> ResultReceiver<'_, T> {
        ResultReceiver(self)
    }
}

/// One of the senders.
pub(super) struct ResultSender<'q, T>(&'q ResultQueue<T>);

impl<T> ResultSender<'_, T> {
    /// Adds a result, and waits for room where there are too many. False where nobody takes it.
    pub fn send(&self, result: T) -> bool {
        let mut state = self.0.state.lock();
        while state.is_received && state.results.len() >= WAITING_MAX {
            self.0.taken.wait(&mut state);
        }
        if !state.is_received {
            return false;
        }
        state.results.push(result);
        if state.results.len() == ENOUGH {
            self.0.ready.notify_one();
        }
        true
    }
}

impl<T> Drop for ResultSender<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().senders -= 1;
        self.0.ready.notify_one();
    }
}

/// The receiver.
pub(super) struct ResultReceiver<'q, T>(&'q ResultQueue<T>);

impl<T> ResultReceiver<'_, T> {
    /// Waits for a while, and takes what there is in the order in which it was sent, perhaps nothing; `None` when all was taken
    /// and no sender is left.
    pub fn take(&self) -> Option<Vec<T>> {
        let mut state = self.0.state.lock();
        if state.senders > 0 && state.results.len() < ENOUGH {
            self.0.ready.wait_for(&mut state, INTERVAL);
        }
        let results = mem::take(&mut state.results);
        self.0.taken.notify_all();
        (!results.is_empty() || state.senders > 0).then_some(results)
    }
}

impl<T> Drop for ResultReceiver<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().is_received = false;
        self.0.taken.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn every_result_of_every_sender_is_taken_once() {
        let queue = ResultQueue::new();
        let mut found = thread::scope(|scope| {
            let receiver = queue.receiver();
            for first in 0..3 {
                let sender = queue.sender();
                scope.spawn(move || (0..10_000).all(|number| sender.send(number * 3 + first)));
            }
            let mut found = Vec::new();
            while let Some(results) = receiver.take() {
                assert!(results.len() <= WAITING_MAX);
                found.extend(results);
            }
            found
        });
        found.sort_unstable();
        assert!(found.into_iter().eq(0..30_000));
    }

    #[test]
    fn a_few_results_are_taken_while_their_sender_goes_on() {
        let queue = ResultQueue::new();
        let (sender, receiver) = (queue.sender(), queue.receiver());
        assert!(sender.send(1) && sender.send(2));
        assert_eq!(receiver.take(), Some(vec![1, 2]));
        assert_eq!(receiver.take(), Some(vec![]));
        sender.send(3);
        drop(sender);
        assert_eq!((receiver.take(), receiver.take()), (Some(vec![3]), None));
    }

    #[test]
    fn senders_that_wait_for_room_end_with_the_receiver() {
        let queue = ResultQueue::new();
        thread::scope(|scope| {
            let receiver = queue.receiver();
            let sender = queue.sender();
            let sending = scope.spawn(move || (0..).take_while(|number| sender.send(*number)).count());
            // It has sent what the queue takes, and sends no more.
            while queue.state.lock().results.len() < WAITING_MAX {
                thread::yield_now();
            }
            drop(receiver);
            assert_eq!(sending.join().unwrap(), WAITING_MAX);
        });
    }
}
