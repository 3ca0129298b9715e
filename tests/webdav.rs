//! WebDAV (RFC 4918) at the real daemon, over plain connections.

mod clients;
mod collections;
mod litmus;
mod lock_life;
pub mod locker;
mod locks;
mod properties;
