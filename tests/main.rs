//! The integration tests as one program, which links once and keeps all cores busy to its end. What a module owns, its
//! `//!` says. Programs of their own are `house` and `docs`, which are quick to build, and `parcel`, which runs alone.

// A test states facts: it may unwrap, index and panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod access;
mod account;
mod archive;
mod backup;
mod bench;
mod clients;
mod command;
mod common;
mod config_file;
mod confine;
mod contrib;
mod faults;
mod foreground;
mod fuzz;
mod grep;
mod hostile;
mod image;
mod install;
mod life;
mod linear;
mod log;
mod lowest_versions;
mod metrics;
mod page;
mod prefix;
mod programs;
mod proxies;
mod proxy_protocol;
mod pty;
mod resume;
mod rows;
mod shared;
mod store;
mod streaming;
mod tls;
mod tour;
mod webdav;
mod wire;
mod words;
