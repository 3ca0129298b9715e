//! User names and passwords, and their sources.

pub mod credentials;
pub mod netrc;
pub mod password;
