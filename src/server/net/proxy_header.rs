//! The header with which a proxy that does not speak HTTP names its client: the PROXY protocol, versions 1 and 2, as
//! haproxy's proxy-protocol.txt describes it. It parses bytes; who may send such a header is decided elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::error::{Error, Result};
use crate::server::limits::PROXY_HEADER_MAX;

/// What version 1 begins with, a line of text.
const TEXT: &[u8] = b"PROXY ";
/// The longest line of version 1 (§2.1).
const TEXT_MAX: usize = 107;
/// What version 2 begins with.
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The length of what precedes the addresses in version 2.
const BINARY_START: usize = 16;

/// The PROXY header with which a connection begins, as far as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// A part of what may become a header.
    Incomplete,
    /// No header.
    Absent,
    /// A header of so many bytes, with the client that it names: none for a connection of the proxy itself, or where the
    /// client has no address.
    Complete(usize, Option<SocketAddr>),
}

impl ProxyHeader {
    /// Looks for a header at the beginning of `bytes`, all that was received. An error of kind `Invalid` is a header that is
    /// malformed, or longer than [`PROXY_HEADER_MAX`].
    pub fn detect(bytes: &[u8]) -> Result<Self> {
        let begins = |with: &[u8]| bytes.iter().zip(with).all(|(byte, expected)| byte == expected);
        match (begins(TEXT), begins(BINARY)) {
            (true, _) if bytes.len() >= TEXT.len() => text(bytes),
            (_, true) if bytes.len() >= BINARY.len() => binary(bytes),
            (false, false) => Ok(ProxyHeader::Absent),
            _ => Ok(ProxyHeader::Incomplete),
        }
    }
}

fn malformed(what: &str) -> Error {
    Error::invalid("PROXY header", what)
}

/// Parses version 1: `PROXY TCP4 192.0.2.1 198.51.100.1 4711 80`, with CRLF.
fn text(bytes: &[u8]) -> Result<ProxyHeader> {
    let longest = bytes.get(..TEXT_MAX).unwrap_or(bytes);
    let Some(end) = longest.windows(2).position(|pair| pair == b"\r\n") else {
        return match bytes.len() < TEXT_MAX {
            true => Ok(ProxyHeader::Incomplete),
            false => Err(malformed("has no end of its line")),
        };
    };
    let line = longest.get(TEXT.len()..end).unwrap_or_default();
    let words = line.split(|&byte| byte == b' ').map(|word| std::str::from_utf8(word).unwrap_or_default());
    let client = match words.collect::<Vec<_>>().as_slice() {
        ["UNKNOWN", ..] => None,
        [family, client, server, client_port, server_port] => {
            let (client, _) =
                (endpoint(family, client, client_port)?, endpoint(family, server, server_port)?);
            Some(client)
        }
        _ => return Err(malformed("names no client as version 1 does")),
    };
    Ok(ProxyHeader::Complete(end + 2, client))
}

/// Parses an address of `TCP4` or `TCP6` and its port.
fn endpoint(family: &str, address: &str, port: &str) -> Result<SocketAddr> {
    let address = match family {
        "TCP4" => address.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        "TCP6" => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => return Err(malformed("is neither of TCP4, of TCP6 nor UNKNOWN")),
    };
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && (port == "0" || !port.starts_with('0'));
    let port = Some(port).filter(|_| is_number).and_then(|port| port.parse::<u16>().ok());
    let endpoint = address.zip(port).map(SocketAddr::from);
    endpoint.ok_or_else(|| malformed("has an address or a port that is none"))
}

/// Parses version 2: a fixed start, addresses, and further values, which are skipped.
fn binary(bytes: &[u8]) -> Result<ProxyHeader> {
    let Some((&[command, family, high, low], rest)) =
        bytes.get(BINARY.len()..).and_then(<[u8]>::split_first_chunk)
    else {
        return Ok(ProxyHeader::Incomplete);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Err(malformed("has a version or a command that is unknown")),
    };
    if BINARY_START + length > PROXY_HEADER_MAX {
        return Err(malformed("is too long"));
    }
    let Some(rest) = rest.get(..length) else { return Ok(ProxyHeader::Incomplete) };
    let client = if is_local { None } else { addresses(family, rest)? };
    Ok(ProxyHeader::Complete(BINARY_START + length, client))
}

