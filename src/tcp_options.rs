//! The options that both ends set on TCP sockets for speed. It does not know what is sent.

use std::net::IpAddr;
use std::os::fd::AsFd;

use nix::sys::socket::{setsockopt, sockopt};
use nix::{getsockopt_impl, libc, setsockopt_impl, sockopt_impl};

sockopt_impl!(
    /// How many bytes may wait in a send buffer beyond what the peer's window takes (`TCP_NOTSENT_LOWAT`); nix does not
    /// define the option.
    UnsentMax,
    Both,
    libc::IPPROTO_TCP,
    libc::TCP_NOTSENT_LOWAT,
    u32
);

/// So many bytes keep the network busy until the thread has added more. Without a limit, both ends work against each other: the
/// reader is woken for each segment, and a buffer of megabytes is in the cache of neither (docs/benchmarks.md). A peer that
/// does not read holds less kernel memory, too.
pub const UNSENT_MAX: u32 = 16 << 10;

/// The congestion control that every Linux has, which sets no timer for each packet as BBR does.
pub const LOOPBACK_CONGESTION: &str = "reno";

/// Sets the options of a TCP socket, or of all that a listening one accepts. `address` is that of either end: on the loopback
/// interface there is no network that could be congested.
pub fn set_tcp_options(socket: &impl AsFd, address: IpAddr) -> nix::Result<()> {
    setsockopt(socket, sockopt::TcpNoDelay, &true)?;
    setsockopt(socket, UnsentMax, &UNSENT_MAX)?;
    if address.to_canonical().is_loopback() {
        // Without it the connection is only slower.
        let _ = setsockopt(socket, sockopt::TcpCongestion, &LOOPBACK_CONGESTION.into());
    }
    Ok(())
}
