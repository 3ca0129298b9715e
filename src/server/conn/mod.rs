//! Connections: who is let in, and the requests that come one after another.

pub(crate) mod accept;
pub(crate) mod connection;
