//! The client behind a trusted proxy: its address and scheme, from `Forwarded` (RFC 7239), `X-Forwarded-For` and
//! `X-Forwarded-Proto`, or from a PROXY header. From other peers these fields are ignored. It decides nothing about rights.

use std::net::{IpAddr, SocketAddr};

use crate::error::{Error, Result};
use crate::http::Fields;
use crate::server::net::Stream;
use crate::server::observe::Peer;

/// The networks of the trusted proxies (`--trusted-proxy`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<Network>);

/// One network: the addresses with a common prefix, or all peers on Unix sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// `ADDR/BITS`.
    Address(IpAddr, u32),
    /// `unix:`.
    Unix,
}

/// The scheme by which a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientScheme {
    /// Unencrypted.
    Http,
    /// TLS.
    Https,
}

/// The client that sent a request, as the connection or a trusted proxy names it.
#[derive(Clone, Debug)]
pub struct RequestClient {
    /// The address, or the Unix socket.
    pub peer: Peer,
    /// The scheme of the client's URL, where it is known.
    pub scheme: Option<ClientScheme>,
    /// Whether it came through a trusted proxy.
    pub is_forwarded: bool,
}

impl Network {
    /// Parses `ADDR/BITS`, `ADDR` alone, or `unix:`.
    pub fn parse(text: &str) -> Result<Self> {
        if text == "unix:" {
            return Ok(Network::Unix);
        }
        let invalid = || Error::usage(format!("--trusted-proxy {text}: is not ADDR/BITS"));
        let (address, bits) = text.split_once('/').map_or((text, None), |(left, right)| (left, Some(right)));
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| invalid())?
            }
            Some(_) => return Err(invalid()),
        };
        if bits > most {
            return Err(invalid());
        }
        // An IPv4-mapped network means the IPv4 network.
        Ok(match (address.to_canonical(), address.is_ipv6()) {
            (v4 @ IpAddr::V4(_), true) if bits >= 96 => Network::Address(v4, bits - 96),
            _ => Network::Address(address, bits),
        })
    }

    fn contains(self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Network::Address(IpAddr::V4(own), bits), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
            }
            (Network::Address(IpAddr::V6(own), bits), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl TrustedProxies {
    /// Returns whether a peer is a trusted proxy.
    pub fn trusts(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Address(address) => self.trusts_address(address.ip()),
            Peer::Local => self.0.contains(&Network::Unix),
        }
    }

    fn trusts_address(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Returns the client of a request with these fields on a connection. Where a PROXY header names the client, or says that the
    /// proxy cannot, the fields are the client's own, unless it is a trusted proxy too. Errors are those of
    /// [`TrustedProxies::client`].
    pub fn client_on(&self, stream: &Stream, fields: &Fields) -> Result<RequestClient> {
        let is_tls = stream.is_tls();
        match stream.proxied() {
            None => self.client(&stream.peer, is_tls, fields),
            Some(Some(proxy)) if self.trusts(proxy) => self.client(proxy, is_tls, fields),
            Some(_) => {
                let scheme = is_tls.then_some(ClientScheme::Https);
                Ok(RequestClient { peer: stream.client().clone(), scheme, is_forwarded: false })
            }
        }
    }

    /// Returns the client of a request with these fields from `peer`. An error of kind `Invalid` where a trusted proxy
    /// passes on two fields that name two clients: one of them is the client's own claim.
    pub fn client(&self, peer: &Peer, is_tls: bool, fields: &Fields) -> Result<RequestClient> {
        if !self.trusts(peer) {
            let scheme = if is_tls { Some(ClientScheme::Https) } else { loopback_scheme(peer, fields) };
            return Ok(RequestClient { peer: peer.clone(), scheme, is_forwarded: false });
        }
        let mut plain =
            fields.members("x-forwarded-for").map(|value| (address(value), None)).collect::<Vec<_>>();
        let mut elements = fields.members("forwarded").map(element).collect::<Vec<_>>();
        let plain = self.first_untrusted(&mut plain);
        let element = self.first_untrusted(&mut elements);
        let named = match (plain, element) {
            (Some((one, _)), Some((other, _))) if one != other => {
                let what = "names another client than X-Forwarded-For";
                return Err(Error::invalid("Forwarded", what));
            }
            (plain, element) => element.or(plain),
        };
        let said = said_scheme(fields.members("x-forwarded-proto"));
        let peer = match named.and_then(|(address, _)| address) {
            Some(address) => Peer::Address(SocketAddr::new(address, 0)),
            None => peer.clone(),
        };
        let scheme = named.and_then(|(_, scheme)| scheme).or(said);
        Ok(RequestClient { peer, scheme, is_forwarded: true })
    }

    /// Returns the last hop that is not a trusted proxy; the first one where all are. A hop without an address makes
    /// those before it unreliable: then the hop after it counts, or none.
    fn first_untrusted(&self, hops: &mut Vec<Hop>) -> Option<Hop> {
        let mut last = None;
        while let Some((address, scheme)) = hops.pop() {
            last = match address {
                Some(_) => Some((address, scheme)),
                None => last.or(Some((None, scheme))),
            };
            if address.is_none_or(|address| !self.trusts_address(address)) {
                break;
            }
        }
        last
    }
}

/// The address and the scheme of a hop, where it names them.
type Hop = (Option<IpAddr>, Option<ClientScheme>);

/// Parses one element of `Forwarded`: `for=192.0.2.1;proto=https`, in any order and case (RFC 7239 §4).
fn element(element: &[u8]) -> Hop {
    let mut hop = (None, None);
    for pair in element.split(|&byte| byte == b';') {
        let Some(at) = pair.iter().position(|&byte| byte == b'=') else { continue };
        let (name, value) = pair.split_at(at);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        match name.trim_ascii().to_ascii_lowercase().as_slice() {
            b"for" => hop.0 = address(value),
            b"proto" => hop.1 = scheme(value),
            _ => {}
        }
    }
    hop
}

/// Parses an address, with or without port and quotes; `None` for `unknown` and obfuscated names.
fn address(value: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(unquoted(value)).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(inner, _)| inner);
    let parsed = bare.parse::<IpAddr>().ok();
    parsed.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip())).map(|ip| ip.to_canonical())
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
}

