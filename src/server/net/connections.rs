//! The open connections: counts, limits and shutdown. At a shutdown idle connections close at once, the others after
//! their current response; those that remain at the end of the grace period are aborted.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::server::limits::{ABORT_GRACE, FRESH_WAIT, IDLE_ON_STACK, Limits};
use crate::server::net::connection_table::{ConnectionEntry, ConnectionTable, network_of};
use crate::server::net::{RequestClient, Stream, TrustedProxies};
use crate::server::observe::Refusal;

/// The open connections; each has a thread.
#[derive(Default)]
pub struct Connections {
    table: Mutex<ConnectionTable>,
    /// Notified when a connection ends while the daemon shuts down, and when all are aborted.
    changed: Condvar,
    /// The number of the next connection.
    next: AtomicUsize,
    /// Whether the daemon shuts down.
    draining: AtomicBool,
    /// The thread that sends interim responses at intervals.
    interim_sender: OnceLock<Thread>,
}

impl Connections {
    /// Returns the open connections.
    pub fn all(&self) -> Vec<Arc<ConnectionEntry>> {
        self.table.lock().connections.values().cloned().collect()
    }

    /// Notes that this thread sends interim responses at intervals.
    pub fn send_interim_from_here(&self) {
        self.interim_sender.get_or_init(thread::current);
    }

    /// Wakes that thread: a client asks for more than usual.
    pub fn wake_interim_sender(&self) {
        self.interim_sender.get().into_iter().for_each(Thread::unpark);
    }

    /// Returns how many there are.
    pub fn count(&self) -> usize {
        self.table.lock().connections.len()
    }

    /// Adds a connection, until the guard is dropped. Past the limit of all connections or of its network, returns the
    /// stream with the reason.
    pub fn enter(
        self: &Arc<Self>,
        stream: Stream,
        limits: &Limits,
        trusted_proxies: &TrustedProxies,
    ) -> Result<ConnectionGuard, Box<(Stream, Refusal)>> {
        // The clients behind a proxy are counted request by request.
        let is_proxy = trusted_proxies.trusts(&stream.peer);
        let network = network_of(&stream.peer).filter(|_| !is_proxy);
        let mut table = self.table.lock();
        if table.connections.len() >= limits.connections {
            return Err(Box::new((stream, Refusal::Connections)));
        }
        if network.is_some_and(|network| !table.count_in(network, limits.per_address)) {
            return Err(Box::new((stream, Refusal::Address)));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(ConnectionEntry::new(stream));
        table.connections.insert(number, Arc::clone(&connection));
        Ok(ConnectionGuard {
            connections: Arc::clone(self),
            connection,
            number,
            network,
            idle_for: Duration::ZERO,
            may_have_header: is_proxy,
        })
    }

    /// Counts a request through a trusted proxy as a connection of its client's network, until the guard is dropped. An
    /// error of kind `Overloaded` where that network is at its limit.
    pub fn enter_request(
        &self,
        client: &RequestClient,
        limits: &Limits,
    ) -> Result<Option<CountedRequest<'_>>> {
        let network = if client.is_forwarded { network_of(&client.peer) } else { None };
        let Some(network) = network else { return Ok(None) };
        match self.table.lock().count_in(network, limits.per_address) {
            true => Ok(Some(CountedRequest { connections: self, network })),
            false => Err(Error::overloaded("connection", "all connections of this address are taken")),
        }
    }

    /// Returns whether the daemon shuts down: connections then close after their current response.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Shuts down: waits until all connections have ended, and aborts those that remain after `grace`. A connection
    /// before its first request is kept for a moment: the request may be in transit, and would be lost. False where any
    /// was aborted.
    pub fn drain(&self, grace: Duration) -> bool {
        self.draining.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        let (fresh_until, until) = (begun + FRESH_WAIT.min(grace), begun + grace);
        let mut table = self.table.lock();
        loop {
            let now = Instant::now();
            let waits = |connection: &ConnectionEntry| connection.is_fresh() && now < fresh_until;
            table
                .connections
                .values()
                .filter(|connection| connection.is_idle() && !waits(connection))
                .for_each(|connection| connection.stream.socket.end_reading());
            let is_idle = table.connections.values().all(|connection| connection.is_idle());
            if now >= until && !is_idle {
                table.abort(now);
            }
            let next = match table.aborted_until {
                Some(end) => end,
                None if now < fresh_until => fresh_until,
                // Idle connections, whose reading side is shut down, need no more than a moment.
                None => until.max(begun + ABORT_GRACE),
            };
            if table.connections.is_empty() || now >= next {
                return table.aborted_until.is_none();
            }
            self.changed.wait_for(&mut table, next - now);
        }
    }

