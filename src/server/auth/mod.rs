//! Who a client is, and what it may do: users, access rules, and the rights that are proved by a value.

pub mod access;
pub(crate) mod htpasswd;
pub(crate) mod identity;
pub(crate) mod login_throttle;
pub(crate) mod origin;
pub(crate) mod policy;
pub(crate) mod rights;
pub(crate) mod sites;
pub(crate) mod users;
pub(crate) mod wrong_counts;
