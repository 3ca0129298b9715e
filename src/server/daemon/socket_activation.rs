//! Socket activation (sd_listen_fds(3)): listening sockets, TCP and Unix, that the service manager has bound. They
//! outlive the daemon, so that a restart refuses no client.

use std::os::fd::AsFd;

use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt::AcceptConn};

use crate::error::{Error, Result};
use crate::server::daemon::config::Config;
use crate::server::net::{ListenAddress, Listener};

/// Returns the inherited sockets; none without socket activation. A socket that does not listen, or that other machines can
/// reach without permission, is an error.
pub fn listeners(config: &Config) -> Result<Vec<Listener>> {
    let mut handed = ListenFd::from_env();
    (0..handed.len()).map(|at| listener(config, &mut handed, at)).collect()
}

/// Refuses socket activation together with an option that it excludes.
pub fn refuse(option: &str) -> Result<()> {
    match ListenFd::from_env().len() {
        0 => Ok(()),
        _ => Err(Error::usage(format!("{option}: sockets were handed over, to this process alone"))),
    }
}

fn listener(config: &Config, handed: &mut ListenFd, at: usize) -> Result<Listener> {
    let name = format!("handed socket {}", at + 1);
    let unfit = || Error::usage(format!("{name}: is not a listening TCP or Unix socket"));
    if let Ok(Some(socket)) = handed.take_tcp_listener(at) {
        listens(&socket).then_some(()).ok_or_else(unfit)?;
        let address = socket.local_addr().map_err(|error| Error::io(&name, error))?;
        config.refuse_exposed(&ListenAddress::Tcp(address))?;
        return Listener::of_tcp(socket, config.tls.is_some()).map_err(|error| Error::io(&name, error));
    }
    match handed.take_unix_listener(at) {
        Ok(Some(socket)) if listens(&socket) => {
            Listener::of_unix(socket).map_err(|error| Error::io(&name, error))
        }
        _ => Err(unfit()),
    }
}

fn listens(socket: &impl AsFd) -> bool {
    getsockopt(socket, AcceptConn).unwrap_or(false)
}
