//! The connection to a server: URL, socket, TLS and timeouts.

mod addresses;
pub mod connect;
pub(crate) mod rate_limit;
pub mod silence;
pub mod tls;
pub mod url;
pub mod verifier;
