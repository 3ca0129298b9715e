//! `--run-as`: the account that the daemon runs as once its sockets are bound. Files are read as this account both at
//! the start and after HUP, so that a reload can read what the start could read.

use std::ffi::CString;
use std::os::unix::fs::chown;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, getegid, geteuid, initgroups, setgid, setuid};

use crate::error::{Error, Result};

/// Makes the C library load its name services (nsswitch.conf(5)), which a confined process cannot do, by looking up an
/// id that none of them knows.
pub fn load_names() {
    let _ = User::from_uid(Uid::from_raw(u32::MAX - 1));
}

/// A user and a group of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: CString,
    user: Uid,
    group: Gid,
    /// Whether an admin named the group.
    is_named: bool,
}

impl Account {
    /// Parses `USER` or `USER:GROUP`; without a group it is the user's primary group.
    pub fn parse(text: &str) -> Result<Self> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let found = User::from_name(user).map_err(|error| Error::io(user, error.into()))?;
        let unknown =
            |name: &str, what: &str| Error::usage(format!("{name}: is not a {what} of this machine"));
        let found = found.ok_or_else(|| unknown(user, "user"))?;
        let is_named = group.is_some();
        let group = match group {
            None => found.gid,
            Some(name) => {
                let found = Group::from_name(name).map_err(|error| Error::io(name, error.into()))?;
                found.ok_or_else(|| unknown(name, "group"))?.gid
            }
        };
        let name = CString::new(user).map_err(|_| unknown(user, "user"))?;
        Ok(Account { name, user: found.uid, group, is_named })
    }

    /// Changes the owner of a file or directory to this account.
    pub fn chown(&self, path: &Path) -> Result<()> {
        chown(path, Some(self.user.as_raw()), Some(self.group.as_raw()))
            .map_err(|error| Error::io(path.as_os_str().as_encoded_bytes(), error))
    }

    /// Switches the process to this account, irrevocably. Needs root; does nothing where the account is the current
    /// one.
    pub fn assume(&self) -> Result<()> {
        if geteuid() == self.user && (getegid() == self.group || !self.is_named) {
            return Ok(());
        }
        let named =
            |error: nix::Error| Error::io(format!("--run-as {}", self.name.to_string_lossy()), error.into());
        initgroups(&self.name, self.group).map_err(named)?;
        setgid(self.group).map_err(named)?;
        setuid(self.user).map_err(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_of_this_machine() {
        let root = Account::parse("root").unwrap();
        assert_eq!((root.user, root.group), (Uid::from_raw(0), Gid::from_raw(0)));
        assert_eq!(Account::parse("root:root").unwrap().group, root.group);
        for text in ["", "nobody-of-that-name", "root:", "root:no-such-group", ":root"] {
            assert!(matches!(Account::parse(text), Err(Error::Usage(_))), "{text}");
        }
    }
}
