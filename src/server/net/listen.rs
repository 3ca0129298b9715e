//! Where the daemon listens: addresses as an admin writes them, bound to sockets.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, chown};
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, connect, listen, setsockopt, socket, sockopt,
};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Group};

use crate::error::{Error, Result};
use crate::server::admin_path::{above, require_change};
use crate::server::net::listen_host::addresses;
use crate::server::observe::peer::Peer;

/// The address when none is named.
pub const DEFAULT: &str = "127.0.0.1:8398";

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address and port of this machine; port 0 is any free one.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix {
        /// Where it is made.
        path: PathBuf,
        /// Its permission bits.
        mode: Option<u32>,
        /// The group it is given to.
        group: Option<String>,
    },
}

impl Address {
    /// Reads `127.0.0.1:8398`, `[::1]:0`, `:8000`, `localhost:8000`, `unix:/path,mode=0660,group=www-data`. A host name may
    /// stand for several addresses.
    pub fn parse(text: &str) -> Result<Vec<Self>> {
        let bad = |what: &str| Error::usage(format!("{text}: {what}"));
        let Some(rest) = text.strip_prefix("unix:") else {
            return Ok(addresses(text)?.into_iter().map(Address::Tcp).collect());
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
        Ok(vec![Address::Unix { path: PathBuf::from(path), mode, group }])
    }

    /// Whether it can be bound, as far as that can be known without doing it.
    pub(crate) fn check(&self) -> Result<()> {
        let Address::Unix { path, group, .. } = self else { return Ok(()) };
        check_place(path)?;
        let above = above(path);
        require_change(above)
            .map_err(|wrong| Error::io(above.as_os_str().as_encoded_bytes(), wrong.into()))?;
        group.as_deref().map_or(Ok(()), |group| group_of(group).map(drop))
    }

    /// Whether other machines can reach it.
    pub fn is_exposed(&self) -> bool {
        matches!(self, Address::Tcp(address) if !address.ip().to_canonical().is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(f, "{address}"),
            Address::Unix { path, .. } => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A socket that takes connections. A Unix socket's path goes with it.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    /// How a client names it.
    pub url: String,
    /// Removes the path of a Unix socket at the end.
    _made: Option<Made>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A socket this process made, known by its inode: another one at the same path is not ours to remove.
#[derive(Debug)]
struct Made {
    path: PathBuf,
    inode: u64,
}

impl Listener {
    /// Binds an address. A dead Unix socket in the way is replaced, a live one is an error. With `tls` a client needs
    /// that on TCP.
    pub fn bind(address: &Address, tls: bool) -> Result<Self> {
        match address {
            Address::Tcp(address) => {
                let named = |wrong| Error::io(address.to_string(), wrong);
                let listener = TcpListener::bind(address).map_err(named)?;
                // `std` has 128 clients wait for the acceptor, and the others try again after a second.
                listen(&listener, Backlog::MAXALLOWABLE).map_err(|wrong| named(wrong.into()))?;
                Listener::of_tcp(listener, tls).map_err(named)
            }
            Address::Unix { path, mode, group } => {
                let named = |wrong| Error::io(path.as_os_str().as_encoded_bytes(), wrong);
                check_place(path)?;
                let listener = bind_unix(path, *mode).map_err(named)?;
                let inode = fs::symlink_metadata(path).map_err(named)?.ino();
                let made = Made { path: path.clone(), inode };
                if let Some(group) = group {
                    give_to(path, group)?;
                }
                Ok(Listener { _made: Some(made), ..Listener::of_unix(listener).map_err(named)? })
            }
        }
    }

    /// A socket that is bound already.
    pub fn of_tcp(listener: TcpListener, tls: bool) -> io::Result<Self> {
        // Another process may take a connection between the wait and the accept.
        listener.set_nonblocking(true)?;
        // What is written goes out at once; connections inherit that.
        setsockopt(&listener, sockopt::TcpNoDelay, &true)?;
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        Ok(Listener { socket: Socket::Tcp(listener), url, _made: None })
    }

    /// A socket that is bound already, whose path is another's.
    pub fn of_unix(listener: UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let url = format!("unix:{}", address.as_pathname().unwrap_or(Path::new("")).display());
        Ok(Listener { socket: Socket::Unix(listener), url, _made: None })
    }

    /// Waits for a connection. `None` when `stop` became readable.
    pub fn accept(&self, stop: impl AsFd) -> io::Result<Option<(OwnedFd, Peer)>> {
        let socket = match &self.socket {
            Socket::Tcp(listener) => listener.as_fd(),
            Socket::Unix(listener) => listener.as_fd(),
        };
        let mut fds = [PollFd::new(socket, PollFlags::POLLIN), PollFd::new(stop.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => return Err(io::ErrorKind::Interrupted.into()),
            ready => ready?,
        };
        if fds.get(1).and_then(PollFd::any) == Some(true) {
            return Ok(None);
        }
        let accepted = match &self.socket {
            Socket::Tcp(listener) => {
                listener.accept().map(|(stream, address)| (stream.into(), Peer::Address(address)))
            }
            Socket::Unix(listener) => listener.accept().map(|(stream, _)| (stream.into(), Peer::Local)),
        };
        accepted.map(Some)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            // It is gone already, or it stays: nothing else can be done about it here.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Refuses a path that cannot be a Unix socket's whoever listens.
fn check_place(path: &Path) -> Result<()> {
    let name = path.as_os_str().as_encoded_bytes();
    if UnixAddress::from_pathname(path).is_err() {
        return Err(Error::name_too_long(name, "is too long for a Unix socket, which takes 107 bytes"));
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            Err(Error::conflict(name, "is there and is no socket"))
        }
        _ => Ok(()),
    }
}

/// Binds with these permission bits from the first moment on.
fn bind_unix(path: &Path, mode: Option<u32>) -> io::Result<UnixListener> {
    remove_dead(path)?;
    let before = mode.map(|mode| umask(Mode::from_bits_truncate(0o777 & !mode)));
    let bound = UnixListener::bind(path);
    if let Some(before) = before {
        umask(before);
    }
    bound
}

/// A socket nobody listens on is left from a daemon that died.
fn remove_dead(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    match is_socket && is_dead(path)? {
        true => fs::remove_file(path),
        false => Ok(()),
    }
}

/// Asks without waiting: one whose queue is full is alive.
fn is_dead(path: &Path) -> io::Result<bool> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let asking = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    Ok(connect(asking.as_raw_fd(), &UnixAddr::new(path)?) == Err(Errno::ECONNREFUSED))
}

fn group_of(name: &str) -> Result<Gid> {
    let found = Group::from_name(name).map_err(|wrong| Error::io(name, wrong.into()))?;
    found.map(|group| group.gid).ok_or_else(|| Error::usage(format!("{name}: is no group of this machine")))
}

fn give_to(path: &Path, group: &str) -> Result<()> {
    chown(path, None, Some(group_of(group)?.as_raw()))
        .map_err(|wrong| Error::io(path.as_os_str().as_encoded_bytes(), wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_socket_is_dead_when_nobody_listens_and_not_when_nobody_is_quick() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        listen(&listener, Backlog::new(0).unwrap()).unwrap();
        // Each waits in the queue, until that is full.
        assert!((0..4).all(|_| !is_dead(&path).unwrap()));
        drop(listener);
        assert!(is_dead(&path).unwrap());
    }

    #[test]
    fn an_address_is_read_or_says_what_would_be_right() {
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let unix = |mode, group: Option<&str>| Address::Unix {
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
            assert_eq!(Address::parse(text).ok(), address.map(|address| vec![address]), "{text}");
        }
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        let address = Address::Unix { path: path.clone(), mode: Some(0o600), group: None };
        let live = Listener::bind(&address, false).unwrap();
        assert!(Listener::bind(&address, false).is_err());
        drop(live);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_socket_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let address = Address::Unix { path: path.clone(), mode: None, group: None };
        fs::write(&path, "notes").unwrap();
        let said = format!("{}: is there and is no socket", path.display());
        assert_eq!(Listener::bind(&address, false).unwrap_err().to_string(), said);
        assert_eq!(address.check().unwrap_err().to_string(), said);
        let long = Address::Unix { path: folder.path().join("s".repeat(108)), mode: None, group: None };
        assert_eq!(Listener::bind(&long, false).unwrap_err().kind(), ErrorKind::NameTooLong);
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
        fs::remove_file(&path).unwrap();
        // A path that has become another's is not removed.
        let ours = Listener::bind(&address, false).unwrap();
        fs::rename(&path, folder.path().join("t")).unwrap();
        fs::write(&path, "notes").unwrap();
        drop(ours);
        assert_eq!(fs::read_to_string(&path).unwrap(), "notes");
    }
}
