//! URLs: the address of a server, and the target of a name there. It opens no connection.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use percent_encoding::percent_decode;

use crate::client::operand::RemoteName;
use crate::error::{Error, Result, shown};
use crate::http::authority::is_host;
use crate::http::limits::TARGET_MAX;
use crate::http::{Query, Target, target};

/// The URL of the server, if neither `-s` nor `$CFP_SERVER` names another.
const DEFAULT: &str = "http://127.0.0.1:8398";

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Over TCP.
    Tcp {
        /// A host name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over TCP with TLS.
    Tls {
        /// A host name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over a Unix socket.
    Unix(PathBuf),
}

/// The URL of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// The address.
    pub address: Endpoint,
    /// The user name in it.
    pub user: Option<Vec<u8>>,
    /// The value of `Host`.
    pub host: String,
    /// The server as error messages name it.
    pub shown: String,
    /// Path components before every name: a proxy may serve it in a folder.
    prefix: Vec<Vec<u8>>,
}

impl Url {
    /// Returns the server of `-s`, else of `$CFP_SERVER`, else the default one.
    pub fn choose(given: Option<&OsStr>) -> Result<Self> {
        let server = given.map(OsStr::to_owned).or_else(in_environment);
        Url::parse(server.unwrap_or_else(|| DEFAULT.into()).as_bytes())
    }

    /// Returns whether both have the same scheme, host and port.
    pub fn is_same_server(&self, other: &Url) -> bool {
        match (&self.address, &other.address) {
            (Endpoint::Tcp { host: one, port }, Endpoint::Tcp { host: two, port: other })
            | (Endpoint::Tls { host: one, port }, Endpoint::Tls { host: two, port: other }) => {
                one.eq_ignore_ascii_case(two) && port == other
            }
            (one, two) => one == two,
        }
    }

    /// Parses `http://[user@]host[:port][/prefix]`, `https://…`, `host:port` or `unix:path`.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let (url, path) = match is_host_and_port(text) {
            true => Url::split(&[PLAIN.as_bytes(), text].concat())?,
            false => Url::split(text)?,
        };
        let target = Target::parse(&path)?;
        match target.query.names().next() {
            Some(_) => Err(Error::usage(format!("{}: a server has no query", shown(text)))),
            None => Ok(Url { prefix: target.components, ..url }),
        }
    }

    /// Parses a URL of any HTTP server into the server and the encoded target.
    pub fn split(text: &[u8]) -> Result<(Self, Vec<u8>)> {
        let shown = shown(text);
        if let Some(path) = text.strip_prefix(b"unix:").filter(|path| !path.is_empty()) {
            let address = Endpoint::Unix(PathBuf::from(OsStr::from_bytes(path)));
            let url = Url { address, user: None, host: "localhost".into(), shown, prefix: Vec::new() };
            return Ok((url, b"/".into()));
        }
        let bad = || {
            Error::usage(format!(
                "{shown}: is neither http://HOST[:PORT], https://HOST[:PORT], HOST:PORT nor unix:PATH"
            ))
        };
        let (scheme, standard, rest) = split_scheme(text).ok_or_else(bad)?;
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or_else(bad)?;
        let (user, authority) = split_user(authority)?;
        let (host, zone) = std::str::from_utf8(authority).ok().and_then(split_zone).ok_or_else(bad)?;
        let host = Some(host.as_str()).filter(|host| is_host(host.as_bytes())).ok_or_else(bad)?;
        // An empty port is the default one (RFC 3986 §3.2.3).
        let host = host.strip_suffix(':').unwrap_or(host);
        let (name, port) = split_port(host, standard).ok_or_else(bad)?;
        let shown = format!("{scheme}{}", String::from_utf8_lossy(authority).trim_end_matches(':'));
        let name = format!("{name}{zone}");
        let address = match scheme {
            SECURE => Endpoint::Tls { host: name, port },
            _ => Endpoint::Tcp { host: name, port },
        };
        let server = Url { address, user, host: host.to_owned(), shown, prefix: Vec::new() };
        Ok((server, on_the_wire(rest)))
    }

    /// Returns the target of a name with a query. It has room for a name and many words of a filter, but not for as many as
    /// the filter accepts. A name with `.` or an empty part is refused: the server would drop that, and `d/.` would be the directory
    /// `d/` for a program that was asked for a file.
    pub fn target(&self, name: &RemoteName, query: &Query) -> Result<Vec<u8>> {
        name.refuse_none()?;
        let components: Vec<_> = self.prefix.iter().chain(&name.components).collect();
        let target = target::encode(&components, name.directory, query);
        match target.len() > TARGET_MAX && query.names().next().is_some() {
            true => {
                let most = format!("is too long for a request, whose target has at most {TARGET_MAX} bytes");
                Err(Error::name_too_long("the word", most))
            }
            false => Ok(target),
        }
    }
}

