//! Who a tool says its user is: the name comes from `-u`, the URL or `~/.netrc`, the password from a file, from
//! `~/.netrc`, or from the terminal, and never from the command line, where everybody can read it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::netrc::Login;
use super::password;
use super::url::{Address, Url};
use crate::error::{Error, Result, shown};

/// What a request says of who sends it: the value of `Authorization` (RFC 7617), or nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(Option<Vec<u8>>);

/// A password has no place in a message for debugging.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Credentials(Basic)" } else { "Credentials(none)" })
    }
}

impl Credentials {
    /// Those for a server; `user` is the name that was given for it. Asks on the terminal where nothing else says the
    /// password.
    pub fn find(url: &Url, user: Option<&OsStr>) -> Result<Self> {
        let user = user.map(|user| user.as_bytes().to_vec()).or_else(|| url.user.clone());
        let Some(user) = user else {
            // Who is not asked to say who he is must not fail for a file he does not think of.
            let login = read_netrc().ok().flatten().and_then(|text| Login::find(&text, host(url), None));
            let pair = login.and_then(|login| login.user.zip(login.password));
            return pair.map_or(Ok(Credentials(None)), |(user, password)| Credentials::of(&user, &password));
        };
        let password = match password_of_file()? {
            Some(password) => Some(password),
            None => read_netrc()?
                .and_then(|text| Login::find(&text, host(url), Some(&user)))
                .and_then(|login| login.password),
        };
        let password = match password {
            Some(password) => password,
            None => ask(url, &user)?,
        };
        Credentials::of(&user, &password)
    }

    /// A name and a password.
    fn of(user: &[u8], password: &[u8]) -> Result<Self> {
        match user.contains(&b':') {
            true => Err(Error::usage(format!("{}: a user's name has no colon", shown(user)))),
            false => {
                let pair = STANDARD.encode([user, b":", password].concat());
                Ok(Credentials(Some(format!("Basic {pair}").into_bytes())))
            }
        }
    }

    /// The value of `Authorization`.
    pub fn value(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

/// What a login in `~/.netrc` calls a server.
fn host(url: &Url) -> &[u8] {
    match &url.address {
        Address::Tcp { host, .. } | Address::Tls { host, .. } => host.as_bytes(),
        Address::Unix(_) => b"localhost",
    }
}

/// The first line of the file that `$CFP_PASSWORD_FILE` names.
fn password_of_file() -> Result<Option<Vec<u8>>> {
    let Some(path) = env::var_os("CFP_PASSWORD_FILE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let text = fs::read(&path).map_err(|wrong| Error::io(path.as_bytes(), wrong))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    Ok(Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
}

/// `~/.netrc`, where there is one.
fn read_netrc() -> Result<Option<Vec<u8>>> {
    let Some(home) = env::var_os("HOME").filter(|home| !home.is_empty()) else { return Ok(None) };
    let path = PathBuf::from(home).join(".netrc");
    match fs::read(&path) {
        Err(wrong) if matches!(wrong.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        read => read.map(Some).map_err(|wrong| Error::io(path.as_os_str().as_bytes(), wrong)),
    }
}

fn ask(url: &Url, user: &[u8]) -> Result<Vec<u8>> {
    let question = format!("Password of {} at {}: ", shown(user), url.shown);
    let typed = password::ask(&question).map_err(|wrong| Error::io("terminal", wrong))?;
    typed.ok_or_else(|| {
        let user = shown(user);
        Error::usage(format!("{user}: no password: say it in $CFP_PASSWORD_FILE, ~/.netrc or at a terminal"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_password_are_said_as_rfc_7617_says_them() {
        let said = Credentials::of("Aladdin".as_bytes(), b"open sesame").unwrap();
        assert_eq!(said.value().unwrap(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{said:?}").contains("QWxh"));
        assert_eq!(Credentials::of(b"a:b", b"c").unwrap_err().exit_code(), 2);
    }
}
