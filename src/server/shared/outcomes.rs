//! The outcomes of recent requests with an `Idempotency-Key`, so that a request whose response was lost can be repeated
//! without being executed twice. Each client has its own outcomes and cannot see those of others.
//!
//! They do not outlive the process. A retry with an unknown key may therefore have been executed before; by the epoch,
//! and the time since which all outcomes are remembered, its client can tell whether it was.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::{Error, Result};
use crate::http::idempotency::KEY;
use crate::http::{Digest, Fields};
use crate::server::auth::access::Principal;
use crate::server::limits::{LIVENESS_CHECK_INTERVAL, OUTCOMES_BYTES_MAX, OUTCOMES_MAX, OUTCOMES_TIME};

/// The owner of a key: a user, a local process, or anyone with this address.
pub type KeyOwner = (Principal, Option<IpAddr>);

/// The outcomes that are remembered.
pub struct Outcomes {
    memory: Mutex<Memory>,
    ended: Condvar,
    /// Distinguishes this process from earlier ones.
    instance: u64,
    limits: OutcomeLimits,
}

/// The limits of what is remembered.
#[derive(Clone, Copy)]
struct OutcomeLimits {
    entries: usize,
    bytes: usize,
    time: Duration,
}

#[derive(Debug)]
struct Memory {
    clients: HashMap<KeyOwner, OwnerOutcomes>,
    entries: usize,
    bytes: usize,
    /// The forgotten outcomes of owners that were removed.
    forgotten: Forgotten,
}

/// The outcomes of one owner, oldest first.
#[derive(Debug)]
struct OwnerOutcomes {
    entries: VecDeque<KeyRecord>,
    forgotten: Forgotten,
}

#[derive(Debug)]
struct KeyRecord {
    key: Vec<u8>,
    fingerprint: Digest,
    begun: Instant,
    state: Execution,
}

#[derive(Clone, Debug)]
enum Execution {
    /// It is running.
    Running,
    /// It has ended with this response.
    Done(u16, Fields),
    /// It failed, and may have been executed in part.
    Open,
}

/// When the newest outcome that was forgotten began, and how many were forgotten.
#[derive(Clone, Copy, Debug)]
struct Forgotten {
    last: Instant,
    count: u64,
}

/// What to do with a request that has a key.
pub enum Claim<'a> {
    /// Execute the request: its key is new.
    First(Running<'a>),
    /// Repeat this response.
    Repeated(u16, Fields),
    /// Refuse it: it may have been executed before. In this epoch, all outcomes since this time are remembered.
    Unknown { epoch: String, since: Duration },
}

/// A request with a key, while it runs. To be dropped where nothing was changed: the key can then be used again.
pub struct Running<'a> {
    outcomes: &'a Outcomes,
    client: KeyOwner,
    key: Vec<u8>,
}

impl Default for Outcomes {
    fn default() -> Self {
        Outcomes::new(OutcomeLimits { entries: OUTCOMES_MAX, bytes: OUTCOMES_BYTES_MAX, time: OUTCOMES_TIME })
    }
}

impl Outcomes {
    fn new(limits: OutcomeLimits) -> Self {
        let forgotten = Forgotten { last: Instant::now(), count: 0 };
        let memory = Memory { clients: HashMap::new(), entries: 0, bytes: 0, forgotten };
        // Seeded randomly in each process.
        let instance = RandomState::new().build_hasher().finish();
        Outcomes { memory: Mutex::new(memory), ended: Condvar::new(), instance, limits }
    }