/// Returns `$CFP_SERVER`, if it names a server.
pub(crate) fn in_environment() -> Option<OsString> {
    std::env::var_os("CFP_SERVER").filter(|server| !server.is_empty())
}

/// The schemes, with the default port of each (RFC 9110 §4.2).
const SCHEMES: [(&str, u16); 2] = [(PLAIN, 80), (SECURE, 443)];
/// The scheme without TLS.
const PLAIN: &str = "http://";
/// The scheme of TLS.
const SECURE: &str = "https://";

/// Returns whether this is a URL, not a name.
pub fn is_web(text: &[u8]) -> bool {
    split_scheme(text).is_some()
}

/// Returns the last component of a target's path, decoded, if it is a valid local file name.
pub fn base(target: &[u8]) -> Option<OsString> {
    let path = target.split(|&byte| byte == b'?').next()?;
    let last: Vec<u8> = percent_decode(path.rsplit(|&byte| byte == b'/').next()?).collect();
    let is_none = matches!(&last[..], b"" | b"." | b"..") || last.iter().any(|byte| matches!(byte, b'/' | 0));
    (!is_none).then(|| OsString::from_vec(last))
}

/// Returns whether the text is `host:port`, without a scheme.
fn is_host_and_port(text: &[u8]) -> bool {
    let mut parts = text.rsplitn(2, |&byte| byte == b':');
    let port = parts.next().unwrap_or_default();
    let host = parts.next().unwrap_or_default();
    !host.is_empty()
        && !host.contains(&b'/')
        && !port.is_empty()
        && port.iter().all(u8::is_ascii_digit)
        && host != b"unix"
}

/// Splits off the scheme, compared without case; returns it, its port and the rest.
fn split_scheme(text: &[u8]) -> Option<(&'static str, u16, &[u8])> {
    SCHEMES.into_iter().find_map(|(scheme, port)| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme.as_bytes()).then_some((scheme, port, rest))
    })
}

/// Splits off the user before an `@`. A password is refused, and not repeated in the message: other users see command
/// lines.
fn split_user(authority: &[u8]) -> Result<(Option<Vec<u8>>, &[u8])> {
    let Some(at) = authority.iter().rposition(|&byte| byte == b'@') else { return Ok((None, authority)) };
    let user: Vec<u8> = percent_decode(authority.get(..at).unwrap_or_default()).collect();
    match user.contains(&b':') {
        true => Err(Error::usage("a URL takes no password, which others would see: name only the user")),
        false => {
            Ok((Some(user).filter(|user| !user.is_empty()), authority.get(at + 1..).unwrap_or_default()))
        }
    }
}

/// Splits the zone from an IPv6 address in an authority: `[fe80::1%25eth0]:80` (RFC 6874), or with a bare percent sign.
/// The zone is local to this machine, and is not sent.
fn split_zone(authority: &str) -> Option<(String, String)> {
    let inside = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let Some(((address, zone), rest)) = inside.and_then(|(host, rest)| Some((host.split_once('%')?, rest)))
    else {
        return Some((authority.to_owned(), String::new()));
    };
    let zone = zone.strip_prefix("25").unwrap_or(zone);
    let is_one =
        !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_one.then(|| (format!("[{address}]{rest}"), format!("%{zone}")))
}

/// Parses `host`, `host:port`, `[::1]` or `[::1]:port`.
fn split_port(text: &str, standard: u16) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at_checked(text.find(':').unwrap_or(text.len()))?,
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => standard,
        None => return None,
        Some(digits) => digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?,
    };
    (!host.is_empty()).then_some((host, port))
}

