//! How many bytes wait in the send buffer of a TCP socket. It does not know what they are.

use std::os::fd::AsFd;

use nix::sys::socket::setsockopt;
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

/// Limits the bytes that wait unsent on a TCP socket, or on all that a listening one accepts.
pub fn limit_unsent(socket: &impl AsFd) -> nix::Result<()> {
    setsockopt(socket, UnsentMax, &UNSENT_MAX)
}