    /// Aborts all connections. A running [`Connections::drain`] then ends within [`ABORT_GRACE`], also where a busy
    /// thread has not used its socket yet.
    pub fn abort_all(&self) {
        self.table.lock().abort(Instant::now());
        self.changed.notify_all();
    }
}

/// An open connection; dropped, it is removed.
pub struct ConnectionGuard {
    connections: Arc<Connections>,
    /// The connection.
    pub connection: Arc<ConnectionEntry>,
    /// Its number, from 0 since the start.
    pub number: usize,
    network: Option<IpAddr>,
    /// For how long it has been idle.
    idle_for: Duration,
    /// Whether it comes from a trusted proxy and may begin with a PROXY header.
    pub may_have_header: bool,
}

/// What came while a connection was idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes.
    Bytes(usize),
    /// The end of the peer's writing side.
    End,
    /// Nothing yet: it may still come.
    Waited,
    /// Nothing for too long, or the daemon shuts down.
    TimedOut,
}

impl ConnectionGuard {
    /// Waits for the first bytes of the next request: for a while, then for the rest of `idle_time`. Meanwhile the
    /// connection is idle: a shutdown closes it at once. Errors are those of [`Stream::wait_readable`].
    pub fn receive_request(&mut self, buffer: &mut [u8], idle_time: Duration) -> io::Result<Received> {
        let ConnectionEntry { stream, idle, fresh } = &*self.connection;
        idle.store(true, Ordering::SeqCst);
        let may_wait = self.connection.is_fresh() || !self.connections.is_draining();
        let is_short = self.idle_for.is_zero() && !stream.is_handshaking();
        let wait =
            if is_short { IDLE_ON_STACK.min(idle_time) } else { idle_time.saturating_sub(self.idle_for) };
        let received = match may_wait {
            false => Ok(None),
            // Before TLS.
            true if self.may_have_header => stream.socket.receive(buffer, wait),
            true => stream.receive(buffer, wait),
        };
        if let Ok(None) = received {
            idle.store(false, Ordering::SeqCst);
            self.idle_for += wait;
            let goes_on = may_wait && self.idle_for < idle_time;
            return Ok(if goes_on { Received::Waited } else { Received::TimedOut });
        }
        fresh.store(false, Ordering::SeqCst);
        idle.store(false, Ordering::SeqCst);
        self.idle_for = Duration::ZERO;
        received.map(|received| match received {
            None | Some(0) => Received::End,
            Some(received) => Received::Bytes(received),
        })
    }

    /// Notes the client that a PROXY header names, and counts the connection in its network. False where that is at its
    /// limit.
    pub fn name_client(
        &mut self,
        client: Option<SocketAddr>,
        limits: &Limits,
        trusted_proxies: &TrustedProxies,
    ) -> bool {
        let stream = &self.connection.stream;
        stream.name_client(client);
        // The clients behind another proxy are counted request by request.
        let network = network_of(stream.client()).filter(|_| !trusted_proxies.trusts(stream.client()));
        let may_enter =
            network.is_none_or(|network| self.connections.table.lock().count_in(network, limits.per_address));
        self.network = network.filter(|_| may_enter);
        may_enter
    }

    /// Waits for the next request for the rest of `idle_time`, and receives nothing. False where none came, or the daemon
    /// shuts down.
    pub fn wait_idle(&mut self, idle_time: Duration) -> bool {
        let ConnectionEntry { stream, idle, .. } = &*self.connection;
        idle.store(true, Ordering::SeqCst);
        let may_wait = self.connection.is_fresh() || !self.connections.is_draining();
        let (left, begun) = (idle_time.saturating_sub(self.idle_for), Instant::now());
        let has_come = may_wait && stream.socket.wait_to_read(left).unwrap_or(true);
        idle.store(false, Ordering::SeqCst);
        // Bytes that came may be a part of a TLS record, which is no request yet.
        self.idle_for += begun.elapsed();
        has_come
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut table = self.connections.table.lock();
        table.connections.remove(&self.number);
        if let Some(network) = self.network {
            table.count_out(network);
        }
        // Only a shutdown waits for the end of a connection.
        let is_awaited = self.connections.is_draining();
        drop(table);
        if is_awaited {
            self.connections.changed.notify_all();
        }
    }
}

/// A request that is counted as a connection of its client's network, until it is dropped.
pub struct CountedRequest<'a> {
    connections: &'a Connections,
    network: IpAddr,
}

impl Drop for CountedRequest<'_> {
    fn drop(&mut self) {
        self.connections.table.lock().count_out(self.network);
    }
}
