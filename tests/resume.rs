//! Uploads that come in pieces, over raw sockets and by cfp-put: each request of the protocol, cuts, restarts, races,
//! limits.

mod client;
mod foreign;
mod limits;
mod origin;
mod pieces;
mod races;
mod restarts;
mod wire;
