//! The connection to a server: URL, socket, TLS and timeouts.

pub mod connect;
pub mod silence;
pub mod tls;
pub mod url;
pub mod verifier;
