//! The daemon. This room owns listeners, connections, and the handling of requests. It uses `http` to frame messages,
//! `store` to store files, and `text` to filter them.
//!
//! A thread accepts on each listener, a thread serves each connection, and the first thread waits for signals. The
//! folders are in the order in which a request passes them, and each imports only those after it: daemon, conn,
//! methods, webdav, resumable, exchange, page, shared, auth, net, observe, status; limits and admin_path come last.

pub use crate::http::PathPrefix;
pub use crate::server::auth::admin_file::read as read_admin_file;
pub use crate::server::auth::served_hosts::parse as parse_host;
pub use crate::server::daemon::config::Config;
pub use crate::server::daemon::run::run;
pub use crate::server::daemon::run_as::Account;
pub use crate::server::net::forwarded::{Network, TrustedProxies};
pub use crate::server::net::listen_address::{DEFAULT, ListenAddress};
pub use crate::server::net::tls::TlsFiles;
pub use crate::server::observe::log::LogFormat;
pub use crate::server::status::status_of;
pub use limits::{FILE_CACHE, Limits};

mod admin_path;
pub mod auth;
pub(crate) mod conn;
pub(crate) mod daemon;
pub(crate) mod exchange;
mod limits;
mod methods;
pub(crate) mod net;
pub(crate) mod observe;
pub(crate) mod page;
pub(crate) mod resumable;
pub(crate) mod shared;
pub(crate) mod status;
mod webdav;
