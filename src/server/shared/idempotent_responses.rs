//! The responses of recent requests with an `Idempotency-Key`, so that a request whose response was lost can be repeated
//! without being executed twice. Each client has its own responses and cannot see those of others.
//!
//! They do not outlive the process. A retry with an unknown key may therefore have been executed before; by the epoch,
//! and the time since which all responses are remembered, its client can tell whether it was.

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

/// The responses that are remembered.
pub struct IdempotentResponses {
    table: Mutex<ResponseTable>,
    ended: Condvar,
    /// Distinguishes this process from earlier ones.
    instance: u64,
    limits: ResponseLimits,
}

/// The limits of what is remembered.
#[derive(Clone, Copy)]
struct ResponseLimits {
    entries: usize,
    bytes: usize,
    time: Duration,
}

#[derive(Debug)]
struct ResponseTable {
    clients: HashMap<KeyOwner, OwnerResponses>,
    entries: usize,
    bytes: usize,
    /// The forgotten responses of owners that were removed.
    forgotten: Forgotten,
}

/// The responses of one owner, oldest first.
#[derive(Debug)]
struct OwnerResponses {
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

/// When the request of the newest forgotten response began, and how many were forgotten.
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
    /// Refuse it: it may have been executed before. In this epoch, all responses since this time are remembered.
    Unknown { epoch: String, since: Duration },
}

/// A request with a key, while it runs. To be dropped where nothing was changed: the key can then be used again.
pub struct Running<'a> {
    responses: &'a IdempotentResponses,
    client: KeyOwner,
    key: Vec<u8>,
}

impl Default for IdempotentResponses {
    fn default() -> Self {
        IdempotentResponses::new(ResponseLimits {
            entries: OUTCOMES_MAX,
            bytes: OUTCOMES_BYTES_MAX,
            time: OUTCOMES_TIME,
        })
    }
}

impl IdempotentResponses {
    fn new(limits: ResponseLimits) -> Self {
        let forgotten = Forgotten { last: Instant::now(), count: 0 };
        let table = ResponseTable { clients: HashMap::new(), entries: 0, bytes: 0, forgotten };
        // Seeded randomly in each process.
        let instance = RandomState::new().build_hasher().finish();
        IdempotentResponses { table: Mutex::new(table), ended: Condvar::new(), instance, limits }
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
        let mut table = self.table.lock();
        loop {
            table.forget_old(self.limits.time);
            let Some(entry) = table.find(client, key) else { break };
            if entry.fingerprint != fingerprint {
                return Err(Error::unprocessable(KEY, "was used for another request"));
            }
            match &entry.state {
                Execution::Done(status, fields) => return Ok(Claim::Repeated(*status, fields.clone())),
                Execution::Open => return Ok(self.unknown(&table, client, Duration::ZERO)),
                Execution::Running => {
                    self.ended.wait_for(&mut table, LIVENESS_CHECK_INTERVAL);
                    let still = MutexGuard::unlocked(&mut table, is_waited_for);
                    still.map_err(|error| Error::io("client", error))?;
                }
            }
        }
        let forgotten = table.forgotten_of(client);
        if retry.is_some_and(|epoch| epoch.is_none_or(|epoch| epoch != self.epoch(forgotten).as_bytes())) {
            return Ok(self.unknown(&table, client, forgotten.last.elapsed()));
        }
        let entry =
            KeyRecord { key: key.to_vec(), fingerprint, begun: Instant::now(), state: Execution::Running };
        table.add(client, entry);
        table.shrink(self.limits);
        Ok(Claim::First(Running { responses: self, client: client.clone(), key: key.to_vec() }))
    }

    fn unknown(&self, table: &ResponseTable, client: &KeyOwner, since: Duration) -> Claim<'_> {
        Claim::Unknown { epoch: self.epoch(table.forgotten_of(client)), since }
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
        let mut table = self.responses.table.lock();
        table.bytes += state.size();
        if let Some(entry) = table.find(&self.client, &self.key) {
            entry.state = state;
        }
        table.shrink(self.responses.limits);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let is_running = |entry: &KeyRecord| entry.key == self.key && !entry.has_ended();
        self.responses.table.lock().remove(&self.client, is_running);
        self.responses.ended.notify_all();
    }
}

impl Execution {
    /// Returns its size beyond the record, in bytes.
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

impl ResponseTable {
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
        own.or_insert_with(|| OwnerResponses { entries: VecDeque::new(), forgotten })
            .entries
            .push_back(entry);
    }

    /// Forgets responses older than `time`.
    fn forget_old(&mut self, time: Duration) {
        let is_old = |entry: &KeyRecord| entry.begun.elapsed() >= time && entry.has_ended();
        let has_old = |own: &OwnerResponses| own.entries.front().is_some_and(is_old);
        let clients: Vec<_> =
            self.clients.iter().filter(|(_, own)| has_old(own)).map(|(client, _)| client.clone()).collect();
        for client in clients {
            while self.clients.get(&client).is_some_and(has_old) {
                self.remove(&client, KeyRecord::has_ended);
            }
        }
    }