/// Encodes path and query: without the fragment, and with invalid bytes percent-encoded.
fn on_the_wire(rest: &[u8]) -> Vec<u8> {
    let rest = rest.split(|&byte| byte == b'#').next().unwrap_or_default();
    let slash: &[u8] = if rest.starts_with(b"/") { b"" } else { b"/" };
    let mut wire = slash.to_vec();
    for &byte in rest {
        match byte.is_ascii_graphic() {
            true => wire.push(byte),
            false => wire.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_from_its_url() {
        let rows = [
            ("http://127.0.0.1:8398", "127.0.0.1", 8398, "127.0.0.1:8398", "/f"),
            ("HTTP://example.org", "example.org", 80, "example.org", "/f"),
            ("http://[::1]:90/", "::1", 90, "[::1]:90", "/f"),
            ("http://h:/", "h", 80, "h", "/f"),
            ("http://[::1]:", "::1", 80, "[::1]", "/f"),
            ("http://[fe80::1%25eth0]:90", "fe80::1%eth0", 90, "[fe80::1]:90", "/f"),
            ("http://[fe80::1%eth0]", "fe80::1%eth0", 80, "[fe80::1]", "/f"),
            ("http://h/a%20b/c/", "h", 80, "h", "/a%20b/c/f"),
            ("h:81", "h", 81, "h:81", "/f"),
            ("[::1]:81", "::1", 81, "[::1]:81", "/f"),
        ];
        for (text, host, port, field, wire) in rows {
            let url = Url::parse(text.as_bytes()).unwrap();
            assert_eq!(url.address, Endpoint::Tcp { host: host.into(), port }, "{text}");
            assert_eq!(url.host, field);
            let target = url.target(&RemoteName::parse(b"f"), &Query::default()).unwrap();
            assert_eq!(String::from_utf8(target).unwrap(), wire);
        }
        let named = Url::parse(b"http://al%40ice@h:1/p").unwrap();
        assert_eq!((named.user.unwrap(), named.host.as_str()), (b"al@ice".to_vec(), "h:1"));
        assert_eq!(Url::parse(b"unix:/run/a b").unwrap().address, Endpoint::Unix("/run/a b".into()));
    }

    #[test]
    fn a_server_is_the_same_by_scheme_host_and_port() {
        let rows = [
            ("http://h/a", "http://H:80/b?c", true),
            ("https://alice@h", "https://h:443", true),
            ("http://h", "https://h", false),
            ("http://h:443", "https://h", false),
            ("http://h:1", "http://h:2", false),
            ("http://h", "http://h.example", false),
            ("unix:/s", "unix:/s", true),
            ("unix:/s", "http://localhost", false),
        ];
        for (one, two, same) in rows {
            let url = |text: &str| Url::split(text.as_bytes()).unwrap().0;
            assert_eq!(url(one).is_same_server(&url(two)), same, "{one} {two}");
        }
    }

    #[test]
    fn what_is_no_server_is_wrong_use() {
        let rows = [
            "",
            "h",
            "ftp://h",
            "http://",
            "http://:80",
            "http://:",
            "http://h::",
            "http://h:x",
            "http://h:+1",
            "http://u:p@h",
        ];
        for text in rows.into_iter().chain([
            "http://h:65536",
            "http://[::1",
            "http://[fe80::1%25]",
            "http://[fe80::1%a b]",
            "unix:",
            "http://h/?a",
            "http://h\r\n/",
        ]) {
            assert!(matches!(Url::parse(text.as_bytes()), Err(Error::Usage(_))), "{text}");
        }
        for text in ["http://alice:secret@h/", "http://alice%3Asecret@h"] {
            assert!(!Url::parse(text.as_bytes()).unwrap_err().to_string().contains("secret"));
        }
    }

    #[test]
    fn a_target_names_a_file_or_none() {
        let rows: [(&str, Option<&str>); 8] = [
            ("/a/b.txt", Some("b.txt")),
            ("/a%20b?c/d", Some("a b")),
            ("/d/", None),
            ("/", None),
            ("/?q", None),
            ("/%2e%2e", None),
            ("/a%2Fb", None),
            ("/a%00", None),
        ];
        for (target, name) in rows {
            assert_eq!(base(target.as_bytes()), name.map(OsString::from), "{target}");
        }
    }

    #[test]
    fn any_url_becomes_a_target_that_can_travel() {
        let rows = [
            ("http://h", "/"),
            ("http://h/a b?c=é#part", "/a%20b?c=%C3%A9"),
            ("http://h?q", "/?q"),
            ("http://h/%41//..", "/%41//.."),
        ];
        for (text, wire) in rows {
            assert_eq!(String::from_utf8(Url::split(text.as_bytes()).unwrap().1).unwrap(), wire);
        }
    }
}
