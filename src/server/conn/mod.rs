//! Connections: accepting them, and serving the requests of each.

pub(crate) mod accept;
pub(crate) mod connection;
mod proxied;
mod refusal;
mod workers;
