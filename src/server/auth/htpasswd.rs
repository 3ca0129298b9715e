//! The file of users: a name and a bcrypt hash per line, as `htpasswd -B` writes it. It owns the syntax and reports
//! errors by file and line; it verifies no password.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;

use bcrypt::HashParts;

use crate::error::{Error, Result};
use crate::server::auth::admin_file;

/// The lowest cost of bcrypt. No password matches a hash with a lower one.
const COST_MIN: u32 = 4;
/// The highest cost that htpasswd accepts. With a higher one, verifying a password takes minutes.
const COST_MAX: u32 = 17;

/// The name of a user, and the hash of the password.
type User = (Vec<u8>, String);

/// Reads a file. Errors name file and line.
pub fn read(path: &Path) -> Result<HashMap<Vec<u8>, String>> {
    admin_file::valid(admin_file::read(path, user())).map(HashMap::from_iter)
}

/// Returns all errors of a file, line by line.
pub fn errors(path: &Path) -> Vec<Error> {
    admin_file::read(path, user()).1
}

/// Returns the parser of the lines; a user may come once.
pub(super) fn user() -> impl FnMut(&str, &[u8]) -> Result<Option<User>, &'static str> {
    let mut names = HashSet::new();
    move |_, line| match line.trim_ascii() {
        line if line.is_empty() || line.starts_with(b"#") => Ok(None),
        line => match entry(line)? {
            (name, hash) if names.insert(name.clone()) => Ok(Some((name, hash))),
            _ => Err("names a user a second time"),
        },
    }
}

/// Returns the name and the hash of a line.
fn entry(line: &[u8]) -> Result<User, &'static str> {
    let colon = line.iter().position(|&byte| byte == b':').filter(|at| *at > 0);
    let (name, hash) = colon
        .and_then(|at| line.split_at_checked(at))
        .ok_or("is not a user: a line is NAME:HASH, as htpasswd -B writes it")?;
    let hash = std::str::from_utf8(hash.get(1..).unwrap_or_default()).unwrap_or_default();
    let parts = HashParts::from_str(hash).map_err(|_| "has no bcrypt hash: make it with htpasswd -B")?;
    match parts.get_cost() {
        ..COST_MIN => Err("has a hash that no password fits: make it with htpasswd -B"),
        COST_MIN..=COST_MAX => Ok((name.to_vec(), hash.to_owned())),
        _ => Err("has a hash that takes minutes to check: use htpasswd -C 12"),
    }
}
