//! Parses `~/.netrc` like ftp and curl: the keywords `machine`, `default`, `login` and `password` are used, others
//! ignored. It opens no file.

/// An entry of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The host; `None` for any.
    machine: Option<Vec<u8>>,
    /// The user name.
    pub user: Option<Vec<u8>>,
    /// The password.
    pub password: Option<Vec<u8>>,
}

impl Login {
    /// Returns the first entry for this host that has a user; one for any host only if `default` is allowed.
    pub fn first(text: &[u8], host: &[u8], takes_default: bool) -> Option<Login> {
        let is_here =
            |login: &Login| if login.machine.is_none() { takes_default } else { login.is_for(host) };
        logins(text).into_iter().find(|login| is_here(login) && login.user.is_some())
    }

    /// Returns the first complete entry for this host or any, with this user name.
    pub fn of_user(text: &[u8], host: &[u8], user: &[u8]) -> Option<Login> {
        let is_his = |login: &Login| login.user.as_deref() == Some(user);
        logins(text).into_iter().find(|login| login.is_for(host) && is_his(login) && login.is_whole())
    }

    fn is_for(&self, host: &[u8]) -> bool {
        self.machine.as_ref().is_none_or(|machine| machine.eq_ignore_ascii_case(host))
    }

    fn is_whole(&self) -> bool {
        self.user.is_some() && self.password.is_some()
    }
}

/// Parses all entries, in order.
fn logins(text: &[u8]) -> Vec<Login> {
    let mut logins: Vec<Login> = Vec::new();
    let mut words = NetrcWords { rest: text };
    while let Some(word) = words.next() {
        // Keywords are compared without case, as in curl.
        match word.to_ascii_lowercase().as_slice() {
            b"machine" => logins.push(Login { machine: words.next(), ..Login::default() }),
            b"default" => logins.push(Login::default()),
            b"macdef" => words.skip_macro(),
            b"account" => drop(words.next()),
            b"login" => {
                let user = words.next();
                logins.last_mut().into_iter().for_each(|login| login.user.clone_from(&user));
            }
            b"password" => {
                let password = words.next();
                logins.last_mut().into_iter().for_each(|login| login.password.clone_from(&password));
            }
            word if word.starts_with(b"#") => words.skip_line(),
            _ => {}
        }
    }
    logins
}

/// The words between white space. A word that begins with a double quote ends with one, and a backslash in it escapes
/// the next byte.
struct NetrcWords<'a> {
    rest: &'a [u8],
}

impl NetrcWords<'_> {
    fn skip_line(&mut self) {
        let end = self.rest.iter().position(|&byte| byte == b'\n').unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    /// A macro ends with an empty line.
    fn skip_macro(&mut self) {
        let end = self.rest.windows(2).position(|pair| pair == b"\n\n").unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }
}

impl Iterator for NetrcWords<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut bytes = self.rest.trim_ascii_start().iter();
        let quoted = bytes.as_slice().first() == Some(&b'"');
        if quoted {
            bytes.next();
        }
        let mut word = Vec::new();
        let mut begun = quoted;
        while let Some(&byte) = bytes.next() {
            match byte {
                b'"' if quoted => break,
                b'\\' if quoted => word.extend(bytes.next()),
                byte if !quoted && byte.is_ascii_whitespace() => {
                    // A comment ends with its line, so the line end is not consumed.
                    let taken = self.rest.len() - bytes.as_slice().len() - 1;
                    self.rest = self.rest.get(taken..).unwrap_or_default();
                    return Some(word);
                }
                byte => word.push(byte),
            }
            begun = true;
        }
        self.rest = bytes.as_slice();
        begun.then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = b"\
# machine commented login no password no
machine one.example login alice password secret # of one
machine one.example\n\tlogin bob\n\tpassword \"with \\\"space\\\"\"
macdef init
machine in.macro login x password y

machine two.example account a login \"\" password p
machine three.example login only
default login alice password anywhere";

    #[test]
    fn the_first_login_that_fits_is_found() {
        let rows = [
            ("one.example", None, Some("alice/secret")),
            ("ONE.example", Some("alice"), Some("alice/secret")),
            ("one.example", Some("bob"), Some("bob/with \"space\"")),
            ("one.example", Some("carol"), None),
            ("two.example", None, Some("/p")),
            ("three.example", None, Some("only/")),
            ("three.example", Some("only"), None),
            ("in.macro", None, None),
            ("commented", None, None),
            ("elsewhere", None, None),
            ("elsewhere", Some("alice"), Some("alice/anywhere")),
            ("elsewhere", Some("bob"), None),
        ];
        for (host, user, found) in rows {
            let login = match user {
                Some(user) => Login::of_user(FILE, host.as_bytes(), user.as_bytes()),
                None => Login::first(FILE, host.as_bytes(), false),
            };
            let parts =
                login.map(|login| [login.user.unwrap(), login.password.unwrap_or_default()].join(&b'/'));
            assert_eq!(parts.as_deref(), found.map(str::as_bytes), "{host} {user:?}");
        }
    }

    #[test]
    fn keywords_are_read_in_any_case_and_default_is_for_any_host() {
        let text = b"MACHINE One LOGIN Alice PassWord Secret\nDefault Login bob PASSWORD any";
        let rows = [
            ("one", true, Some("Alice/Secret")),
            ("one", false, Some("Alice/Secret")),
            ("two", true, Some("bob/any")),
            ("two", false, None),
        ];
        for (host, takes_default, found) in rows {
            let login = Login::first(text, host.as_bytes(), takes_default);
            let parts = login.map(|login| [login.user.unwrap(), login.password.unwrap()].join(&b'/'));
            assert_eq!(parts.as_deref(), found.map(str::as_bytes), "{host}");
        }
        assert_eq!(Login::of_user(text, b"two", b"bob").unwrap().password.unwrap(), b"any");
        assert_eq!(Login::of_user(text, b"two", b"Alice"), None);
    }

    #[test]
    fn any_bytes_are_read_to_their_end() {
        for text in [&b""[..], b"machine", b"\"", b"\"\\", b"login x", b"macdef", b"# x", b"password \"a"] {
            assert_eq!(Login::first(text, b"h", true), None, "{text:?}");
        }
    }
}
