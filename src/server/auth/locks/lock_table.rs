//! The table of all locks: in memory, and in the lock record of the store, from which a daemon that starts again reads it.
//!
//! A write checks the locks when its name is locked in the store, and then renames. So that no lock is acknowledged
//! between the two, each write has a [`WriteSection`] from before the check until after the rename, and a new lock, once
//! it is in the table, waits until all sections that began before have ended. Writes wait for nothing.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex, RwLock};

use super::WriteLock;
use super::lock_record;
use super::lock_set::LockSet;
use crate::error::{Error, Result};
use crate::server::limits::{
    LOCK_GRANT_WAIT, LOCK_RECORD_MAX, LOCKS_MAX, LOCKS_OF_NAME_MAX, LOCKS_OF_USER_MAX,
};
use crate::store::{LockRecordVersion, Name, Store};

/// How often a lock that waits for writes looks again, should it miss the end of one.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// All locks of a store.
pub struct LockTable {
    store: Arc<dyn Store>,
    /// Whether the lock record is never read, and no lock is known.
    is_unused: bool,
    /// Held while the table and its record are changed: the generations whose sections a new lock waits for.
    changing: Mutex<Vec<Weak<()>>>,
    state: RwLock<TableState>,
    /// Waits for the end of write sections.
    waiting: Mutex<()>,
    section_ended: Condvar,
}

#[derive(Default)]
struct TableState {
    locks: LockSet,
    /// The version of the record that they were read from or written to.
    version: Option<LockRecordVersion>,
    /// Each write section has a reference to the generation that it began in; a new lock begins another one.
    generation: Arc<()>,
}

/// A write, from before its locks are checked until after its rename.
pub struct WriteSection<'t> {
    table: &'t LockTable,
    generation: Option<Arc<()>>,
}

/// Which names a write changes besides the one it is given.
#[derive(Clone, Copy)]
pub struct WriteReach {
    /// Whether it adds its name to the directory, or removes it there: this takes the token of a lock on the directory.
    pub changes_parent: bool,
    /// Whether it changes everything beneath its name.
    pub is_deep: bool,
}

