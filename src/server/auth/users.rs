//! Users and their passwords: the file that `htpasswd -B` writes, and the verification of a password against it.
//! `login_throttle` delays logins after failures; what a user may do is up to `access`.
//!
//! bcrypt is expensive on purpose. A verified password is cached as a hash with a key that only this process has: it
//! needs no bcrypt again, and from a network from which the user has logged in it is not throttled, unless other
//! passwords of the user are being guessed from there. Anybody else could guess against the cache at any speed.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use crate::error::Result;
use crate::server::auth::htpasswd;
use crate::server::auth::login_source::LoginSource;
use crate::server::auth::login_throttle::{Admission, Keys, LoginThrottle};
use crate::server::limits::NETWORKS_REMEMBERED;
use crate::server::observe::peer::{NETWORK_BITS, PREFIX_BITS};

/// All users who have a password.
pub struct Users {
    hashes: HashMap<Vec<u8>, String>,
    logins: Arc<Logins>,
}

/// The state of logins, which outlives a reload of the file.
#[derive(Default)]
struct Logins {
    key: RandomState,
    /// The last verified password of each user.
    remembered: Mutex<HashMap<Vec<u8>, Remembered>>,
    throttle: Mutex<LoginThrottle>,
    ended: Condvar,
}

/// A verified password.
struct Remembered {
    /// The password, as a hash.
    guess: u64,
    /// The networks it came from, the latest last, as [`Keys::pair`].
    pairs: VecDeque<u64>,
}

impl Users {
    /// Reads a file. Errors name file and line.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Users { hashes: htpasswd::read(path)?, logins: Arc::default() })
    }

    /// Takes over the state of logins from the users before a reload: failures, and cached passwords, which stay valid
    /// where the bcrypt hash is the same.
    pub fn keeping_logins_of(self, others: &Users) -> Self {
        let logins = Arc::clone(&others.logins);
        logins.remembered.lock().retain(|name, _| self.hashes.contains_key(name));
        Users { logins, ..self }
    }

    /// Returns whether the user exists.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.hashes.contains_key(name)
    }

    /// Returns whether this is the user's password. An error has kind `Overloaded`: too many logins failed recently.
    pub fn verify(&self, name: &[u8], password: &[u8], source: LoginSource) -> Result<bool> {
        let logins = &*self.logins;
        let keys = self.keys(name, password, source);
        let mut throttle = logins.throttle.lock();
        loop {
            if logins.knows(name, keys) && !throttle.is_guessing(keys, Instant::now()) {
                return Ok(true);
            }
            let until = match throttle.begin(keys, Instant::now())? {
                Admission::Now => break,
                Admission::Later => None,
                Admission::At(until) => Some(until),
            };
            throttle.wait(keys, true);
            match until {
                None => logins.ended.wait(&mut throttle),
                Some(until) => drop(logins.ended.wait_until(&mut throttle, until)),
            }
            throttle.wait(keys, false);
        }
        drop(throttle);
        let is_right = logins.remembers(name, keys) || self.check(name, password);
        if is_right {
            logins.remember(name, keys);
        }
        logins.throttle.lock().end(keys, is_right, Instant::now());
        logins.ended.notify_all();
        Ok(is_right)
    }

    /// Returns the keys of an attempt: hashes that nobody outside of this process can predict. The key of the password includes
    /// the bcrypt hash it is checked against, so that a changed password is no longer cached.
    fn keys(&self, name: &[u8], password: &[u8], source: LoginSource) -> Keys {
        let mark = |of: (&str, &[u8], Option<LoginSource>)| self.logins.key.hash_one(of);
        let (network, prefix) = (source.network(NETWORK_BITS), source.network(PREFIX_BITS));
        let hash = self.hashes.get(name);
        let pair = mark(("pair", name, Some(network)));
        Keys {
            pair,
            prefix_pair: if prefix == network { pair } else { mark(("pair", name, Some(prefix))) },
            user: mark(("user", name, None)),
            prefix: mark(("prefix", b"", Some(prefix))),
            guess: self.logins.key.hash_one((name, password, hash)),
            is_user: hash.is_some(),
        }
    }

    /// Checks a password with bcrypt. An unknown name takes as long as the most expensive hash, so that the time does
    /// not reveal which users exist where all hashes have one cost.
    fn check(&self, name: &[u8], password: &[u8]) -> bool {
        let dearest = || self.hashes.values().max_by_key(|hash| hash.get(4..6));
        let known = self.hashes.get(name);
        let Some(hash) = known.or_else(dearest) else { return false };
        bcrypt::verify(password, hash).unwrap_or(false) && known.is_some()
    }
}

