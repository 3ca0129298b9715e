//! The principal of a request: an authenticated user, a local process on a Unix socket, or anyone. `basic`
//! authenticates it.

use nix::unistd::{Uid, User};

use crate::error::{Error, Result, shown};

/// Any user, as it is written in a rule and on the command line.
pub const ANY_USER: &[u8] = b"@users";

/// The prefix of the name of a local user, whose processes connect over a Unix socket.
pub const LOCAL: &[u8] = b"local:";

/// The principal of a request; without user and local process it is anyone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The user whose password was verified.
    pub user: Option<Vec<u8>>,
    /// The user id of the process at the other end of a Unix socket.
    pub local: Option<u32>,
}

impl Principal {
    /// Returns whom a lock of this principal belongs to: the user, whatever process or proxy connects for them.
    pub fn owner(&self) -> Self {
        Principal { user: self.user.clone(), local: self.local.filter(|_| self.user.is_none()) }
    }

    /// Parses a command-line argument: `alice`, `local:alice`, `@users` for a user whom no rule names, `-` for anyone.
    pub fn parse(text: &[u8]) -> Result<Self> {
        match (text, text.strip_prefix(LOCAL)) {
            (b"-" | b"*", _) => Ok(Principal::default()),
            (_, Some(name)) => Ok(Principal { user: None, local: Some(local_id(name)?) }),
            _ => Ok(Principal { user: Some(text.to_vec()), local: None }),
        }
    }
}

/// Looks up the id of a user of this machine. Called when rules are read, not for each request.
pub fn local_id(name: &[u8]) -> Result<u32> {
    let found = std::str::from_utf8(name).ok().and_then(|name| User::from_name(name).ok().flatten());
    found
        .map(|user| user.uid.as_raw())
        .ok_or_else(|| Error::usage(format!("local:{}: is not a user of this machine", shown(name))))
}

/// Looks up the name of a user of this machine, with its prefix as in a rule; the id where the user has no name.
pub fn local_name(id: u32) -> Vec<u8> {
    let found = User::from_uid(Uid::from_raw(id)).ok().flatten();
    [LOCAL, found.map_or_else(|| id.to_string(), |user| user.name).as_bytes()].concat()
}