    /// Forgets the oldest responses of the owner with the most until everything is within the limits. Running requests
    /// are limited by the number of connections.
    fn shrink(&mut self, limits: ResponseLimits) {
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

    const ANY: ResponseLimits = ResponseLimits { entries: 4, bytes: 1000, time: Duration::MAX };

    fn named(name: &str) -> KeyOwner {
        (Principal { user: Some(name.into()), local: None }, None)
    }

    fn claim<'a>(
        responses: &'a IdempotentResponses,
        name: &str,
        key: &str,
        retry: Option<Option<Vec<u8>>>,
    ) -> Claim<'a> {
        responses.claim(&named(name), (key.as_bytes(), [1; 32]), retry, &|| Ok(())).unwrap()
    }

    fn carry_out(responses: &IdempotentResponses, name: &str, key: &str) {
        let Claim::First(running) = claim(responses, name, key, None) else { panic!("{key} came before") };
        running.end(204, Fields::new());
    }

    fn is_remembered(responses: &IdempotentResponses, name: &str, key: &str) -> bool {
        matches!(claim(responses, name, key, Some(None)), Claim::Repeated(204, _))
    }

    #[test]
    fn what_was_carried_out_is_answered_again_and_what_changed_nothing_is_carried_out() {
        let responses = IdempotentResponses::new(ANY);
        carry_out(&responses, "alice", "a");
        assert!(matches!(claim(&responses, "alice", "a", None), Claim::Repeated(204, _)));
        assert!(matches!(claim(&responses, "bob", "a", None), Claim::First(_)));
        drop(claim(&responses, "alice", "b", None));
        assert!(matches!(claim(&responses, "alice", "b", None), Claim::First(_)));
        let other = responses.claim(&named("alice"), (b"a", [2; 32]), None, &|| Ok(()));
        assert_eq!(other.err().unwrap().kind(), ErrorKind::Unprocessable);
    }

    #[test]
    fn a_retry_of_what_never_came_is_carried_out_in_the_epoch_it_was_told_and_in_no_other() {
        let responses = IdempotentResponses::new(ANY);
        let Claim::Unknown { epoch, .. } = claim(&responses, "alice", "a", Some(None)) else { panic!() };
        let retry = || Some(Some(epoch.clone().into_bytes()));
        assert!(matches!(claim(&responses, "alice", "a", retry()), Claim::First(_)));
        let restarted = IdempotentResponses::new(ANY);
        assert!(matches!(claim(&restarted, "alice", "a", retry()), Claim::Unknown { .. }));
        ["b", "c", "d", "e", "f"].iter().for_each(|key| carry_out(&responses, "alice", key));
        let Claim::Unknown { since, .. } = claim(&responses, "alice", "a", retry()) else { panic!() };
        assert!(since < responses.table.lock().forgotten.last.elapsed());
    }

    #[test]
    fn a_failure_that_leaves_open_how_far_it_came_is_unknown_for_ever() {
        let responses = IdempotentResponses::new(ANY);
        let Claim::First(running) = claim(&responses, "alice", "a", None) else { panic!() };
        running.leave_open();
        let Claim::Unknown { epoch, since } = claim(&responses, "alice", "a", None) else { panic!() };
        assert_eq!(since, Duration::ZERO);
        let again = claim(&responses, "alice", "a", Some(Some(epoch.into_bytes())));
        assert!(matches!(again, Claim::Unknown { .. }));
    }

    #[test]
    fn a_flood_of_keys_costs_only_the_outcomes_of_who_sends_it() {
        let responses = IdempotentResponses::new(ANY);
        carry_out(&responses, "alice", "a");
        (0..100).for_each(|number| carry_out(&responses, "mallory", &number.to_string()));
        assert!(is_remembered(&responses, "alice", "a") && is_remembered(&responses, "mallory", "99"));
        assert!(!is_remembered(&responses, "mallory", "0"));
        assert_eq!(responses.table.lock().entries, ANY.entries);
        assert_eq!(
            responses.table.lock().clients.values().map(|own| own.entries.len()).sum::<usize>(),
            ANY.entries
        );
    }

    #[test]
    fn large_outcomes_are_counted_by_their_bytes_and_old_ones_forgotten() {
        let responses = IdempotentResponses::new(ANY);
        for key in ["a", "b", "c"] {
            let Claim::First(running) = claim(&responses, "alice", key, None) else { panic!() };
            let mut fields = Fields::new();
            fields.push("Location", "l".repeat(450));
            running.end(204, fields);
        }
        assert!(!is_remembered(&responses, "alice", "a") && is_remembered(&responses, "alice", "b"));
        let forgetful = IdempotentResponses::new(ResponseLimits { time: Duration::ZERO, ..ANY });
        carry_out(&forgetful, "alice", "a");
        assert!(!is_remembered(&forgetful, "alice", "a"));
        let table = forgetful.table.lock();
        assert_eq!((table.entries, table.clients.len()), (0, 0));
    }

    #[test]
    fn who_comes_while_the_first_runs_waits_for_its_outcome() {
        let responses = IdempotentResponses::new(ANY);
        let Claim::First(running) = claim(&responses, "alice", "a", None) else { panic!() };
        std::thread::scope(|scope| {
            let second = scope.spawn(|| is_remembered(&responses, "alice", "a"));
            running.end(204, Fields::new());
            assert!(second.join().unwrap());
        });
        let Claim::First(_running) = claim(&responses, "alice", "b", None) else { panic!() };
        let gone = || Err(io::ErrorKind::BrokenPipe.into());
        assert!(responses.claim(&named("alice"), (b"b", [1; 32]), None, &gone).is_err());
    }
}