impl Logins {
    /// Returns whether this is the cached password. 64 bits are enough: they can be guessed only through [`Users::verify`].
    fn remembers(&self, name: &[u8], keys: Keys) -> bool {
        keys.is_user && self.remembered.lock().get(name).is_some_and(|known| known.guess == keys.guess)
    }

    /// Returns whether this is the cached password, and was right from the same network before.
    fn knows(&self, name: &[u8], keys: Keys) -> bool {
        let remembered = self.remembered.lock();
        let known = remembered.get(name).filter(|known| keys.is_user && known.guess == keys.guess);
        known.is_some_and(|known| known.pairs.contains(&keys.pair))
    }

    /// Caches a password that was right.
    fn remember(&self, name: &[u8], keys: Keys) {
        let none = || Remembered { guess: keys.guess, pairs: VecDeque::new() };
        let mut remembered = self.remembered.lock();
        let known = remembered.entry(name.to_vec()).or_insert_with(none);
        if known.guess != keys.guess {
            *known = none();
        }
        if !known.pairs.contains(&keys.pair) {
            known.pairs.push_back(keys.pair);
        }
        if known.pairs.len() > NETWORKS_REMEMBERED {
            known.pairs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::server::auth::admin_file;
    use crate::server::limits::FAILURES_FREE;

    const HERE: LoginSource = LoginSource::Local(None);

    fn parse(file: &str, text: &[u8]) -> Result<Users> {
        let hashes = admin_file::valid(admin_file::parse(file, text, htpasswd::user()))?;
        Ok(Users { hashes: hashes.into_iter().collect(), logins: Arc::default() })
    }

    /// Users with these passwords, at the least cost.
    fn users(all: &[(&str, &str)]) -> Users {
        let line = |(name, password): &(&str, &str)| {
            format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap().replace("$2b$", "$2y$"))
        };
        let text: String = all.iter().map(line).collect();
        parse("users", text.as_bytes()).unwrap()
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
            let from = LoginSource::Local(Some(at.try_into().unwrap()));
            assert_eq!(users.verify(name.as_bytes(), password.as_bytes(), from).unwrap(), right, "{name}");
        }
        assert!(!parse("users", b"").unwrap().check(b"a", b"b"));
    }

    #[test]
    fn a_right_password_is_hashed_once() {
        let users = users(&[("alice", "a"), ("bob", "b")]);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        let remembers =
            |name: &[u8], password: &[u8]| users.logins.remembers(name, users.keys(name, password, HERE));
        assert!(remembers(b"alice", b"a"));
        assert!(!remembers(b"alice", b"b") && !remembers(b"bob", b"b") && !remembers(b"bob", b"a"));
    }

    #[test]
    fn who_was_wrong_too_often_is_not_looked_at_but_a_known_password_goes_through() {
        let users = users(&[("alice", "a"), ("bob", "b")]);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        for _ in 0..=FAILURES_FREE {
            assert!(!users.verify(b"bob", b"c", HERE).unwrap());
        }
        assert_eq!(users.verify(b"bob", b"b", HERE).unwrap_err().kind(), ErrorKind::Overloaded);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        assert!(users.verify(b"bob", b"b", LoginSource::Local(Some(1))).unwrap());
    }

    #[test]
    fn a_cached_password_is_throttled_from_where_it_was_never_right() {
        let users = users(&[("alice", "a")]);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        let elsewhere = LoginSource::Local(Some(1));
        for _ in 0..=FAILURES_FREE {
            assert!(!users.verify(b"alice", b"old", elsewhere).unwrap());
        }
        assert_eq!(users.verify(b"alice", b"a", elsewhere).unwrap_err().kind(), ErrorKind::Overloaded);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        // The oldest of many networks is no longer known.
        for network in 0..NETWORKS_REMEMBERED {
            let from = LoginSource::Local(Some(100 + u32::try_from(network).unwrap()));
            assert!(users.verify(b"alice", b"a", from).unwrap());
        }
        assert!(!users.logins.knows(b"alice", users.keys(b"alice", b"a", HERE)));
    }

