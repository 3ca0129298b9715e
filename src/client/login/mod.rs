//! User names and passwords: where they come from.

pub mod credentials;
pub mod netrc;
pub mod password;
