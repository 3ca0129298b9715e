//! One write lock.

use std::time::{Duration, SystemTime};

use super::token::fresh_token;
use crate::server::auth::Principal;
use crate::server::limits::{LOCK_TIME, LOCK_TIME_MAX};
use crate::store::Name;

/// Whether other locks may cover the same names (RFC 4918 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockExclusion {
    /// None may.
    Exclusive,
    /// Other shared ones may.
    Shared,
}

/// A write lock on a name, or on a directory with all in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteLock {
    /// Its token, a URI, which whoever writes must name.
    pub token: String,
    /// The name that was locked.
    pub root: Name,
    /// Whether other locks are excluded.
    pub exclusion: LockExclusion,
    /// Whether it covers everything beneath its name (depth infinity).
    pub is_deep: bool,
    /// What its client says of who holds it: the inner XML of `owner`, as it was sent.
    pub owner: Vec<u8>,
    /// Who made it. The token of another principal's lock has no effect.
    pub principal: Principal,
    /// When it ends, in whole seconds.
    pub expires: SystemTime,
}

impl WriteLock {
    /// Makes a lock with a token of its own, for the time that its client asks for.
    pub fn new(
        root: Name,
        (exclusion, is_deep): (LockExclusion, bool),
        owner: Vec<u8>,
        principal: Principal,
        time: Option<Duration>,
    ) -> Self {
        let expires = expiry(time);
        WriteLock { token: fresh_token(), root, exclusion, is_deep, owner, principal, expires }
    }

    /// Begins its time again.
    pub fn refresh(&mut self, time: Option<Duration>) {
        self.expires = expiry(time);
    }

    /// Returns the time until it ends; `None` where it has ended.
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        self.expires.duration_since(now).ok().filter(|left| !left.is_zero())
    }

    /// Returns whether it and another one exclude each other where they cover the same name.
    pub(super) fn excludes(&self, other: &WriteLock) -> bool {
        [self, other].iter().any(|lock| lock.exclusion == LockExclusion::Exclusive)
    }
}

/// Returns when a lock with this lifetime expires, rounded up to the next second.
fn expiry(time: Option<Duration>) -> SystemTime {
    let time = time.unwrap_or(LOCK_TIME).clamp(Duration::from_secs(1), LOCK_TIME_MAX);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs((now + time).as_secs() + 1)
}
