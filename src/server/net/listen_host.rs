//! Parses TCP addresses to listen on: address and port, a port of all addresses, a host name, an IPv6 zone. Binds a
//! socket only briefly, to test whether an address is one of this machine.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

use nix::net::if_::if_nametoindex;

use crate::error::{Error, Result};

/// The message for text in none of these forms.
const USE: &str =
    "is not a listen address: use 127.0.0.1:8398, [::1]:8398, :8398, localhost:8398 or unix:/path";

/// Parses `127.0.0.1:8398`, `[::1]:0`, `[fe80::1%eth0]:80`, `:8000` for all addresses, `localhost:8000` for those of a name.
pub fn addresses(text: &str) -> Result<Vec<SocketAddr>> {
    if let Ok(address) = text.parse() {
        return Ok(vec![address]);
    }
    let bad = |what: &str| Error::usage(format!("{text}: {what}"));
    let (host, port) = text.rsplit_once(':').ok_or_else(|| bad(USE))?;
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse::<u16>().ok().filter(|_| is_number).ok_or_else(|| bad(USE))?;
    if host.is_empty() {
        return Ok(vec![all_addresses(port)]);
    }
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let (address, zone) = inner.split_once('%').ok_or_else(|| bad(USE))?;
        let address: Ipv6Addr = address.parse().map_err(|_| bad(USE))?;
        let number = if_nametoindex(zone).map_err(|_| bad("names no network interface of this machine"))?;
        return Ok(vec![std::net::SocketAddrV6::new(address, port, 0, number).into()]);
    }
    if host.contains(['/', '[', ']', '%', ':']) {
        return Err(bad(USE));
    }
    let found = (host, port).to_socket_addrs().map_err(|_| bad("is not a host known here"))?;
    let mut all = Vec::new();
    for address in found.filter(|address| is_of_this_machine(*address)) {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    if all.is_empty() { Err(bad("is not an address of this machine")) } else { Ok(all) }
}

/// Returns the unspecified address: of IPv6 where the machine has it, whose socket accepts IPv4 connections too.
fn all_addresses(port: u16) -> SocketAddr {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => (Ipv6Addr::UNSPECIFIED, port).into(),
        Err(_) => (Ipv4Addr::UNSPECIFIED, port).into(),
    }
}

/// Returns whether this machine has an address: host names often resolve to a family that is not in use here. Other errors are
/// reported when the address is bound.
fn is_of_this_machine(address: SocketAddr) -> bool {
    use nix::libc::{EADDRNOTAVAIL, EAFNOSUPPORT};
    let bound = TcpListener::bind((address.ip(), 0));
    let said = bound.err().as_ref().and_then(io::Error::raw_os_error);
    !matches!(said, Some(EAFNOSUPPORT | EADDRNOTAVAIL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_write_an_address_is_read() {
        let rows = [
            ("127.0.0.1:8398", "127.0.0.1:8398"),
            ("[::1]:0", "[::1]:0"),
            ("[fe80::1%lo]:80", "[fe80::1%1]:80"),
            ("[fe80::1%1]:80", "[fe80::1%1]:80"),
        ];
        for (text, shown) in rows {
            let read: Vec<_> = addresses(text).unwrap().iter().map(SocketAddr::to_string).collect();
            assert_eq!(read, [shown], "{text}");
        }
        let all = addresses(":8000").unwrap();
        assert!(all.len() == 1 && all[0].ip().is_unspecified() && all[0].port() == 8000, "{all:?}");
        let local = addresses("localhost:8000").unwrap();
        assert!(local.iter().all(|one| one.ip().is_loopback() && one.port() == 8000), "{local:?}");
    }

    #[test]
    fn what_is_no_address_is_said() {
        let none = ["", ":", "localhost", "8398", "localhost:", "localhost:+1", ":65536", "[::1", "[x%lo]:1"];
        for text in
            none.into_iter().chain(["http://localhost:80", "a/b:1", "[fe80::1%nowhere]:1", "192.0.2:x"])
        {
            assert!(matches!(addresses(text), Err(Error::Usage(_))), "{text}");
        }
    }
}