    #[test]
    fn a_program_with_an_old_password_locks_nobody_out_and_one_that_guesses_finds_nothing() {
        let users = users(&[("alice", "a")]);
        assert!(users.verify(b"alice", b"a", HERE).unwrap());
        let wrong = |guess: u32| users.verify(b"alice", guess.to_string().as_bytes(), HERE);
        for _ in 0..2 * FAILURES_FREE {
            assert!(!wrong(0).is_ok_and(|right| right));
        }
        assert!(users.verify(b"alice", b"a", HERE).unwrap(), "an old password");
        // What is refused unchecked is a guess all the same.
        for guess in 1..=FAILURES_FREE {
            assert_eq!(wrong(guess).unwrap_err().kind(), ErrorKind::Overloaded);
        }
        assert_eq!(users.verify(b"alice", b"a", HERE).unwrap_err().kind(), ErrorKind::Overloaded, "guesses");
        let other = LoginSource::Local(Some(1));
        assert!(users.verify(b"alice", b"a", other).unwrap());
        for guess in 0..=FAILURES_FREE {
            assert!(!users.verify(b"alice", guess.to_string().as_bytes(), other).unwrap());
        }
        assert_eq!(users.verify(b"alice", b"a", other).unwrap_err().kind(), ErrorKind::Overloaded, "guesses");
    }

    #[test]
    fn many_at_once_with_the_same_password_are_hashed_once() {
        let users = users(&[("alice", "a")]);
        // The password is being checked: others with it wait for the result.
        let keys = users.keys(b"alice", b"a", HERE);
        assert_eq!(users.logins.throttle.lock().begin(keys, Instant::now()).unwrap(), Admission::Now);
        std::thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..4).map(|_| scope.spawn(|| users.verify(b"alice", b"a", HERE).unwrap())).collect();
            users.logins.remember(b"alice", keys);
            users.logins.throttle.lock().end(keys, true, Instant::now());
            users.logins.ended.notify_all();
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap()));
        });
    }

    #[test]
    fn a_file_that_is_read_anew_keeps_who_was_known_and_what_was_wrong() {
        let line = |name: &str, password: &str| format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap());
        let (alice, bob, carol) = (line("alice", "a"), line("bob", "b"), line("carol", "c"));
        let old = parse("f", [alice.as_str(), &bob, &carol].concat().as_bytes()).unwrap();
        for (name, password) in [("alice", "a"), ("bob", "b"), ("carol", "c")] {
            assert!(old.verify(name.as_bytes(), password.as_bytes(), HERE).unwrap());
            for _ in 0..=FAILURES_FREE {
                assert!(!old.verify(name.as_bytes(), b"wrong", HERE).unwrap());
            }
        }
        // Bob has another password, and carol is gone.
        let changed = [alice, line("bob", "new")].concat();
        let new = parse("f", changed.as_bytes()).unwrap().keeping_logins_of(&old);
        assert!(new.verify(b"alice", b"a", HERE).unwrap());
        assert_eq!(
            new.verify(b"bob", b"b", HERE).unwrap_err().kind(),
            ErrorKind::Overloaded,
            "wrong ones count on"
        );
        let elsewhere = LoginSource::Local(Some(1));
        assert!(
            !new.verify(b"bob", b"b", elsewhere).unwrap() && !new.verify(b"carol", b"c", elsewhere).unwrap()
        );
        assert!(new.verify(b"bob", b"new", elsewhere).unwrap());
    }

    #[test]
    fn a_file_that_is_not_one_of_htpasswd_is_refused_with_file_and_line() {
        let good = bcrypt::hash("a", 4).unwrap();
        let costly = good.replace("$04$", "$18$");
        let rows = [
            ("alice".to_owned(), "f:1: is not a user: a line is NAME:HASH, as htpasswd -B writes it"),
            (format!(":{good}"), "f:1: is not a user: a line is NAME:HASH, as htpasswd -B writes it"),
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
            assert_eq!(parse("f", text.as_bytes()).err().unwrap().to_string(), said);
        }
        let marked = format!("\u{feff}a:{good}");
        assert!(parse("f", marked.as_bytes()).unwrap().contains(b"a"));
    }
}
