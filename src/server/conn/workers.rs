//! The threads that serve connections: each has one. A thread whose connection has ended waits for a moment for another.
//!
//! The requests of a connection grow the stack of its thread. So a connection that is idle for a while is kept by a thread
//! with a small stack, which does nothing but wait, and passed on with its next request. It does not know what is served.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::server::conn::connection::{self, ReleaseReason, Stack};
use crate::server::conn::refusal::refuse_connection;
use crate::server::limits::{STACK, STACK_IDLE, WORKER_TIME, WORKERS_WAITING_MAX};
use crate::server::net::ConnectionGuard;
use crate::server::observe::Refusal;
use crate::server::shared::Server;

/// The threads.
pub struct Workers {
    server: Arc<Server>,
    state: Mutex<WorkersState>,
    /// Notified when a connection is added.
    added: Condvar,
}

#[derive(Default)]
struct WorkersState {
    /// How many threads wait for a connection.
    waiting: usize,
    /// The connections they are to take: never more than threads wait.
    connections: Vec<ConnectionGuard>,
}

impl Workers {
    /// Makes a pool without threads.
    pub fn new(server: &Arc<Server>) -> Arc<Self> {
        let server = Arc::clone(server);
        Arc::new(Workers { server, state: Mutex::default(), added: Condvar::new() })
    }

    /// Serves a connection in a thread of its own. Where the system has no thread left, it is answered 503.
    pub fn serve(self: &Arc<Self>, connection: ConnectionGuard) {
        let mut state = self.state.lock();
        if state.waiting > state.connections.len() {
            state.connections.push(connection);
            self.added.notify_one();
            return;
        }
        drop(state);
        if let Err(connection) = self.start(STACK, connection, Workers::work) {
            refuse_connection(&self.server, &connection.connection.stream, Refusal::Threads);
        }
    }

    /// Starts a thread for a connection; gives it back where the system has none left.
    fn start(
        self: &Arc<Self>,
        stack: usize,
        connection: ConnectionGuard,
        work: fn(&Arc<Self>, ConnectionGuard),
    ) -> Result<(), Box<ConnectionGuard>> {
        // A thread that does not start drops what it was given.
        let given = Arc::new(Mutex::new(Some(connection)));
        let (workers, taken) = (Arc::clone(self), Arc::clone(&given));
        let begin = move || {
            let connection = taken.lock().take();
            drop(taken);
            connection.into_iter().for_each(|connection| work(&workers, connection));
        };
        let started = thread::Builder::new().name("connection".to_owned()).stack_size(stack).spawn(begin);
        match started.is_err().then(|| given.lock().take()).flatten() {
            Some(connection) => Err(Box::new(connection)),
            None => Ok(()),
        }
    }

    /// Serves one connection after the other.
    fn work(self: &Arc<Self>, mut connection: ConnectionGuard) {
        let mut stack = Stack::Fresh;
        loop {
            match connection::serve(&self.server, &mut connection, stack) {
                ReleaseReason::Ended => drop(connection),
                ReleaseReason::Idle => {
                    if let Err(back) = self.start(STACK_IDLE, connection, Workers::keep_idle) {
                        // It stays here.
                        (connection, stack) = (*back, Stack::Fresh);
                        continue;
                    }
                }
            }
            match self.wait() {
                Some(next) => (connection, stack) = (next, Stack::Grown),
                None => return,
            }
        }
    }

    /// Waits with an idle connection, and passes it on with its next request.
    fn keep_idle(self: &Arc<Self>, mut connection: ConnectionGuard) {
        if connection.wait_idle(self.server.limits.idle_time) {
            self.serve(connection);
        }
    }

    /// Waits for another connection; `None` where none comes, or enough threads wait already.
    fn wait(&self) -> Option<ConnectionGuard> {
        let mut state = self.state.lock();
        if state.waiting >= WORKERS_WAITING_MAX {
            return None;
        }
        state.waiting += 1;
        let until = Instant::now() + WORKER_TIME;
        while state.connections.is_empty() && !self.added.wait_until(&mut state, until).timed_out() {}
        state.waiting -= 1;
        state.connections.pop()
    }
}
