//! Users and their passwords: the file that `htpasswd -B` writes, and whether a password is the right one. What a wrong
//! one costs stands in `guesses`; what a user may do it does not know.
//!
//! bcrypt is dear on purpose. A password that was right is remembered as a hash under a key that only this process
//! has, and pays no bcrypt and waits for nobody's wrong guesses any more.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::guesses::{Guesses, Marks, Turn};
use super::htpasswd;
use crate::error::Result;

/// Everybody who has a password.
pub struct Users {
    hashes: HashMap<Vec<u8>, String>,
    key: RandomState,
    /// The last password that was right for a user: not more than one for each.
    remembered: Mutex<HashMap<Vec<u8>, u64>>,
    guesses: Mutex<Guesses>,
    ended: Condvar,
}

/// Where a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An address. Who has one of IPv6 has all of its /64.
    Address(IpAddr),
    /// A user of this machine, by his id.
    Local(Option<u32>),
}

impl Users {
    /// Reads a file. Errors name file and line.
    pub fn read(path: &Path) -> Result<Self> {
        htpasswd::read(path).map(Users::of)
    }

    /// Reads the text of one; `file` is what errors call it.
    #[cfg(test)]
    fn parse(file: &str, text: &[u8]) -> Result<Self> {
        htpasswd::parse(file, text).map(Users::of)
    }

    fn of(hashes: htpasswd::Hashes) -> Self {
        Users {
            hashes,
            key: RandomState::new(),
            remembered: Mutex::default(),
            guesses: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Whether there is such a user.
    pub fn holds(&self, name: &[u8]) -> bool {
        self.hashes.contains_key(name)
    }

    /// Whether this is the user's password. Errors have status 503: too many have been wrong lately.
    pub fn verify(&self, name: &[u8], password: &[u8], origin: Origin) -> Result<bool> {
        let guess = self.key.hash_one((name, password));
        let marks =
            Marks { origin: self.mark("origin", origin.network()), user: self.mark("user", name), guess };
        let mut guesses = self.guesses();
        loop {
            if self.remembers(name, guess) {
                return Ok(true);
            }
            match guesses.begin(marks, Instant::now())? {
                Turn::Now => break,
                Turn::Later => {
                    guesses.wait(true);
                    guesses = self.ended.wait(guesses).unwrap_or_else(PoisonError::into_inner);
                    guesses.wait(false);
                }
            }
        }
        drop(guesses);
        let is_right = self.check(name, password);
        if is_right {
            self.remember(name, guess);
        }
        self.guesses().end(marks, is_right, Instant::now());
        self.ended.notify_all();
        Ok(is_right)
    }

    /// A hash nobody outside of this process can foresee.
    fn mark(&self, kind: &str, of: impl Hash) -> u64 {
        self.key.hash_one((kind, of))
    }

    /// A name nobody has costs what the dearest password costs. So time tells no names where all hashes have one cost;
    /// a cheaper one answers sooner.
    fn check(&self, name: &[u8], password: &[u8]) -> bool {
        let dearest = || self.hashes.values().max_by_key(|hash| hash.get(4..6));
        let known = self.hashes.get(name);
        let Some(hash) = known.or_else(dearest) else { return false };
        bcrypt::verify(password, hash).unwrap_or(false) && known.is_some()
    }

    fn guesses(&self) -> MutexGuard<'_, Guesses> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// 64 bits are enough: a guess at them is only ever made through [`Users::verify`].
    fn remembers(&self, name: &[u8], guess: u64) -> bool {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(name) == Some(&guess)
    }

    fn remember(&self, name: &[u8], guess: u64) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_vec(), guess);
    }
}

