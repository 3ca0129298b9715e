//! Parses the addresses to listen on. `listen` binds them; `listen_host` parses TCP addresses.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::server::admin_path::{parent_of, require_writable};
use crate::server::net::listen_host::addresses;
use crate::server::net::unix_socket::{check_path, group_id};

/// The default address.
pub const DEFAULT: &str = "127.0.0.1:8398";

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address and port of this machine; port 0 is any free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Where it is created.
        path: PathBuf,
        /// Its permission bits.
        mode: Option<u32>,
        /// Its group.
        group: Option<String>,
    },
}

impl ListenAddress {
    /// Parses `127.0.0.1:8398`, `[::1]:0`, `:8000`, `localhost:8000`, `unix:/path,mode=0660,group=www-data`. A host name
    /// may have several addresses.
    pub fn parse(text: &str) -> Result<Vec<Self>> {
        let bad = |what: &str| Error::usage(format!("{text}: {what}"));
        let Some(rest) = text.strip_prefix("unix:") else {
            return Ok(addresses(text)?.into_iter().map(ListenAddress::Tcp).collect());
        };
        let mut parts = rest.split(',');
        let path = parts.next().filter(|path| !path.is_empty()).ok_or_else(|| bad("names no path"))?;
        let (mut mode, mut group) = (None, None);
        for part in parts {
            match part.split_once('=') {
                Some(("mode", digits)) => {
                    let octal = u32::from_str_radix(digits, 8).ok();
                    let octal = octal.filter(|mode| *mode <= 0o777 && !digits.starts_with('+'));
                    mode = Some(octal.ok_or_else(|| bad("has a mode that is not octal, as 0660 is"))?);
                }
                Some(("group", name)) => group = Some(name.to_owned()),
                _ => return Err(bad("takes only mode= and group= after the path")),
            }
        }
        Ok(vec![ListenAddress::Unix { path: PathBuf::from(path), mode, group }])
    }

    /// Checks whether it can be bound, as far as that is possible without binding it.
    pub(crate) fn check(&self) -> Result<()> {
        let ListenAddress::Unix { path, group, .. } = self else { return Ok(()) };
        check_path(path)?;
        let parent = parent_of(path);
        require_writable(parent)
            .map_err(|error| Error::io(parent.as_os_str().as_encoded_bytes(), error.into()))?;
        group.as_deref().map_or(Ok(()), |group| group_id(group).map(drop))
    }

    /// Returns whether other machines can connect to it.
    pub fn is_exposed(&self) -> bool {
        matches!(self, ListenAddress::Tcp(address) if !address.ip().to_canonical().is_loopback())
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenAddress::Tcp(address) => write!(f, "{address}"),
            ListenAddress::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_or_says_what_would_be_right() {
        let tcp = |text: &str| ListenAddress::Tcp(text.parse().unwrap());
        let unix = |mode, group: Option<&str>| ListenAddress::Unix {
            path: PathBuf::from("/run/a.sock"),
            mode,
            group: group.map(str::to_owned),
        };
        let rows = [
            ("127.0.0.1:0", Some(tcp("127.0.0.1:0"))),
            ("[::1]:80", Some(tcp("[::1]:80"))),
            ("unix:/run/a.sock", Some(unix(None, None))),
            ("unix:/run/a.sock,mode=0660,group=www-data", Some(unix(Some(0o660), Some("www-data")))),
            ("0.0.0.0:80", Some(tcp("0.0.0.0:80"))),
            ("localhost", None),
            ("8398", None),
            ("unix:", None),
            ("unix:/a,mode=0999", None),
            ("unix:/a,mode=+660", None),
            ("unix:/a,owner=me", None),
        ];
        for (text, address) in rows {
            assert_eq!(ListenAddress::parse(text).ok(), address.map(|address| vec![address]), "{text}");
        }
    }
}
