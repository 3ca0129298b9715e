//! The table of the open connections: what other threads see of each, and how many there are of each network. It does not know
//! the limits, nor when a connection ends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::server::limits::ABORT_GRACE;
use crate::server::net::Stream;
use crate::server::observe::peer::{NETWORK_BITS, Peer, network};

/// The open connections, and how many of them each network has.
#[derive(Default)]
pub(super) struct ConnectionTable {
    /// By number.
    pub connections: HashMap<usize, Arc<ConnectionEntry>>,
    /// The number of connections from each network; never 0.
    networks: HashMap<IpAddr, usize>,
    /// The time until which to wait for the threads of aborted connections; `None` before the abort.
    pub aborted_until: Option<Instant>,
}

/// One open connection, as other threads see it.
pub struct ConnectionEntry {
    /// Its byte stream.
    pub stream: Stream,
    /// Whether it waits for a request.
    pub(super) idle: AtomicBool,
    /// Whether it waits for its first request.
    pub(super) fresh: AtomicBool,
}

impl ConnectionEntry {
    /// Makes the entry of a connection that waits for its first request.
    pub(super) fn new(stream: Stream) -> Self {
        ConnectionEntry { stream, idle: AtomicBool::new(false), fresh: AtomicBool::new(true) }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::SeqCst)
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.fresh.load(Ordering::SeqCst)
    }
}

impl ConnectionTable {
    /// Increments the count of a network. False where it is `most` already.
    pub fn count_in(&mut self, network: IpAddr, most: usize) -> bool {
        let count = self.networks.get(&network).copied().unwrap_or(0);
        if count < most {
            self.networks.insert(network, count + 1);
        }
        count < most
    }

    /// Decrements the count of a network.
    pub fn count_out(&mut self, network: IpAddr) {
        if let Some(count) = self.networks.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                self.networks.remove(&network);
            }
        }
    }

    /// Shuts the sockets of all connections down.
    pub fn abort(&mut self, now: Instant) {
        self.connections.values().for_each(|connection| connection.stream.socket.shutdown());
        self.aborted_until.get_or_insert(now + ABORT_GRACE);
    }
}

/// Returns the network by which the connections of a peer are counted; none for a Unix socket.
pub(super) fn network_of(peer: &Peer) -> Option<IpAddr> {
    match peer {
        Peer::Address(address) => Some(network(address.ip(), NETWORK_BITS)),
        Peer::Local => None,
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
