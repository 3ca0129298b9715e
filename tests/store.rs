//! The store room against real directories: every verb, and what happens to it while others do theirs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

#[cfg(test)]
mod common;

// The attribute is for clippy: what helps a test may unwrap as a test may.
#[cfg(test)]
mod store {
    mod copies;
    mod deletes;
    mod handover;
    mod hostile;
    mod lists;
    mod reads;
    mod renames;
    mod sandbox;
    mod sweeps;
    mod writes;
}
