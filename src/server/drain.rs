//! The connections there are, and their end: no new ones, the idle closed, the running finished, then cut.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stream::Stream;

/// Every connection that has a thread.
#[derive(Default)]
pub struct Connections {
    all: Mutex<HashMap<usize, Arc<Seat>>>,
    changed: Condvar,
    next: AtomicUsize,
    draining: AtomicBool,
}

/// One connection as others see it.
pub struct Seat {
    /// Its socket.
    pub stream: Stream,
    idle: AtomicBool,
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Arc<Seat>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Notes a connection. It is forgotten when the guard is dropped.
    pub fn enter(self: &Arc<Self>, stream: Stream) -> Entered {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat { stream, idle: AtomicBool::new(false) });
        self.lock().insert(number, Arc::clone(&seat));
        Entered { connections: Arc::clone(self), seat, number }
    }

    /// Whether the end has begun: a connection then closes after the answer it is at.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Begins the end, and waits until all connections have ended or `grace` has passed.
    /// True when none was left.
    pub fn drain(&self, grace: Duration) -> bool {
        self.draining.store(true, Ordering::SeqCst);
        let mut all = self.lock();
        for seat in all.values().filter(|seat| seat.idle.load(Ordering::SeqCst)) {
            seat.stream.end_reading();
        }
        let until = Instant::now() + grace;
        while !all.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            all = self.changed.wait_timeout(all, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Cuts every connection that is left; a [`Connections::drain`] under way then ends.
    pub fn cut_all(&self) {
        self.lock().values().for_each(|seat| seat.stream.cut());
    }
}

/// A connection that is noted; dropped, it is forgotten.
pub struct Entered {
    connections: Arc<Connections>,
    /// The connection.
    pub seat: Arc<Seat>,
    /// Its number, counted from 0 since the start.
    pub number: usize,
}

impl Entered {
    /// Waits for the next request, as an idle connection that an end may close at once. False when there will be
    /// none: the peer has gone away or said nothing for `timeout`, or the end has begun.
    pub fn wait_for_request(&self, timeout: Duration) -> bool {
        self.seat.idle.store(true, Ordering::SeqCst);
        let goes_on =
            !self.connections.is_draining() && self.seat.stream.wait_readable(timeout).unwrap_or(false);
        self.seat.idle.store(false, Ordering::SeqCst);
        goes_on
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.connections.lock().remove(&self.number);
        self.connections.changed.notify_all();
    }
}
