//! The file of users: a name and a bcrypt hash per line, as `htpasswd -B` writes it. It owns the syntax and reports
//! errors by file and line; it verifies no password.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use bcrypt::HashParts;

use crate::error::{Error, Result};
use crate::server::auth::admin_file;

/// The lowest cost of bcrypt. No password matches a hash with a lower one.
const COST_MIN: u32 = 4;
/// The highest cost that htpasswd accepts. With a higher one, verifying a password takes minutes.
const COST_MAX: u32 = 17;

/// Hashes by name.
pub type Hashes = HashMap<Vec<u8>, String>;

/// Reads a file. Errors name file and line.
pub fn read(path: &Path) -> Result<Hashes> {
    let (name, text) = admin_file::read(path)?;
    parse(&name, &text)
}

/// Returns all errors of a file, line by line.
pub fn faults(path: &Path) -> Vec<Error> {
    match admin_file::read(path) {
        Ok((name, text)) => collect(&name, &text).1,
        Err(error) => vec![error],
    }
}

/// Parses the text of one; `file` is what errors call it.
pub fn parse(file: &str, text: &[u8]) -> Result<Hashes> {
    let (hashes, faults) = collect(file, text);
    faults.into_iter().next().map_or(Ok(hashes), Err)
}

fn collect(file: &str, text: &[u8]) -> (Hashes, Vec<Error>) {
    let (mut hashes, mut faults) = (HashMap::new(), Vec::new());
    for (number, line) in admin_file::lines(text).map(|(number, line)| (number, line.trim_ascii())) {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let entry = entry(line).and_then(|(name, hash)| match hashes.insert(name, hash) {
            None => Ok(()),
            Some(_) => Err("names a user a second time"),
        });
        faults.extend(entry.err().map(|what| Error::usage(format!("{file}:{number}: {what}"))));
    }
    (hashes, faults)
}

/// The name and the hash of a line.
fn entry(line: &[u8]) -> Result<(Vec<u8>, String), &'static str> {
    let colon = line.iter().position(|&byte| byte == b':').filter(|at| *at > 0);
    let (name, hash) = colon
        .and_then(|at| line.split_at_checked(at))
        .ok_or("is no user: a line is NAME:HASH, as htpasswd -B writes it")?;
    let hash = std::str::from_utf8(hash.get(1..).unwrap_or_default()).unwrap_or_default();
    let parts = HashParts::from_str(hash).map_err(|_| "has no bcrypt hash: make it with htpasswd -B")?;
    match parts.get_cost() {
        ..COST_MIN => Err("has a hash that no password fits: make it with htpasswd -B"),
        COST_MIN..=COST_MAX => Ok((name.to_vec(), hash.to_owned())),
        _ => Err("has a hash that takes minutes to check: use htpasswd -C 12"),
    }
}
