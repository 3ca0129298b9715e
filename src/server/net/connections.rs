//! The connections there are, and their end: no new ones, the idle closed, the running finished, then cut.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::server::limits::{ABORT_GRACE, FRESH_WAIT, Limits};
use crate::server::net::forwarded::{Client, TrustedProxies};
use crate::server::net::stream::Stream;
use crate::server::observe::metrics::Refusal;
use crate::server::observe::peer::Peer;

/// Every connection that has a thread.
#[derive(Default)]
pub struct Connections {
    all: Mutex<All>,
    changed: Condvar,
    next: AtomicUsize,
    draining: AtomicBool,
}

#[derive(Default)]
struct All {
    connections: HashMap<usize, Arc<Connection>>,
    /// How many come from each network; none is there with 0.
    networks: HashMap<IpAddr, usize>,
    /// Until when is waited for those that were cut.
    cut: Option<Instant>,
}

/// One connection as others see it.
pub struct Connection {
    /// Its socket.
    pub stream: Stream,
    idle: AtomicBool,
    /// Whether nothing has come on it yet.
    fresh: AtomicBool,
}

impl Connection {
    fn is_idle(&self) -> bool {
        self.idle.load(Ordering::SeqCst)
    }

    fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::SeqCst)
    }
}

impl All {
    /// Counts one more in a network, unless that would be more than `most`.
    fn count_in(&mut self, network: IpAddr, most: usize) -> bool {
        let count = self.networks.get(&network).copied().unwrap_or(0);
        if count < most {
            self.networks.insert(network, count + 1);
        }
        count < most
    }

    /// Counts one less.
    fn count_out(&mut self, network: IpAddr) {
        if let Some(count) = self.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
    }

    fn cut(&mut self, now: Instant) {
        self.connections.values().for_each(|connection| connection.stream.shutdown());
        self.cut.get_or_insert(now + ABORT_GRACE);
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.lock().connections.values().cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().connections.len()
    }

    /// Notes a connection; one too many, of all or of its network, is given back. It is forgotten when the guard is
    /// dropped.
    pub fn enter(
        self: &Arc<Self>,
        stream: Stream,
        limits: &Limits,
        trusted_proxies: &TrustedProxies,
    ) -> Result<ConnectionGuard, Box<(Stream, Refusal)>> {
        // The clients behind a proxy are counted request by request.
        let network = network_of(&stream.peer).filter(|_| !trusted_proxies.trusts(&stream.peer));
        let mut all = self.lock();
        if all.connections.len() >= limits.connections {
            return Err(Box::new((stream, Refusal::Connections)));
        }
        if network.is_some_and(|network| !all.count_in(network, limits.per_address)) {
            return Err(Box::new((stream, Refusal::Address)));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let connection =
            Arc::new(Connection { stream, idle: AtomicBool::new(false), fresh: AtomicBool::new(true) });
        all.connections.insert(number, Arc::clone(&connection));
        Ok(ConnectionGuard { connections: Arc::clone(self), connection, number, network })
    }

    /// Counts a request that came through a trusted proxy to the network of its client, until the guard is dropped. An
    /// error has kind `Overloaded`: it has as many as connections of its own it may have.
    pub fn enter_request(&self, client: &Client, limits: &Limits) -> Result<Option<CountedRequest<'_>>> {
        let Some(network) = network_of(&client.peer).filter(|_| client.is_forwarded) else { return Ok(None) };
        match self.lock().count_in(network, limits.per_address) {
            true => Ok(Some(CountedRequest { connections: self, network })),
            false => Err(Error::overloaded("connection", "all connections of this address are taken")),
        }
    }

    /// Whether the end has begun: a connection then closes after the answer it is at.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Begins the end, and waits until all connections have ended or `grace` has passed. A connection on which
    /// nothing has come yet is given a moment: its request may be on the way, and nobody would send it again.
    /// What then runs is cut. True when nothing had to be.
    pub fn drain(&self, grace: Duration) -> bool {
        self.draining.store(true, Ordering::SeqCst);
        let begun = Instant::now();
        let (fresh_until, until) = (begun + FRESH_WAIT.min(grace), begun + grace);
        let mut all = self.lock();
        loop {
            let now = Instant::now();
            let waits = |connection: &Connection| connection.is_fresh() && now < fresh_until;
            all.connections
                .values()
                .filter(|connection| connection.is_idle() && !waits(connection))
                .for_each(|connection| connection.stream.end_reading());
            let is_idle = all.connections.values().all(|connection| connection.is_idle());
            if now >= until && !is_idle {
                all.cut(now);
            }
            let next = match all.cut {
                Some(end) => end,
                None if now < fresh_until => fresh_until,
                // Who is idle has been told, and needs no more than a moment.
                None => until.max(begun + ABORT_GRACE),
            };
            if all.connections.is_empty() || now >= next {
                return all.cut.is_none();
            }
            all = self.changed.wait_timeout(all, next - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Cuts every connection that is left; a [`Connections::drain`] under way then ends, though one may be at something
    /// that looks at its socket only later.
    pub fn abort_all(&self) {
        self.lock().cut(Instant::now());
        self.changed.notify_all();
    }
}

/// What one machine's addresses have in common; nothing for one on this machine.
fn network_of(peer: &Peer) -> Option<IpAddr> {
    let Peer::Address(address) = peer else { return None };
    Some(match address.ip().to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    })
}

/// A connection that is noted; dropped, it is forgotten.
pub struct ConnectionGuard {
    connections: Arc<Connections>,
    /// The connection.
    pub connection: Arc<Connection>,
    /// Its number, counted from 0 since the start.
    pub number: usize,
    network: Option<IpAddr>,
}

impl ConnectionGuard {
    /// Waits for the next request, as an idle connection that an end may close at once. False when there will be
    /// none: the peer has said nothing for `timeout`, or the end has begun. Errors as of [`Stream::wait_readable`].
    pub fn wait_for_request(&self, timeout: Duration) -> io::Result<bool> {
        let Connection { stream, idle, fresh } = &*self.connection;
        idle.store(true, Ordering::SeqCst);
        let may_wait = self.connection.is_fresh() || !self.connections.is_draining();
        let goes_on = if may_wait { stream.wait_readable(timeout) } else { Ok(false) };
        fresh.store(false, Ordering::SeqCst);
        idle.store(false, Ordering::SeqCst);
        goes_on
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut all = self.connections.lock();
        all.connections.remove(&self.number);
        if let Some(network) = self.network {
            all.count_out(network);
        }
        // Nobody else waits for that.
        let is_awaited = self.connections.is_draining();
        drop(all);
        if is_awaited {
            self.connections.changed.notify_all();
        }
    }
}

/// A request that is counted to its client's network; dropped, it no longer is.
pub struct CountedRequest<'a> {
    connections: &'a Connections,
    network: IpAddr,
}

impl Drop for CountedRequest<'_> {
    fn drop(&mut self) {
        self.connections.lock().count_out(self.network);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_machine_is_one_network() {
        let rows = [
            ("192.0.2.1:1", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:1", "192.0.2.1"),
            ("[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::"),
            ("[::1]:1", "::"),
        ];
        for (address, network) in rows {
            assert_eq!(network_of(&Peer::Address(address.parse().unwrap())), Some(network.parse().unwrap()));
        }
        assert_eq!(network_of(&Peer::Local), None);
    }
}
