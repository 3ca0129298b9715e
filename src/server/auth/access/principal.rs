//! Who makes a request, as far as the daemon knows: a user with a password, a process on a Unix socket, or anyone. It
//! proves nothing; that is the business of `basic`.

use nix::unistd::{Uid, User};

use crate::error::{Error, Result, shown};

/// Any user, as a rule and an admin write it.
pub const ANY_USER: &[u8] = b"@users";

/// The prefix of the name of a peer on a Unix socket.
pub const LOCAL: &[u8] = b"local:";

/// Who makes a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The user whose password was right.
    pub user: Option<Vec<u8>>,
    /// The user id of the process at the other end of a Unix socket.
    pub local: Option<u32>,
}

impl Principal {
    /// Reads what an admin writes: `alice`, `local:alice`, `@users` for a user whom no rule names, `-` for anyone.
    pub fn parse(text: &[u8]) -> Result<Self> {
        match (text, text.strip_prefix(LOCAL)) {
            (b"-" | b"*", _) => Ok(Principal::default()),
            (_, Some(name)) => Ok(Principal { user: None, local: Some(local_id(name)?) }),
            _ => Ok(Principal { user: Some(text.to_vec()), local: None }),
        }
    }
}

/// The id of a user of this machine. It is looked up when rules are read, not for each request.
pub fn local_id(name: &[u8]) -> Result<u32> {
    let found = std::str::from_utf8(name).ok().and_then(|name| User::from_name(name).ok().flatten());
    found
        .map(|user| user.uid.as_raw())
        .ok_or_else(|| Error::usage(format!("local:{}: is no user of this machine", shown(name))))
}

/// The name of a user of this machine as a rule writes it; the id where the user has no name.
pub fn local_name(id: u32) -> Vec<u8> {
    let found = User::from_uid(Uid::from_raw(id)).ok().flatten();
    [LOCAL, found.map_or_else(|| id.to_string(), |user| user.name).as_bytes()].concat()
}
