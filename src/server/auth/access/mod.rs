//! Authorization: principals, access rules, and the list that decides.

pub use file::parse_name;
pub use list::AccessList;
pub use principal::{ANY_USER, Principal, local_name};
pub use rule::{Rule, Verb};

pub(crate) mod file;
mod list;
mod principal;
mod rule;