/// Returns the client in the addresses of version 2: of TCP, else none.
fn addresses(family: u8, rest: &[u8]) -> Result<Option<SocketAddr>> {
    let size = match family >> 4 {
        0 => 0,
        1 => 12,
        2 => 36,
        3 => 216,
        _ => return Err(malformed("is of a family that is unknown")),
    };
    if family & 0xf > 2 || rest.len() < size {
        return Err(malformed("has another length than its addresses"));
    }
    let port = |at: usize| rest.get(at..).and_then(<[u8]>::first_chunk).map(|port| u16::from_be_bytes(*port));
    Ok(match family {
        0x11 => rest.first_chunk::<4>().zip(port(8)).map(|(ip, port)| (Ipv4Addr::from(*ip), port).into()),
        0x21 => rest.first_chunk::<16>().zip(port(32)).map(|(ip, port)| (Ipv6Addr::from(*ip), port).into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [BINARY, &[command, family], &length, rest].concat()
    }

    #[test]
    fn a_header_names_a_client_wherever_it_is_cut() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0x12, 0x67, 0, 80];
        let v6: Vec<u8> =
            [&Ipv6Addr::LOCALHOST.octets()[..], &Ipv6Addr::LOCALHOST.octets(), &[0x12, 0x67, 0, 80]].concat();
        let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(TEXT_MAX - 16));
        let rows: [(Vec<u8>, Option<&str>); 13] = [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 80\r\n".to_vec(), Some("192.0.2.1:4711")),
            (b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n".to_vec(), Some("0.0.0.0:0")),
            (b"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n".to_vec(), Some("[2001:db8::1]:4711")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN 192.0.2.1 whatever\r\n".to_vec(), None),
            (longest.into_bytes(), None),
            (binary(0x21, 0x11, &v4), Some("192.0.2.1:4711")),
            (binary(0x21, 0x21, &v6), Some("[::1]:4711")),
            (binary(0x21, 0x11, &[&v4[..], &[0x20; 200]].concat()), Some("192.0.2.1:4711")),
            (binary(0x21, 0x11, &[&v4[..], &[0; PROXY_HEADER_MAX - 28]].concat()), Some("192.0.2.1:4711")),
            (binary(0x20, 0x11, &v4), None),
            (binary(0x21, 0x00, b""), None),
            (binary(0x21, 0x31, &[b'/'; 216]), None),
        ];
        for (header, client) in rows {
            let client = client.map(|client| client.parse().unwrap());
            let whole = [&header, &b"GET / HTTP/1.1\r\n"[..]].concat();
            assert_eq!(
                ProxyHeader::detect(&whole).unwrap(),
                ProxyHeader::Complete(header.len(), client),
                "{whole:?}"
            );
            for cut in 0..header.len() {
                assert_eq!(
                    ProxyHeader::detect(&header[..cut]).unwrap(),
                    ProxyHeader::Incomplete,
                    "{cut}: {header:?}"
                );
            }
        }
    }

    #[test]
    fn what_begins_with_no_header_is_something_else() {
        let rows: [&[u8]; 8] = [
            b"GET / HTTP/1.1",
            b"PUT /",
            b"PROPFIND /",
            b"PROXYX / HTTP/1.1",
            b"\r\nGET /",
            b"\r\n\r\nG",
            b"\x16\x03\x01",
            b"proxy TCP4",
        ];
        for bytes in rows {
            assert_eq!(ProxyHeader::detect(bytes).unwrap(), ProxyHeader::Absent, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn a_malformed_header_is_refused() {
        let text = [
            "",
            "TCP4",
            "TCP4 192.0.2.1 198.51.100.1 4711",
            "TCP4 192.0.2.1 198.51.100.1 4711 80 ",
            "TCP4  192.0.2.1 198.51.100.1 4711 80",
            "TCP4 192.0.2.1 198.51.100.1 4711 65536",
            "TCP4 192.0.2.1 198.51.100.1 +4711 80",
            "TCP4 192.0.2.1 198.51.100.1 04711 80",
            "TCP4 192.0.2.01 198.51.100.1 4711 80",
            "TCP4 192.0.2.1 198.51.100.1 4711 ",
            "TCP4 2001:db8::1 ::1 4711 80",
            "TCP6 192.0.2.1 198.51.100.1 4711 80",
            "UDP4 192.0.2.1 198.51.100.1 4711 80",
            "TCP4 192.0.2.1 198.51.100.1 4711 80\n",
            "tcp4 192.0.2.1 198.51.100.1 4711 80",
            "/ HTTP/1.1",
        ];
        let mut rows: Vec<_> = text.iter().map(|rest| format!("PROXY {rest}\r\n").into_bytes()).collect();
        rows.push(b"PROXY TCP4 192.0.2.1 \xff 4711 80\r\n".to_vec());
        rows.push([TEXT, &[b'x'; TEXT_MAX - 6]].concat());
        rows.push(binary(0x11, 0x11, &[0; 12]));
        rows.push(binary(0x22, 0x11, &[0; 12]));
        rows.push(binary(0x21, 0x41, &[0; 12]));
        rows.push(binary(0x21, 0x13, &[0; 12]));
        rows.push(binary(0x21, 0x11, &[0; 11]));
        rows.push(binary(0x21, 0x21, &[0; 35]));
        rows.push(binary(0x21, 0x31, &[0; 215]));
        rows.push(binary(0x20, 0x00, &[0; PROXY_HEADER_MAX - 15]));
        rows.push([BINARY, &[0x21, 0x11, 0xff, 0xff]].concat());
        for row in rows {
            let kind = ProxyHeader::detect(&row).map_err(|error| error.kind());
            assert_eq!(kind, Err(ErrorKind::Invalid), "{}", row.escape_ascii());
        }
    }
}