    /// Claims a key. Waits while another request with it runs, as long as `is_waited_for` returns no error. `retry` is
    /// present in a repeated request, with the epoch it was told. Errors have kind `Unprocessable` for a key that was used for
    /// another request.
    pub fn claim(
        &self,
        client: &KeyOwner,
        (key, fingerprint): (&[u8], Digest),
        retry: Option<Option<Vec<u8>>>,
        is_waited_for: &dyn Fn() -> io::Result<()>,
    ) -> Result<Claim<'_>> {
        let mut memory = self.memory.lock();
        loop {
            memory.forget_old(self.limits.time);
            let Some(entry) = memory.find(client, key) else { break };
            if entry.fingerprint != fingerprint {
                return Err(Error::unprocessable(KEY, "was used for another request"));
            }
            match &entry.state {
                Execution::Done(status, fields) => return Ok(Claim::Repeated(*status, fields.clone())),
                Execution::Open => return Ok(self.unknown(&memory, client, Duration::ZERO)),
                Execution::Running => {
                    self.ended.wait_for(&mut memory, LIVENESS_CHECK_INTERVAL);
                    let still = MutexGuard::unlocked(&mut memory, is_waited_for);
                    still.map_err(|error| Error::io("client", error))?;
                }
            }
        }
        let forgotten = memory.forgotten_of(client);
        if retry.is_some_and(|epoch| epoch.is_none_or(|epoch| epoch != self.epoch(forgotten).as_bytes())) {
            return Ok(self.unknown(&memory, client, forgotten.last.elapsed()));
        }
        let entry =
            KeyRecord { key: key.to_vec(), fingerprint, begun: Instant::now(), state: Execution::Running };
        memory.add(client, entry);
        memory.shrink(self.limits);
        Ok(Claim::First(Running { outcomes: self, client: client.clone(), key: key.to_vec() }))
    }

    fn unknown(&self, memory: &Memory, client: &KeyOwner, since: Duration) -> Claim<'_> {
        Claim::Unknown { epoch: self.epoch(memory.forgotten_of(client)), since }
    }

    fn epoch(&self, forgotten: Forgotten) -> String {
        format!("{:x}-{:x}", self.instance, forgotten.count)
    }
}

impl Running<'_> {
    /// Ends it with this response.
    pub fn end(self, status: u16, fields: Fields) {
        self.conclude(Execution::Done(status, fields));
    }

    /// Ends it with a failure; it may have been executed in part.
    pub fn leave_open(self) {
        self.conclude(Execution::Open);
    }

    fn conclude(self, state: Execution) {
        let mut memory = self.outcomes.memory.lock();
        memory.bytes += state.size();
        if let Some(entry) = memory.find(&self.client, &self.key) {
            entry.state = state;
        }
        memory.shrink(self.outcomes.limits);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let is_running = |entry: &KeyRecord| entry.key == self.key && !entry.has_ended();
        self.outcomes.memory.lock().remove(&self.client, is_running);
        self.outcomes.ended.notify_all();
    }
}

impl Execution {
    /// Its size beyond the record, in bytes.
    fn size(&self) -> usize {
        match self {
            Execution::Done(_, fields) => fields.iter().map(|(name, value)| name.len() + value.len()).sum(),
            Execution::Running | Execution::Open => 0,
        }
    }
}

impl KeyRecord {
    fn has_ended(&self) -> bool {
        !matches!(self.state, Execution::Running)
    }
}

impl Memory {
    fn find(&mut self, client: &KeyOwner, key: &[u8]) -> Option<&mut KeyRecord> {
        let own = self.clients.get_mut(client)?;
        own.entries.iter_mut().find(|entry| entry.key == key)
    }

    fn forgotten_of(&self, client: &KeyOwner) -> Forgotten {
        let own = self.clients.get(client).map_or(self.forgotten, |own| own.forgotten);
        let last = own.last.max(self.forgotten.last);
        Forgotten { last, count: own.count.wrapping_add(self.forgotten.count) }
    }

    fn add(&mut self, client: &KeyOwner, entry: KeyRecord) {
        self.entries += 1;
        let forgotten = Forgotten { last: self.forgotten.last, count: 0 };
        let own = self.clients.entry(client.clone());
        own.or_insert_with(|| OwnerOutcomes { entries: VecDeque::new(), forgotten }).entries.push_back(entry);
    }

