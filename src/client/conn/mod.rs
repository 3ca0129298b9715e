//! The connection to a server: its URL, the socket, TLS, and how long silence is borne.

pub mod connect;
pub mod silence;
pub mod tls;
pub mod url;
pub mod verifier;
