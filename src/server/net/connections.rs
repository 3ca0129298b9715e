//! The connections there are, and their end: no new ones, the idle closed, the running finished, then cut.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::server::limits::{AFTER_CUT, FRESH_WAIT, Limits};
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
    seats: HashMap<usize, Arc<Seat>>,
    /// How many come from each network; none is there with 0.
    networks: HashMap<IpAddr, usize>,
    /// Until when is waited for those that were cut.
    cut: Option<Instant>,
}

/// One connection as others see it.
pub struct Seat {
    /// Its socket.
    pub stream: Stream,
    idle: AtomicBool,
    /// Whether nothing has come on it yet.
    fresh: AtomicBool,
}

impl Seat {
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
        self.seats.values().for_each(|seat| seat.stream.cut());
        self.cut.get_or_insert(now + AFTER_CUT);
    }
}

impl Connections {
    fn lock(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub fn seats(&self) -> Vec<Arc<Seat>> {
        self.lock().seats.values().cloned().collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().seats.len()
    }

    /// Notes a connection; one too many, of all or of its network, is given back. It is forgotten when the guard is
    /// dropped.
    pub fn enter(
        self: &Arc<Self>,
        stream: Stream,
        limits: &Limits,
        trusted_proxies: &TrustedProxies,
    ) -> Result<Entered, Box<(Stream, Refusal)>> {
        // The clients behind a proxy are counted request by request.
        let network = network_of(&stream.peer).filter(|_| !trusted_proxies.trusts(&stream.peer));
        let mut all = self.lock();
        if all.seats.len() >= limits.connections {
            return Err(Box::new((stream, Refusal::Connections)));
        }
        if network.is_some_and(|network| !all.count_in(network, limits.per_address)) {
            return Err(Box::new((stream, Refusal::Address)));
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat { stream, idle: AtomicBool::new(false), fresh: AtomicBool::new(true) });
        all.seats.insert(number, Arc::clone(&seat));
        Ok(Entered { connections: Arc::clone(self), seat, number, network })
    }

    /// Counts a request that came through a trusted proxy to the network of its client, until the guard is dropped. An
    /// error has status 503: it has as many as connections of its own it may have.
    pub fn enter_request(&self, client: &Client, limits: &Limits) -> Result<Option<CountedRequest<'_>>> {
        let Some(network) = network_of(&client.peer).filter(|_| client.is_forwarded) else { return Ok(None) };
        match self.lock().count_in(network, limits.per_address) {
            true => Ok(Some(CountedRequest { connections: self, network })),
            false => Err(Error::status(503, "connection", "all connections of this address are taken")),
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
            let waits = |seat: &Seat| seat.is_fresh() && now < fresh_until;
            all.seats
                .values()
                .filter(|seat| seat.is_idle() && !waits(seat))
                .for_each(|seat| seat.stream.end_reading());
            let is_idle = all.seats.values().all(|seat| seat.is_idle());
            if now >= until && !is_idle {
                all.cut(now);
            }
            let next = match all.cut {
                Some(end) => end,
                None if now < fresh_until => fresh_until,
                // Who is idle has been told, and needs no more than a moment.
                None => until.max(begun + AFTER_CUT),
            };
            if all.seats.is_empty() || now >= next {
                return all.cut.is_none();
            }
            all = self.changed.wait_timeout(all, next - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Cuts every connection that is left; a [`Connections::drain`] under way then ends, though one may be at something
    /// that looks at its socket only later.
    pub fn cut_all(&self) {
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
pub struct Entered {
    connections: Arc<Connections>,
    /// The connection.
    pub seat: Arc<Seat>,
    /// Its number, counted from 0 since the start.
    pub number: usize,
    network: Option<IpAddr>,
}

impl Entered {
    /// Waits for the next request, as an idle connection that an end may close at once. False when there will be
    /// none: the peer has said nothing for `timeout`, or the end has begun. Errors as of [`Stream::wait_readable`].
    pub fn wait_for_request(&self, timeout: Duration) -> io::Result<bool> {
        let Seat { stream, idle, fresh } = &*self.seat;
        idle.store(true, Ordering::SeqCst);
        let may_wait = self.seat.is_fresh() || !self.connections.is_draining();
        let goes_on = if may_wait { stream.wait_readable(timeout) } else { Ok(false) };
        fresh.store(false, Ordering::SeqCst);
        idle.store(false, Ordering::SeqCst);
        goes_on
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.connections.lock();
        all.seats.remove(&self.number);
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
