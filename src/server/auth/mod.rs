//! Authentication and authorization: who a client is, and what it may do. Rights are proved by a value.

pub(crate) use access::{AccessList, Principal, Verb};
pub(crate) use policy::{Policy, PolicyFiles};
pub(crate) use rights::{AuthorizedStore, Gate};
pub(crate) use served_hosts::ServedHosts;
pub(crate) use users::Users;

pub mod access;
pub(crate) mod admin_file;
pub(crate) mod basic;
pub(crate) mod failure_counts;
pub(crate) mod htpasswd;
pub(crate) mod locks;
pub(crate) mod login_source;
pub(crate) mod login_throttle;
pub(crate) mod policy;
pub(crate) mod rights;
pub(crate) mod served_hosts;
pub(crate) mod users;
