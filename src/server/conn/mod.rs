//! Connections: accepting them, and serving the requests of each.

pub(crate) mod accept;
pub(crate) mod connection;
mod refusal;
mod workers;
