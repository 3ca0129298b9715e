//! Uploads that come in pieces, over raw sockets and by cfp-put: each request of the protocol, cuts, restarts, races,
//! limits.

// The attribute is for clippy: what helps a test may unwrap as a test may.
#[cfg(test)]
mod common;

#[cfg(test)]
mod resume {
    mod client;
    mod foreign;
    mod limits;
    mod origin;
    mod pieces;
    mod races;
    mod restarts;
    mod wire;
}
