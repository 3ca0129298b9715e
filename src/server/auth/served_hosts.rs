//! Which hosts the server answers for, and which web pages may write. To a browser, a page whose domain an attacker
//! resolves to this machine (DNS rebinding) has the same origin; only `Host` reveals it. A page of another site can
//! send any form (CSRF); `Origin` reveals it. It does not know users.

use std::fs;
use std::net::IpAddr;

use nix::unistd::gethostname;

use crate::error::{Error, Result};
use crate::http::{Fields, Version, authority};
use crate::server::net::Stream;
use crate::server::observe::Peer;

/// The names of loopback on every machine; those beneath `localhost` are loopback too (RFC 6761 §6.3).
const LOOPBACK: [&str; 4] = ["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback"];

/// The host names that requests may be for.
#[derive(Clone, Debug, Default)]
pub struct ServedHosts {
    /// In lower case, without a final dot.
    names: Vec<String>,
}

impl ServedHosts {
    /// Returns the names of loopback and of this machine, and those that an admin gave.
    pub fn of_machine(given: &[String]) -> Self {
        let host = gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
        let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
        let own = names_of_machine(&host, &hosts);
        let names = LOOPBACK.map(str::to_owned).into_iter().chain(own).chain(given.iter().cloned());
        ServedHosts { names: names.map(|name| plain(&name)).collect() }
    }

    /// Refuses a request for another host (421). Web pages cannot reach a Unix socket, and browsers do not speak
    /// HTTP/1.0, which has no `Host`.
    pub fn require(&self, stream: &Stream, authority: Option<&[u8]>, version: Version) -> Result<()> {
        let authority = authority.filter(|authority| !authority.is_empty());
        let (Some(authority), Peer::Address(_), Version::Http11) = (authority, &stream.peer, version) else {
            return Ok(());
        };
        let (host, _) = authority::split_port(authority);
        let text = std::str::from_utf8(host).unwrap_or_default();
        match self.contains(text, || stream.socket.local_address()) {
            true => Ok(()),
            false => Err(Error::misdirected(host, "is not a host of this server: see --host of cfpd")),
        }
    }

    /// Returns whether a host is one of these, a loopback address, or the local address of the connection.
    fn contains(&self, host: &str, local: impl FnOnce() -> Option<IpAddr>) -> bool {
        let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        // Without the zone, which has a meaning on this machine only.
        let address = literal.split('%').next().unwrap_or_default().parse::<IpAddr>();
        match address.map(|address| address.to_canonical()) {
            // Connecting to the unspecified address connects to this machine.
            Ok(address) if address.is_loopback() || address.is_unspecified() => true,
            Ok(address) => self.has(literal) || local().is_some_and(|local| local.to_canonical() == address),
            Err(_) => self.has(host) || plain(host).ends_with(".localhost"),
        }
    }

    fn has(&self, name: &str) -> bool {
        let name = plain(name);
        self.names.contains(&name)
    }
}

/// Returns whether the host of an authority is loopback; the port does not matter.
pub fn is_loopback(authority: &[u8]) -> bool {
    let (host, _) = authority::split_port(authority);
    let text = std::str::from_utf8(host).unwrap_or_default();
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match literal.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => LOOPBACK.contains(&plain(text).as_str()) || plain(text).ends_with(".localhost"),
    }
}

/// Parses a host of `--host`. Errors have kind `Usage`.
pub fn parse(text: &str) -> Result<String> {
    let literal = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let is_address = literal.parse::<IpAddr>().is_ok();
    match is_address || (!text.is_empty() && !text.contains(':') && authority::is_host(text.as_bytes())) {
        true => Ok(literal.to_owned()),
        false => Err(Error::usage(format!("--host {text}: is not a host name (leave out scheme and port)"))),
    }
}