impl LockTable {
    /// Makes an empty table for this store; see [`LockTable::load`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        LockTable {
            store,
            is_unused: false,
            changing: Mutex::default(),
            state: RwLock::default(),
            waiting: Mutex::default(),
            section_ended: Condvar::new(),
        }
    }

    /// Makes the table of a server that is read-only, where locks keep nobody from anything: it stays empty.
    pub fn unused(store: Arc<dyn Store>) -> Self {
        LockTable { is_unused: true, ..LockTable::new(store) }
    }

    /// Reads the locks from the store.
    pub fn load(&self) -> Result<()> {
        if self.is_unused {
            return Ok(());
        }
        let (bytes, version) = self.store.lock_record()?.unzip();
        let locks = lock_record::parse(&bytes.unwrap_or_default())?;
        let mut state = self.state.write();
        (state.locks, state.version) = (locks, version);
        Ok(())
    }

    /// Reloads the locks if another daemon has changed the lock record. Call it before the other methods.
    pub fn catch_up(&self) -> Result<()> {
        let is_shared = !self.is_unused && self.store.is_shared();
        match is_shared && self.store.lock_record_version()? != self.state.read().version {
            true => self.load(),
            false => Ok(()),
        }
    }

    /// Begins a write section.
    pub fn begin_write(&self) -> WriteSection<'_> {
        WriteSection { table: self, generation: Some(Arc::clone(&self.state.read().generation)) }
    }

    /// Checks that a write to this name is not locked: each locked resource that it changes must be covered by a lock for
    /// which `is_submitted` holds. Else the error has kind `Locked`.
    pub fn require_unlocked(
        &self,
        name: &Name,
        reach: WriteReach,
        is_submitted: impl Fn(&WriteLock) -> bool,
    ) -> Result<()> {
        let state = self.state.read();
        let locks = &state.locks;
        if locks.is_empty() {
            return Ok(());
        }
        let now = SystemTime::now();
        let require = |name: &[Vec<u8>]| {
            let held =
                locks.covering(name, now).next().filter(|_| !locks.covering(name, now).any(&is_submitted));
            held.map_or(Ok(()), |lock| Err(locked(lock, now)))
        };
        require(name.components())?;
        if let (true, Some((_, parent))) = (reach.changes_parent, name.components().split_last()) {
            require(parent)?;
        }
        match reach.is_deep {
            true => {
                locks.beneath(name.components(), now).try_for_each(|lock| require(lock.root.components()))
            }
            false => Ok(()),
        }
    }

    /// Returns whether there is no lock at all.
    pub fn is_empty(&self) -> bool {
        self.state.read().locks.is_empty()
    }

    /// Returns the locks that cover this name.
    pub fn covering(&self, name: &Name) -> Vec<WriteLock> {
        self.state.read().locks.covering(name.components(), SystemTime::now()).cloned().collect()
    }

    /// Returns whether the lock of this token covers this name.
    pub fn is_covered_with(&self, name: &Name, token: &[u8]) -> bool {
        let state = self.state.read();
        state.locks.covering(name.components(), SystemTime::now()).any(|lock| lock.token.as_bytes() == token)
    }

    /// Returns the tokens of the locks on this name, or with all names beneath it.
    pub fn tokens_at(&self, name: &Name, is_deep: bool) -> Vec<String> {
        let (state, now, path) = (self.state.read(), SystemTime::now(), name.components());
        let at = state.locks.covering(path, now).filter(|lock| lock.root.components() == path);
        let beneath = is_deep.then(|| state.locks.beneath(path, now)).into_iter().flatten();
        at.chain(beneath).map(|lock| lock.token.clone()).collect()
    }

    /// Adds a lock, once all writes that were checked without it have ended; returns the other one where there is a lock
    /// that excludes it. It outlives the daemon when this returns.
    pub fn grant(&self, lock: &WriteLock) -> Result<Option<WriteLock>> {
        let mut conflict = None;
        let granted = self.change(Some(&lock.root), &mut |locks, now| {
            conflict = locks.conflict(lock, now).cloned();
            if let Some(have) = &conflict {
                return Err(locked(have, now));
            }
            require_room(locks, lock, now)?;
            locks.insert(lock.clone());
            Ok(())
        });
        if conflict.is_some() { Ok(conflict) } else { granted.map(|()| None) }
    }

    /// Begins the time of a lock again, and returns the lock; `None` where there is none with this token.
    pub fn refresh(&self, token: &str, time: Option<Duration>) -> Result<Option<WriteLock>> {
        let mut refreshed = None;
        self.change(None, &mut |locks, _| {
            refreshed = locks.change(token, |lock| lock.refresh(time));
            Ok(())
        })?;
        Ok(refreshed)
    }

    /// Removes locks by their tokens.
    pub fn release(&self, tokens: &[String]) -> Result<()> {
        match tokens {
            [] => Ok(()),
            tokens => self.change(None, &mut |locks, _| {
                locks.remove(|lock| tokens.contains(&lock.token));
                Ok(())
            }),
        }
    }

    /// Removes the locks that have ended, and returns how many those are.
    pub fn expire(&self) -> Result<u64> {
        let now = SystemTime::now();
        let mut ended = self.state.read().locks.clone().purge(now);
        if ended > 0 {
            self.change(None, &mut |_, _| Ok(()))?;
        }
        // Several daemons would each report the same locks, so none does.
        if self.store.is_shared() {
            ended = 0;
        }
        Ok(ended)
    }

    /// Changes the locks and their record. The change takes effect before it is recorded, and is taken back where that
    /// fails. `name` is that of a new lock, which waits for running writes.
    fn change(
        &self,
        name: Option<&Name>,
        change: &mut dyn FnMut(&mut LockSet, SystemTime) -> Result<()>,
    ) -> Result<()> {
        let mut earlier = self.changing.lock();
        let mut before = None;
        let recorded = self.store.update_lock_record(name, &mut |present| {
            let mut locks = lock_record::parse(present)?;
            let (now, unchanged) = (SystemTime::now(), locks.clone());
            locks.purge(now);
            change(&mut locks, now)?;
            let record = lock_record::format(&locks);
            if name.is_some() && record.len() > LOCK_RECORD_MAX {
                return Err(too_many("are together too long to be recorded"));
            }
            before = Some(unchanged);
            self.replace(locks);
            if name.is_some() {
                earlier.push(self.begin_generation());
                self.wait_for_writes(&mut earlier)?;
            }
            Ok(record)
        });
        match recorded {
            Ok(version) => {
                self.state.write().version = Some(version);
                Ok(())
            }
            Err(error) => {
                if let Some(locks) = before {
                    self.replace(locks);
                }
                Err(error)
            }
        }
    }

    fn replace(&self, locks: LockSet) {
        let mut state = self.state.write();
        (state.locks, state.version) = (locks, None);
    }

    /// Begins a generation, and returns the one before.
    fn begin_generation(&self) -> Weak<()> {
        Arc::downgrade(&std::mem::take(&mut self.state.write().generation))
    }

    /// Waits until all sections of these generations have ended.
    fn wait_for_writes(&self, generations: &mut Vec<Weak<()>>) -> Result<()> {
        let until = Instant::now() + LOCK_GRANT_WAIT;
        let mut waiting = self.waiting.lock();
        loop {
            generations.retain(|generation| generation.strong_count() > 0);
            if generations.is_empty() {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(Error::busy("LOCK", "waits for writes that take too long: try again later"));
            }
            self.section_ended.wait_for(&mut waiting, LOOK_AGAIN);
        }
    }
}

impl Drop for WriteSection<'_> {
    fn drop(&mut self) {
        self.generation = None;
        self.table.section_ended.notify_all();
    }
}

/// Returns the error of a write to what is locked.
fn locked(lock: &WriteLock, now: SystemTime) -> Error {
    let seconds = lock.time_left(now).unwrap_or_default().as_secs().max(1);
    let what = format!("is locked by another client, for {seconds} s at the most: try again later");
    Error::locked(lock.root.shown(), what)
}

fn require_room(locks: &LockSet, lock: &WriteLock, now: SystemTime) -> Result<()> {
    // Each is part of what PROPFIND says of each file that it covers.
    if locks.covering(lock.root.components(), now).count() >= LOCKS_OF_NAME_MAX {
        return Err(too_many("of this name are too many"));
    }
    match locks.count(&lock.principal) {
        (all, _) if all >= LOCKS_MAX => Err(too_many("of all clients are too many")),
        (_, own) if own >= LOCKS_OF_USER_MAX => Err(too_many("of this user are too many")),
        _ => Ok(()),
    }
}

fn too_many(what: &str) -> Error {
    Error::overloaded("the locks", format!("{what}: remove some, or wait until some end"))
}
