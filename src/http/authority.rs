//! Authorities: a host with a port or without, as `Host`, a target in absolute form and `Origin` name it (RFC 9110
//! §4.2.3, §7.2, RFC 6454 §6). Which hosts this server serves is decided elsewhere.

use std::net::Ipv6Addr;

use super::fields::Fields;

/// Returns the authority a request is for (RFC 9112 §3.2.2): that of a target in absolute form, else that of `Host`.
pub fn of_request<'r>(target: &'r [u8], fields: &'r Fields) -> Option<&'r [u8]> {
    let in_target = Some(target).filter(|target| is_absolute(target)).and_then(split_absolute);
    in_target.map(|(authority, _)| authority).or_else(|| fields.get("host"))
}

/// Returns whether a target is in absolute form, valid or not.
pub fn is_absolute(target: &[u8]) -> bool {
    target.contains(&b':') && target.first() != Some(&b'/')
}

/// Returns the authority of a target in absolute form, and what follows it.
pub(super) fn split_absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = split_scheme(target)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    // The host must not be empty (RFC 9110 §4.2.1).
    let is_one = is_host(authority) && !matches!(authority.first(), None | Some(b':'));
    is_one.then_some((authority, path))
}

/// Returns the default port of a URL's scheme, and what follows `scheme://`.
fn split_scheme(url: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let schemes: [(&[u8], &[u8]); 2] = [(b"http://", b"80"), (b"https://", b"443")];
    schemes.into_iter().find_map(|(scheme, port)| {
        let (start, rest) = url.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some((port, rest))
    })
}

/// Returns whether an `Origin` has this host and port. The scheme may differ, since a proxy may terminate TLS. `null`
/// never does.
pub fn is_origin_of(origin: &[u8], authority: &[u8]) -> bool {
    let Some((standard, of_page)) = split_scheme(origin) else { return false };
    let (host, port) = split_port(of_page);
    let (own_host, own_port) = split_port(authority);
    let or_standard = |port: &[u8]| if port.is_empty() { standard.to_vec() } else { port.to_vec() };
    host.eq_ignore_ascii_case(own_host) && or_standard(port) == or_standard(own_port)
}

/// Returns the host, and the digits of the port.
pub fn split_port(authority: &[u8]) -> (&[u8], &[u8]) {
    let start = authority.iter().rposition(|&byte| byte == b']').unwrap_or(0);
    let colon = authority.iter().skip(start).position(|&byte| byte == b':').map(|at| at + start);
    let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
    (host, port.strip_prefix(b":").unwrap_or(port))
}

/// Returns whether these bytes are a valid host with or without a port (RFC 3986 §3.2.2, §3.2.3), without user
/// information.
pub fn is_host(value: &[u8]) -> bool {
    let Some(literal) = value.strip_prefix(b"[") else {
        let (name, port) = value.split_at(value.iter().position(|&byte| byte == b':').unwrap_or(value.len()));
        return is_name(name) && is_port(port);
    };
    let Some(end) = literal.iter().position(|&byte| byte == b']') else { return false };
    let (address, port) = literal.split_at(end);
    is_address(address) && port.strip_prefix(b"]").is_some_and(is_port)
}

/// Returns whether this is a registered name, which may be empty (RFC 3986 §3.2.2).
fn is_name(name: &[u8]) -> bool {
    is_percent_encoded(name)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte))
}

/// Returns whether two hexadecimal digits follow each percent sign (RFC 3986 §2.1).
pub(super) fn is_percent_encoded(part: &[u8]) -> bool {
    let is_hex = |at: usize| part.get(at).is_some_and(u8::is_ascii_hexdigit);
    memchr::memchr_iter(b'%', part).all(|at| is_hex(at + 1) && is_hex(at + 2))
}

/// Returns whether this is an IPv6 address, with or without a zone (RFC 6874).
fn is_address(address: &[u8]) -> bool {
    let (address, zone) = address.split_at(address.iter().position(|&b| b == b'%').unwrap_or(address.len()));
    let address = std::str::from_utf8(address).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
    address.is_some() && is_name(zone)
}

/// Returns whether this is empty, or a colon and an optional port number.
fn is_port(part: &[u8]) -> bool {
    let is_number = |digits: &[u8]| {
        let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<u16>().ok());
        digits.iter().all(u8::is_ascii_digit) && (digits.is_empty() || number.is_some())
    };
    part.is_empty() || part.strip_prefix(b":").is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Request;

    #[test]
    fn a_target_in_absolute_form_names_the_host_and_not_the_field() {
        let rows: [(&str, Option<&str>); 4] = [
            ("GET /a HTTP/1.1\r\nHost: h:1\r\n\r\n", Some("h:1")),
            ("GET http://t/a HTTP/1.1\r\nHost: h\r\n\r\n", Some("t")),
            ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", Some("h")),
            ("GET / HTTP/1.0\r\n\r\n", None),
        ];
        for (text, authority) in rows {
            let request = Request::read(&mut text.as_bytes(), None).unwrap().unwrap();
            assert_eq!(of_request(request.target(), &request.fields), authority.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn a_page_is_of_the_authority_with_its_host_and_port() {
        let rows = [
            ("http://h", "h", true),
            ("http://h", "H:80", true),
            ("https://h", "h", true),
            ("https://h", "h:443", true),
            ("http://h:8398", "h:8398", true),
            ("http://[::1]:8398", "[::1]:8398", true),
            ("http://[::1]", "[::1]", true),
            ("http://h:8398", "h", false),
            ("http://h", "h:8398", false),
            ("https://h", "h:80", false),
            ("http://i", "h", false),
            ("http://h.i", "h", false),
            ("null", "null", false),
            ("", "", false),
            ("file://", "", false),
        ];
        for (origin, authority, same) in rows {
            assert_eq!(
                is_origin_of(origin.as_bytes(), authority.as_bytes()),
                same,
                "{origin} and {authority}"
            );
        }
    }
}