    /// Forgets outcomes older than `time`.
    fn forget_old(&mut self, time: Duration) {
        let is_old = |entry: &KeyRecord| entry.begun.elapsed() >= time && entry.has_ended();
        let has_old = |own: &OwnerOutcomes| own.entries.front().is_some_and(is_old);
        let clients: Vec<_> =
            self.clients.iter().filter(|(_, own)| has_old(own)).map(|(client, _)| client.clone()).collect();
        for client in clients {
            while self.clients.get(&client).is_some_and(has_old) {
                self.remove(&client, KeyRecord::has_ended);
            }
        }
    }

    /// Forgets the oldest outcomes of the owner with the most until everything is within the limits. Running requests
    /// are limited by the number of connections.
    fn shrink(&mut self, limits: OutcomeLimits) {
        while self.entries > limits.entries || self.bytes > limits.bytes {
            let ended = self.clients.iter().filter(|(_, own)| own.entries.iter().any(KeyRecord::has_ended));
            let most = ended.max_by_key(|(_, own)| own.entries.len());
            let Some(client) = most.map(|(client, _)| client.clone()) else { return };
            self.remove(&client, KeyRecord::has_ended);
        }
    }

    /// Removes an owner's first record for which `which` holds: one that has ended is forgotten, one that runs changed
    /// nothing. The count of the forgotten ones of an owner without records is added to that of all.
    fn remove(&mut self, client: &KeyOwner, which: impl Fn(&KeyRecord) -> bool) {
        let Some(own) = self.clients.get_mut(client) else { return };
        let at = own.entries.iter().position(which);
        if let Some(entry) = at.and_then(|at| own.entries.remove(at)) {
            self.entries -= 1;
            self.bytes = self.bytes.saturating_sub(entry.state.size());
            if entry.has_ended() {
                own.forgotten.last = own.forgotten.last.max(entry.begun);
                own.forgotten.count += 1;
            }
        }
        if own.entries.is_empty() {
            self.forgotten.last = self.forgotten.last.max(own.forgotten.last);
            self.forgotten.count += own.forgotten.count;
            self.clients.remove(client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const ANY: OutcomeLimits = OutcomeLimits { entries: 4, bytes: 1000, time: Duration::MAX };

    fn named(name: &str) -> KeyOwner {
        (Principal { user: Some(name.into()), local: None }, None)
    }

    fn claim<'a>(outcomes: &'a Outcomes, name: &str, key: &str, retry: Option<Option<Vec<u8>>>) -> Claim<'a> {
        outcomes.claim(&named(name), (key.as_bytes(), [1; 32]), retry, &|| Ok(())).unwrap()
    }

    fn carry_out(outcomes: &Outcomes, name: &str, key: &str) {
        let Claim::First(running) = claim(outcomes, name, key, None) else { panic!("{key} came before") };
        running.end(204, Fields::new());
    }

    fn is_remembered(outcomes: &Outcomes, name: &str, key: &str) -> bool {
        matches!(claim(outcomes, name, key, Some(None)), Claim::Repeated(204, _))
    }

    #[test]
    fn what_was_carried_out_is_answered_again_and_what_changed_nothing_is_carried_out() {
        let outcomes = Outcomes::new(ANY);
        carry_out(&outcomes, "alice", "a");
        assert!(matches!(claim(&outcomes, "alice", "a", None), Claim::Repeated(204, _)));
        assert!(matches!(claim(&outcomes, "bob", "a", None), Claim::First(_)));
        drop(claim(&outcomes, "alice", "b", None));
        assert!(matches!(claim(&outcomes, "alice", "b", None), Claim::First(_)));
        let other = outcomes.claim(&named("alice"), (b"a", [2; 32]), None, &|| Ok(()));
        assert_eq!(other.err().unwrap().kind(), ErrorKind::Unprocessable);
    }

    #[test]
    fn a_retry_of_what_never_came_is_carried_out_in_the_epoch_it_was_told_and_in_no_other() {
        let outcomes = Outcomes::new(ANY);
        let Claim::Unknown { epoch, .. } = claim(&outcomes, "alice", "a", Some(None)) else { panic!() };
        let retry = || Some(Some(epoch.clone().into_bytes()));
        assert!(matches!(claim(&outcomes, "alice", "a", retry()), Claim::First(_)));
        let restarted = Outcomes::new(ANY);
        assert!(matches!(claim(&restarted, "alice", "a", retry()), Claim::Unknown { .. }));
        ["b", "c", "d", "e", "f"].iter().for_each(|key| carry_out(&outcomes, "alice", key));
        let Claim::Unknown { since, .. } = claim(&outcomes, "alice", "a", retry()) else { panic!() };
        assert!(since < outcomes.memory.lock().forgotten.last.elapsed());
    }

    #[test]
    fn a_failure_that_leaves_open_how_far_it_came_is_unknown_for_ever() {
        let outcomes = Outcomes::new(ANY);
        let Claim::First(running) = claim(&outcomes, "alice", "a", None) else { panic!() };
        running.leave_open();
        let Claim::Unknown { epoch, since } = claim(&outcomes, "alice", "a", None) else { panic!() };
        assert_eq!(since, Duration::ZERO);
        let again = claim(&outcomes, "alice", "a", Some(Some(epoch.into_bytes())));
        assert!(matches!(again, Claim::Unknown { .. }));
    }

    #[test]
    fn a_flood_of_keys_costs_only_the_outcomes_of_who_sends_it() {
        let outcomes = Outcomes::new(ANY);
        carry_out(&outcomes, "alice", "a");
        (0..100).for_each(|number| carry_out(&outcomes, "mallory", &number.to_string()));
        assert!(is_remembered(&outcomes, "alice", "a") && is_remembered(&outcomes, "mallory", "99"));
        assert!(!is_remembered(&outcomes, "mallory", "0"));
        assert_eq!(outcomes.memory.lock().entries, ANY.entries);
        assert_eq!(
            outcomes.memory.lock().clients.values().map(|own| own.entries.len()).sum::<usize>(),
            ANY.entries
        );
    }

    #[test]
    fn large_outcomes_are_counted_by_their_bytes_and_old_ones_forgotten() {
        let outcomes = Outcomes::new(ANY);
        for key in ["a", "b", "c"] {
            let Claim::First(running) = claim(&outcomes, "alice", key, None) else { panic!() };
            let mut fields = Fields::new();
            fields.push("Location", "l".repeat(450));
            running.end(204, fields);
        }
        assert!(!is_remembered(&outcomes, "alice", "a") && is_remembered(&outcomes, "alice", "b"));
        let forgetful = Outcomes::new(OutcomeLimits { time: Duration::ZERO, ..ANY });
        carry_out(&forgetful, "alice", "a");
        assert!(!is_remembered(&forgetful, "alice", "a"));
        let memory = forgetful.memory.lock();
        assert_eq!((memory.entries, memory.clients.len()), (0, 0));
    }

    #[test]
    fn who_comes_while_the_first_runs_waits_for_its_outcome() {
        let outcomes = Outcomes::new(ANY);
        let Claim::First(running) = claim(&outcomes, "alice", "a", None) else { panic!() };
        std::thread::scope(|scope| {
            let second = scope.spawn(|| is_remembered(&outcomes, "alice", "a"));
            running.end(204, Fields::new());
            assert!(second.join().unwrap());
        });
        let Claim::First(_running) = claim(&outcomes, "alice", "b", None) else { panic!() };
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        assert!(outcomes.claim(&named("alice"), (b"b", [1; 32]), None, &gone).is_err());
    }
}
