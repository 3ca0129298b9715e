//! Sockets: listeners, connections as byte streams with time-outs, TLS, and the addresses of proxies and clients.

pub(crate) use connections::{ConnectionGuard, Connections, Received};
pub(crate) use forwarded::{ClientScheme, RequestClient, TrustedProxies};
pub(crate) use input::HeadReader;
pub(crate) use interim::Interim;
pub(crate) use listen::Listener;
pub(crate) use listen_address::ListenAddress;
pub(crate) use proxy_header::ProxyHeader;
pub(crate) use shutdown::ShutdownHandle;
pub(crate) use socket::{PeerState, Socket};
pub(crate) use stall::StallTimer;
pub(crate) use stream::Stream;
pub(crate) use tls::{Tls, TlsFiles, TlsSession};

mod connection_table;
pub(crate) mod connections;
pub(crate) mod forwarded;
pub(crate) mod input;
pub(crate) mod interim;
pub(crate) mod listen;
pub(crate) mod listen_address;
mod listen_host;
mod output;
pub(crate) mod proxy_header;
pub(crate) mod shutdown;
pub(crate) mod socket;
mod stall;
pub(crate) mod stream;
pub(crate) mod tls;
mod unix_socket;
pub(crate) mod work_counts;
