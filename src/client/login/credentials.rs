//! The credentials of a request: the user name comes from `-u`, the URL or `~/.netrc`, the password from a file, from
//! `~/.netrc` or from the terminal, and never from the command line, which other users can read.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::Url;
use crate::client::conn::url::{Endpoint, in_environment};
use crate::client::login::netrc::Login;
use crate::client::login::password;
use crate::error::{Error, Result, shown};

/// The value of `Authorization` (RFC 7617), if there is one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(Option<Vec<u8>>);

/// Debug output must not contain the password.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Credentials(Basic)" } else { "Credentials(none)" })
    }
}

/// Which credentials were given for a server. They are not sent to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredentialSources {
    /// The name in `-u`.
    pub user: bool,
    /// The password in the file that `$CFP_PASSWORD_FILE` names.
    pub password_file: bool,
    /// The `default` of `~/.netrc` if no user is named.
    pub default_login: bool,
}

impl CredentialSources {
    /// All of them: for the server in `-s` or `$CFP_SERVER`.
    pub const ALL: CredentialSources =
        CredentialSources { user: true, password_file: true, default_login: true };

    /// Returns those for the server of a URL operand. Credentials are given for the server (scheme, host and port) in
    /// `-s`, else in `$CFP_SERVER`. `-u` applies to the URL if `only` URLs are operands.
    pub fn for_url(url: &Url, server: Option<&OsStr>, only: bool) -> Self {
        let is_chosen = Url::choose(server).is_ok_and(|chosen| chosen.is_same_server(url));
        let any_chosen = server.is_some() || in_environment().is_some();
        let user = is_chosen || (only && server.is_none());
        CredentialSources {
            user,
            password_file: is_chosen || (user && !any_chosen),
            default_login: is_chosen,
        }
    }
}

impl Credentials {
    /// Finds the credentials for a server, among those `given` for it; `user` is the name in `-u`. Asks on the terminal
    /// if the password is not found elsewhere.
    pub fn find(url: &Url, user: Option<&OsStr>, given: CredentialSources) -> Result<Self> {
        let user = user.filter(|_| given.user).map(|user| user.as_bytes().to_vec());
        let (user, first) = match user.or_else(|| url.user.clone()) {
            Some(user) => (user, None),
            None => {
                // Without a user name an unreadable `~/.netrc` is not an error.
                let text = read_netrc().ok().flatten();
                let login = text.and_then(|text| Login::first(&text, host(url), given.default_login));
                match login.and_then(|login| Some((login.user?, login.password))) {
                    Some(login) => login,
                    None => return Ok(Credentials(None)),
                }
            }
        };
        let file = if given.password_file { password_of_file()? } else { None };
        let password = match file.or(first) {
            Some(password) => Some(password),
            None => read_netrc()?
                .and_then(|text| Login::of_user(&text, host(url), &user))
                .and_then(|login| login.password),
        };
        match password {
            Some(password) => Credentials::of(&user, &password),
            None => Credentials::ask(url, &user),
        }
    }

    /// Asks for the password of this user on the terminal.
    pub fn ask(url: &Url, user: &[u8]) -> Result<Self> {
        Credentials::of(user, &ask(url, user)?)
    }

    /// Makes credentials of a name and a password.
    fn of(user: &[u8], password: &[u8]) -> Result<Self> {
        match user.contains(&b':') {
            true => Err(Error::usage(format!("{}: a user's name has no colon", shown(user)))),
            false => {
                let pair = STANDARD.encode([user, b":", password].concat());
                Ok(Credentials(Some(format!("Basic {pair}").into_bytes())))
            }
        }
    }

    /// Returns the value of `Authorization`.
    pub fn value(&self) -> Option<&[u8]> {
        self.0.as_deref()
    }
}

/// Returns the host of a server, as in `~/.netrc`.
fn host(url: &Url) -> &[u8] {
    match &url.address {
        Endpoint::Tcp { host, .. } | Endpoint::Tls { host, .. } => host.as_bytes(),
        Endpoint::Unix(_) => b"localhost",
    }
}

/// Reads the first line of the file that `$CFP_PASSWORD_FILE` names.
fn password_of_file() -> Result<Option<Vec<u8>>> {
    let Some(path) = env::var_os("CFP_PASSWORD_FILE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let text = fs::read(&path).map_err(|error| Error::io(path.as_bytes(), error))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    Ok(Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
}

/// Reads `~/.netrc`, if it exists.
fn read_netrc() -> Result<Option<Vec<u8>>> {
    let Some(home) = env::var_os("HOME").filter(|home| !home.is_empty()) else { return Ok(None) };
    let path = PathBuf::from(home).join(".netrc");
    match fs::read(&path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        read => read.map(Some).map_err(|error| Error::io(path.as_os_str().as_bytes(), error)),
    }
}

fn ask(url: &Url, user: &[u8]) -> Result<Vec<u8>> {
    let question = format!("Password of {} at {}: ", shown(user), url.shown);
    let typed = password::ask(&question).map_err(|error| Error::io("terminal", error))?;
    typed.ok_or_else(|| {
        let user = shown(user);
        Error::usage(format!(
            "{user}: no password: put it in $CFP_PASSWORD_FILE or ~/.netrc, or type it at a terminal"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_name_and_a_password_are_said_as_rfc_7617_says_them() {
        let said = Credentials::of("Aladdin".as_bytes(), b"open sesame").unwrap();
        assert_eq!(said.value().unwrap(), b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{said:?}").contains("QWxh"));
        assert_eq!(Credentials::of(b"a:b", b"c").unwrap_err().kind(), ErrorKind::Usage);
    }
}
