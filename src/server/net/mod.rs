//! Sockets: listeners, connections as byte streams with time-outs, TLS, and the addresses of proxies and clients.

pub(crate) mod connections;
pub(crate) mod forwarded;
pub(crate) mod input;
pub(crate) mod interim;
pub(crate) mod listen;
pub(crate) mod listen_address;
mod listen_host;
mod output;
pub(crate) mod shutdown;
pub(crate) mod socket;
mod stall;
pub(crate) mod stream;
pub(crate) mod tls;
mod unix_socket;
