//! Connections: how they are accepted, and the requests that follow each other on one.

pub(crate) mod accept;
pub(crate) mod connection;