impl Origin {
    fn network(self) -> Self {
        match self {
            Origin::Address(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
                let bits = u128::from(address) & !u128::from(u64::MAX);
                Origin::Address(IpAddr::V6(bits.into()))
            }
            Origin::Address(address) => Origin::Address(address.to_canonical()),
            local => local,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::limits::WRONG_FREE;

    const HERE: Origin = Origin::Local(None);

    /// Users with these passwords, at the least cost.
    fn users(all: &[(&str, &str)]) -> Users {
        let line = |(name, password): &(&str, &str)| {
            format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap().replace("$2b$", "$2y$"))
        };
        let text: String = all.iter().map(line).collect();
        Users::parse("users", text.as_bytes()).unwrap()
    }

    #[test]
    fn a_password_is_right_for_its_user_and_no_other() {
        let users = users(&[("alice", "wonder land:"), ("böb", "é")]);
        let rows = [
            ("alice", "wonder land:", true),
            ("böb", "é", true),
            ("alice", "é", false),
            ("Alice", "wonder land:", false),
            ("alice", "", false),
            ("carol", "wonder land:", false),
            ("", "", false),
        ];
        for (at, (name, password, right)) in rows.into_iter().chain(rows).enumerate() {
            let from = Origin::Local(Some(at.try_into().unwrap()));
            assert_eq!(users.verify(name.as_bytes(), password.as_bytes(), from).unwrap(), right, "{name}");
        }
        assert!(!Users::parse("users", b"").unwrap().check(b"a", b"b"));
    }

    #[test]
    fn a_right_password_is_hashed_once() {
        let mut users = users(&[("alice", "a"), ("bob", "b")]);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        // What is remembered needs no hash any more; nothing else is.
        users.hashes.clear();
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        assert!(!users.verify(b"alice", b"b", HERE).unwrap());
        assert!(!users.verify(b"bob", b"b", HERE).unwrap());
        assert!(!users.verify(b"bob", b"a", HERE).unwrap());
    }

    #[test]
    fn who_was_wrong_too_often_is_not_looked_at_but_a_known_password_goes_through() {
        let users = users(&[("alice", "a"), ("bob", "b")]);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        for _ in 0..=WRONG_FREE {
            assert!(!users.verify(b"bob", b"c", HERE).unwrap());
        }
        assert_eq!(users.verify(b"bob", b"b", HERE).unwrap_err().http_status(), 503);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        assert!(users.verify(b"bob", b"b", Origin::Local(Some(1))).unwrap());
    }

    #[test]
    fn many_at_once_with_the_same_password_are_hashed_once() {
        let mut users = users(&[("alice", "a")]);
        // The guess is being looked at: others with it wait for the outcome, and find no hash to look at.
        users.hashes.clear();
        let marks = Marks { origin: 0, user: 0, guess: users.key.hash_one((&b"alice"[..], &b"a"[..])) };
        assert_eq!(users.guesses().begin(marks, Instant::now()).unwrap(), Turn::Now);
        std::thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..8).map(|_| scope.spawn(|| users.verify(b"alice", b"a", HERE).unwrap())).collect();
            users.remember(b"alice", marks.guess);
            users.guesses().end(marks, true, Instant::now());
            users.ended.notify_all();
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
        });
    }

    #[test]
    fn neighbours_in_a_network_of_ipv6_are_one() {
        let network = |text: &str| Origin::Address(text.parse().unwrap()).network();
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn a_file_that_is_not_one_of_htpasswd_is_refused_with_file_and_line() {
        let good = bcrypt::hash("a", 4).unwrap();
        let costly = good.replace("$04$", "$18$");
        let rows = [
            ("alice".to_owned(), "f:1: is no user: a line is NAME:HASH, as htpasswd -B writes it"),
            (format!(":{good}"), "f:1: is no user: a line is NAME:HASH, as htpasswd -B writes it"),
            ("# x\n\na:$apr1$x$y".to_owned(), "f:3: has no bcrypt hash: make it with htpasswd -B"),
            ("a:secret".to_owned(), "f:1: has no bcrypt hash: make it with htpasswd -B"),
            (format!("a:{costly}"), "f:1: has a hash that takes minutes to check: use htpasswd -C 12"),
            (
                format!("a:{}", good.replace("$04$", "$03$")),
                "f:1: has a hash that no password fits: make it with htpasswd -B",
            ),
            (format!("a:{good}\na:{good}"), "f:2: names a user a second time"),
        ];
        for (text, said) in rows {
            assert_eq!(Users::parse("f", text.as_bytes()).err().unwrap().to_string(), said);
        }
        let marked = format!("\u{feff}a:{good}");
        assert!(Users::parse("f", marked.as_bytes()).unwrap().holds(b"a"));
    }
}