/// Returns the names of this machine: the host name, also in multicast DNS, and what `/etc/hosts` lists for loopback or beside
/// the host name.
fn names_of_machine(host: &str, hosts: &str) -> Vec<String> {
    let mut names = vec![host.to_owned()];
    if !host.is_empty() && !host.contains('.') {
        names.push(format!("{host}.local"));
    }
    for line in hosts.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
        let called: Vec<_> = words.map(str::to_owned).collect();
        if address.is_loopback() || called.iter().any(|name| plain(name) == plain(host)) {
            names.extend(called);
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Refuses a write to this authority from a page of another site (403). In a secure context a browser sends
/// `Sec-Fetch-Site`, which no page can set; else `Origin`. A trusted proxy may name the host.
pub fn refuse_cross_site_write(fields: &Fields, authority: Option<&[u8]>, through_proxy: bool) -> Result<()> {
    let foreign = |field| Error::forbidden(field, "a page of another site may change nothing here");
    match fields.get("sec-fetch-site") {
        // `none` is the user, not a page. Behind a proxy that changes `Host`, only this field is reliable.
        Some(b"same-origin" | b"none") => return Ok(()),
        Some(_) => return Err(foreign("Sec-Fetch-Site")),
        None => {}
    }
    let forwarded = fields.members("x-forwarded-host").filter(|_| through_proxy);
    let own: Vec<_> = authority.into_iter().chain(forwarded).collect();
    let is_own = |origin| own.iter().any(|authority| authority::is_origin_of(origin, authority));
    if fields.get_all("origin").all(is_own) { Ok(()) } else { Err(foreign("Origin")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::http::Request;

    #[test]
    fn a_machine_is_known_by_its_names_and_by_no_other() {
        let hosts = "127.0.0.1 localhost\n127.0.1.1\tbox.example.org box # this one\n::1 six\n\
                     192.0.2.7 nas\n192.0.2.8 Box box-lan\n";
        let machine = names_of_machine("box", hosts).iter().map(|name| plain(name)).collect();
        let served_hosts = ServedHosts { names: [machine, vec!["files.example.org".to_owned()]].concat() };
        let local = || Some(IpAddr::from([192, 0, 2, 1]));
        let rows = [
            ("localhost", true),
            ("a.LOCALHOST", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("0.0.0.0", true),
            ("192.0.2.1", true),
            ("[::ffff:192.0.2.1]", true),
            ("box", true),
            ("BOX.example.org.", true),
            ("box.local", true),
            ("box-lan", true),
            ("six", true),
            ("files.example.org", true),
            ("files.example.org.evil.example", false),
            ("x.files.example.org", false),
            ("nas", false),
            ("192.0.2.2", false),
            ("evil.example", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
        ];
        for (host, answered) in rows {
            assert_eq!(served_hosts.contains(host, local), answered, "{host}");
        }
    }

    #[test]
    fn a_host_is_given_without_scheme_and_port() {
        for (text, read) in
            [("h.example", "h.example"), ("192.0.2.1", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1")]
        {
            assert_eq!(parse(text).unwrap(), read);
        }
        for text in ["", "h:80", "http://h", "a b", "u@h"] {
            assert_eq!(parse(text).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_known_by_what_its_browser_says() {
        let rows = [
            ("", true),
            ("Origin: http://h:1\r\n", true),
            ("Origin: http://h\r\n", false),
            ("Origin: null\r\n", false),
            ("Origin: http://h:1\r\nOrigin: http://i\r\n", false),
            ("Sec-Fetch-Site: none\r\n", true),
            ("Sec-Fetch-Site: same-origin\r\nOrigin: https://outside.example\r\n", true),
            ("Sec-Fetch-Site: same-site\r\nOrigin: http://h:1\r\n", false),
            ("Sec-Fetch-Site: cross-site\r\n", false),
            ("Sec-Fetch-Site: nonsense\r\n", false),
            ("Origin: https://outside.example\r\nX-Forwarded-Host: outside.example\r\n", false),
        ];
        for (fields, may) in rows {
            let text = format!("PUT /f HTTP/1.1\r\nHost: h:1\r\n{fields}\r\n");
            let request = Request::read(&mut text.as_bytes(), None).unwrap().unwrap();
            let refuse =
                |through_proxy| refuse_cross_site_write(&request.fields, Some(b"h:1"), through_proxy);
            let status = refuse(false).err().map(|error| error.kind());
            assert_eq!(status, (!may).then_some(ErrorKind::Forbidden), "{fields}");
            let is_told_by_a_proxy = fields.contains("X-Forwarded-Host");
            assert_eq!(refuse(true).is_ok(), may || is_told_by_a_proxy, "{fields}");
        }
    }
}