fn scheme(value: &[u8]) -> Option<ClientScheme> {
    match unquoted(value).to_ascii_lowercase().as_slice() {
        b"http" => Some(ClientScheme::Http),
        b"https" => Some(ClientScheme::Https),
        _ => None,
    }
}

/// Returns the scheme that all values name; `None` where they differ.
fn said_scheme<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<ClientScheme> {
    let mut said = values.map(scheme);
    let first = said.next().flatten()?;
    said.all(|other| other == Some(first)).then_some(first)
}

/// Returns the scheme of a client on this machine that connects directly; `None` where fields of a proxy show that it does not.
fn loopback_scheme(peer: &Peer, fields: &Fields) -> Option<ClientScheme> {
    let Peer::Address(address) = peer else { return None };
    let marks = ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip"];
    let is_direct =
        address.ip().to_canonical().is_loopback() && marks.iter().all(|mark| fields.get(mark).is_none());
    is_direct.then_some(ClientScheme::Http)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    type Said<'a> = &'a [(&'a str, &'a str)];

    fn proxies(networks: &[&str]) -> TrustedProxies {
        TrustedProxies(networks.iter().map(|text| Network::parse(text).unwrap()).collect())
    }

    fn fields(all: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        all.iter().for_each(|(name, value)| fields.push(name, value));
        fields
    }

    #[test]
    fn a_network_is_an_address_and_its_first_bits() {
        let rows = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("192.0.2.0/24", "::ffff:192.0.2.7", true),
            ("::ffff:192.0.2.0/120", "192.0.2.7", true),
        ];
        for (network, address, contains) in rows {
            assert_eq!(
                Network::parse(network).unwrap().contains(address.parse().unwrap()),
                contains,
                "{network}"
            );
        }
        for text in
            ["", "host", "192.0.2.1/33", "2001:db8::/129", "192.0.2.1/", "192.0.2.1/+8", "1/8", "unix:/s"]
        {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_trusted_proxy_names_the_client_and_nobody_else_does() {
        let trusted = proxies(&["192.0.2.0/24", "2001:db8:1::/48"]);
        let rows: [(&str, Said<'_>, &str); 17] = [
            ("192.0.2.1:80", &[], "192.0.2.1"),
            ("192.0.2.1:80", &[("X-Forwarded-For", "203.0.113.7")], "203.0.113.7"),
            ("203.0.113.9:80", &[("X-Forwarded-For", "203.0.113.7")], "203.0.113.9"),
            ("203.0.113.9:80", &[("Forwarded", "for=203.0.113.7")], "203.0.113.9"),
            // The proxy appends the address it saw to the client's claim.
            ("192.0.2.1:80", &[("X-Forwarded-For", "198.51.100.1, 203.0.113.7")], "203.0.113.7"),
            (
                "192.0.2.1:80",
                &[("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")],
                "203.0.113.7",
            ),
            ("192.0.2.1:80", &[("X-Forwarded-For", "203.0.113.7, 192.0.2.2")], "203.0.113.7"),
            ("192.0.2.1:80", &[("X-Forwarded-For", "192.0.2.3, 192.0.2.2")], "192.0.2.3"),
            ("192.0.2.1:80", &[("X-Forwarded-For", "203.0.113.7, unknown")], "192.0.2.1"),
            ("192.0.2.1:80", &[("X-Forwarded-For", "unknown, 192.0.2.2")], "192.0.2.2"),
            ("192.0.2.1:80", &[("X-Forwarded-For", "203.0.113.7:4711")], "203.0.113.7"),
            ("192.0.2.1:80", &[("X-Forwarded-For", "[2001:db8::7]:4711")], "2001:db8::7"),
            ("192.0.2.1:80", &[("Forwarded", "proto=https;For=\"[2001:db8::7]:4711\"")], "2001:db8::7"),
            (
                "192.0.2.1:80",
                &[("Forwarded", "for=198.51.100.1, for=203.0.113.7;by=192.0.2.1")],
                "203.0.113.7",
            ),
            ("192.0.2.1:80", &[("Forwarded", "for=_hidden")], "192.0.2.1"),
            (
                "192.0.2.1:80",
                &[("Forwarded", "for=203.0.113.7"), ("X-Forwarded-For", "203.0.113.7")],
                "203.0.113.7",
            ),
            ("[2001:db8:1::5]:80", &[("X-Forwarded-For", "::ffff:203.0.113.7")], "203.0.113.7"),
        ];
        for (peer, said, client) in rows {
            let peer = Peer::Address(peer.parse().unwrap());
            assert_eq!(trusted.client(&peer, false, &fields(said)).unwrap().peer.shown(), client, "{said:?}");
        }
        let both = fields(&[("Forwarded", "for=198.51.100.1"), ("X-Forwarded-For", "203.0.113.7")]);
        let peer = Peer::Address("192.0.2.1:80".parse().unwrap());
        assert_eq!(trusted.client(&peer, false, &both).unwrap_err().kind(), ErrorKind::Invalid);
        let stranger = Peer::Address("203.0.113.9:80".parse().unwrap());
        assert_eq!(trusted.client(&stranger, false, &both).unwrap().peer.shown(), "203.0.113.9");
        assert_eq!(trusted.client(&Peer::Local, false, &both).unwrap().peer.shown(), "local");
        let one = fields(&[("X-Forwarded-For", "203.0.113.7")]);
        assert_eq!(
            proxies(&["unix:"]).client(&Peer::Local, false, &one).unwrap().peer.shown(),
            "203.0.113.7"
        );
    }

    #[test]
    fn the_scheme_is_known_by_tls_by_loopback_or_by_a_trusted_proxy() {
        let trusted = proxies(&["192.0.2.0/24", "127.0.0.2"]);
        let (http, https) = (Some(ClientScheme::Http), Some(ClientScheme::Https));
        let rows: [(&str, bool, Said<'_>, Option<ClientScheme>); 11] = [
            ("203.0.113.9:1", false, &[("X-Forwarded-Proto", "https")], None),
            ("203.0.113.9:1", true, &[("X-Forwarded-Proto", "http")], https),
            ("127.0.0.1:1", false, &[], http),
            ("127.0.0.1:1", false, &[("Via", "1.1 proxy")], None),
            ("127.0.0.1:1", false, &[("X-Forwarded-Proto", "https")], None),
            ("127.0.0.2:1", false, &[], None),
            ("192.0.2.1:1", false, &[("X-Forwarded-Proto", "HTTPS")], https),
            ("192.0.2.1:1", true, &[("X-Forwarded-Proto", "http")], http),
            ("192.0.2.1:1", false, &[("X-Forwarded-Proto", "https, http")], None),
            ("192.0.2.1:1", false, &[("Forwarded", "for=203.0.113.7;proto=https")], https),
            ("192.0.2.1:1", false, &[("X-Forwarded-Proto", "ftp")], None),
        ];
        for (peer, is_tls, said, scheme) in rows {
            let peer = Peer::Address(peer.parse().unwrap());
            assert_eq!(
                trusted.client(&peer, is_tls, &fields(said)).unwrap().scheme,
                scheme,
                "{peer:?} {said:?}"
            );
        }
    }
}
