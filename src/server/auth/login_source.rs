//! The source of a login: an address or a local user, and the network that sources share.

use std::net::IpAddr;

use crate::server::observe::peer;

/// The source of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoginSource {
    /// An address. In IPv6 one machine may use a whole /64.
    Address(IpAddr),
    /// A user of this machine, by id.
    Local(Option<u32>),
}

impl LoginSource {
    /// Returns the network of an IPv6 address with a prefix of `bits` bits; an IPv4 address and a local user as they are.
    pub fn network(self, bits: u32) -> Self {
        match self {
            LoginSource::Address(address) => LoginSource::Address(peer::network(address, bits)),
            local => local,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::observe::peer::{NETWORK_BITS, PREFIX_BITS};

    #[test]
    fn neighbours_in_a_network_of_ipv6_are_one() {
        let bits = |text: &str, bits| LoginSource::Address(text.parse().unwrap()).network(bits);
        let network = |text: &str| bits(text, NETWORK_BITS);
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_eq!(bits("2001:db8:0:1::1", PREFIX_BITS), bits("2001:db8:0:2::1", PREFIX_BITS));
        assert_ne!(bits("2001:db8:1::1", PREFIX_BITS), bits("2001:db8:2::1", PREFIX_BITS));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
