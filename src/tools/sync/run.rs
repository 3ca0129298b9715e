//! The run: several threads, each with a connection of its own, take jobs from one queue. Deletions come last, and only if
//! all of FROM could be read and sent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use super::compare::{Decision, decide, merge};
use super::deletions::Deletions;
use super::job::{Deletion, SyncJob};
use super::queue::Queue;
use super::synchronization::Synchronization;
use super::tally::Tally;
use super::tree::{EntryKind, TreeEntry};
use super::{removal, source, transfer};
use crate::cli::{self, ExitStatus, report};
use crate::client::progress::display;
use crate::client::{Client, STDOUT, Settings, standard_streams};
use crate::error::{Error, ErrorKind, Result};

/// Makes TO like FROM, and prints one line with the sums. `program` is the name in messages.
pub fn run(sync: &Synchronization, program: &'static str) -> Result<ExitStatus> {
    let quiet = sync.settings.quiet;
    let mut client = Client::new(&Settings { quiet: quiet || sync.is_dry, ..sync.settings.clone() })?;
    // A list of changes is in order.
    let count = if sync.is_dry { 1 } else { sync.jobs };
    client.log_in()?;
    client.remember_uploads("cfp-sync");
    let mut clients: Vec<_> = (1..count).map(|_| client.another()).collect();
    clients.push(client);
    if !quiet {
        standard_streams::output()?;
    }
    display::begin_concurrent(quiet || sync.is_dry);
    let (deletions, tally) = (Mutex::new(Deletions::default()), Tally::default());
    let run = Run { sync, program, deletions, tally, lost: AtomicUsize::new(0) };
    let outcome = run.compare_then_delete(&mut clients);
    display::end(false);
    outcome?;
    if !quiet {
        cli::print(&run.tally.summary(sync.is_dry))?;
    }
    Ok(run.tally.status())
}

/// A run in progress, which the threads share.
struct Run<'a> {
    sync: &'a Synchronization,
    program: &'static str,
    /// What is deleted at the end.
    deletions: Mutex<Deletions>,
    tally: Tally,
    /// How many jobs in a row have failed for want of the server.
    lost: AtomicUsize,
}

impl Run<'_> {
    /// Makes and replaces what differs, and deletes what FROM lacks only if all of that could be done.
    fn compare_then_delete(&self, clients: &mut [Client]) -> Result<()> {
        self.perform_all(clients, std::iter::once(Ok(SyncJob::root())))?;
        let deletions = std::mem::take(&mut *self.deletions.lock());
        if deletions.is_empty() {
            return Ok(());
        }
        let [replacements, links, files, directories] = deletions.into_phases()?;
        if self.may_delete("nothing is deleted") {
            self.perform_all(clients, replacements)?;
            // What takes the place of something is a part of FROM too.
            if self.may_delete("nothing else is deleted") {
                self.perform_all(clients, links)?;
                self.perform_all(clients, files)?;
                // One at a time: each is empty only when those in it are gone.
                self.perform_all(clients.get_mut(..1).unwrap_or_default(), directories)?;
            }
        }
        Ok(())
    }

    /// Returns whether all of FROM could be read and sent so far. If not, says what is not done.
    fn may_delete(&self, not_done: &str) -> bool {
        let has_failed = self.tally.has_failed();
        if has_failed {
            cli::remark(self.program, format!("{not_done}, because not everything could be read and sent"));
        }
        !has_failed
    }

    /// Performs these jobs and all that they add, in a thread for each client.
    fn perform_all(
        &self,
        clients: &mut [Client],
        jobs: impl Iterator<Item = Result<SyncJob>> + Send,
    ) -> Result<()> {
        let queue = Queue::new(jobs);
        let Some((own, others)) = clients.split_last_mut() else { return Ok(()) };
        thread::scope(|scope| {
            for client in others {
                let work = || self.work(client, &queue);
                // Without a further thread the others do its work.
                drop(thread::Builder::new().spawn_scoped(scope, work));
            }
            self.work(own, &queue);
        });
        queue.into_result()
    }

    /// Performs jobs until there are none. An error is printed, and the next job follows.
    fn work(&self, client: &mut Client, queue: &Queue<'_, SyncJob>) {
        while let Some(job) = queue.take() {
            let outcome = job.and_then(|job| self.perform(client, queue, job));
            let is_stop = outcome.as_ref().is_err_and(|error| self.is_final(client, error));
            match outcome {
                Err(error) if is_stop => queue.stop(error),
                Err(error) => self.tally.fail(report(self.program, &error)),
                Ok(()) => self.lost.store(0, Ordering::Relaxed),
            }
            queue.finish();
        }
    }

    /// Returns whether no other job can succeed after this error: nobody reads the output, the server does not accept the
    /// user, or all threads have lost the server one after the other.
    fn is_final(&self, client: &Client, error: &Error) -> bool {
        let is_lost = match error {
            Error::Failed { name, .. } | Error::System { name, .. } => *name == client.url.shown,
            Error::Usage(_) => true,
        };
        error.is_closed_pipe()
            || error.is_of(STDOUT)
            || error.kind() == ErrorKind::Unauthenticated
            || (is_lost && self.lost.fetch_add(1, Ordering::Relaxed) + 1 >= self.sync.jobs)
    }

    fn perform(&self, client: &mut Client, queue: &Queue<'_, SyncJob>, job: SyncJob) -> Result<()> {
        match job {
            SyncJob::Directory { path, exists } => {
                let is_all = path.is_empty();
                match self.compare(client, path, exists) {
                    Err(error) if is_all => queue.stop(error),
                    jobs => self.add(queue, jobs?),
                }
            }
            SyncJob::File { path, from, to, compares } => {
                match transfer::transfer(self.sync, client, &path, (&from, to), compares)? {
                    true => self.tally.count_sent(from.size),
                    false => self.tally.count_same(),
                }
                display::count(from.size);
            }
            SyncJob::Delete(deletion) => removal::remove(self.sync, &self.tally, client, &deletion, None)?,
            SyncJob::DeleteLinks(links) => {
                let parent = links.first().map(Deletion::parent).unwrap_or_default();
                let listed = self.sync.to.list(client, parent)?;
                for link in &links {
                    match removal::remove(self.sync, &self.tally, client, link, Some(&listed)) {
                        Err(error) if self.is_final(client, &error) => return Err(error),
                        Err(error) => self.tally.fail(report(self.program, &error)),
                        Ok(()) => {}
                    }
                }
            }
            SyncJob::Replace { path, from, obstacles } => {
                self.replace(client, queue, path, &from, &obstacles)?;
            }
        }
        Ok(())
    }

    /// Sends a file or a directory in place of these obstacles, which are deleted only if it can be read.
    fn replace(
        &self,
        client: &mut Client,
        queue: &Queue<'_, SyncJob>,
        path: Vec<u8>,
        from: &TreeEntry,
        obstacles: &[Deletion],
    ) -> Result<()> {
        let mut clear = |client: &mut Client| {
            let mut each = obstacles.iter();
            each.try_for_each(|deletion| removal::remove(self.sync, &self.tally, client, deletion, None))
        };
        if from.is_directory() {
            source::examine(self.sync, client, &path, from)?;
            clear(client)?;
            self.add(queue, vec![SyncJob::Directory { path, exists: false }]);
        } else {
            display::add_total(1, from.size);
            transfer::replace(self.sync, client, &path, from, &mut clear)?;
            self.tally.count_sent(from.size);
            display::count(from.size);
        }
        Ok(())
    }

    /// Adds jobs. Directories are compared before files are sent, so that the progress knows what there is to do; a list of
    /// changes is in order.
    fn add(&self, queue: &Queue<'_, SyncJob>, jobs: Vec<SyncJob>) {
        for job in &jobs {
            if let SyncJob::File { from, .. } = job {
                display::add_total(1, from.size);
            }
        }
        let is_first = |job: &SyncJob| !self.sync.is_dry && matches!(job, SyncJob::Directory { .. });
        let (first, rest) = jobs.into_iter().partition(is_first);
        queue.add(first, rest);
    }

    /// Compares one directory of both trees, and returns what is to be done, in the order of the names.
    fn compare(&self, client: &mut Client, path: Vec<u8>, exists: bool) -> Result<Vec<SyncJob>> {
        let Synchronization { from, to, rules, .. } = self.sync;
        let entries = from.list_source(client, &path)?;
        let (existing, exists) = match exists {
            true => match to.list(client, &path) {
                Err(error) if path.is_empty() && error.kind() == ErrorKind::NotFound => (Vec::new(), false),
                existing => (existing?, true),
            },
            false => (Vec::new(), false),
        };
        let mut jobs = Vec::new();
        for (name, from, to) in merge(entries, existing) {
            let below = if path.is_empty() { name } else { [&path, &b"/"[..], &name].concat() };
            match self.decide(client, below, from, to) {
                Ok(job) => jobs.extend(job),
                Err(error) => self.tally.fail(report(self.program, &error)),
            }
        }
        let is_file = |job: &SyncJob| matches!(job, SyncJob::File { .. });
        if !exists && (path.is_empty() || rules.covers(&path, true) || jobs.iter().any(is_file)) {
            transfer::make_directory(self.sync, client, &path)?;
        }
        Ok(jobs)
    }

    /// Decides what is to be done about one name. Deletions are kept for the end.
    fn decide(
        &self,
        client: &mut Client,
        path: Vec<u8>,
        from: Option<TreeEntry>,
        to: Option<TreeEntry>,
    ) -> Result<Option<SyncJob>> {
        let decision = decide(&path, from.as_ref(), to.as_ref(), &self.sync.rules);
        match (decision, from, to) {
            (Decision::Same, ..) => self.tally.count_same(),
            (Decision::Skip(why), ..) if !self.sync.settings.quiet => {
                let name = self.sync.from.shown(&path, false);
                cli::remark(self.program, format!("{name}: {why}, left out"));
            }
            (Decision::Enter, _, to) => return Ok(Some(SyncJob::Directory { path, exists: to.is_some() })),
            (Decision::Send, Some(from), to) => {
                return Ok(Some(SyncJob::File { path, from, to, compares: false }));
            }
            (Decision::Compare, Some(from), to) => {
                return Ok(Some(SyncJob::File { path, from, to, compares: true }));
            }
            (Decision::Delete, None, Some(entry)) => {
                let mut add = |deletion| self.deletions.lock().add(&deletion);
                removal::plan(self.sync, client, &path, &entry, &mut add)?;
            }
            (Decision::Replace, Some(from), Some(entry)) => {
                self.plan_replacement(client, &path, &from, &entry)?
            }
            // A directory may hold nothing that is included.
            (Decision::Block, Some(from), Some(entry))
                if self.sync.rules.covers(&path, from.is_directory())
                    || source::examine(self.sync, client, &path, &from)? =>
            {
                return Err(self.blocked(&path, &from, &entry));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Plans that an entry of FROM replaces one of another kind, of which nothing may stay.
    fn plan_replacement(
        &self,
        client: &mut Client,
        path: &[u8],
        from: &TreeEntry,
        to: &TreeEntry,
    ) -> Result<()> {
        if !source::examine(self.sync, client, path, from)? {
            return Ok(());
        }
        let mut obstacles = Vec::new();
        let mut add = |deletion| {
            obstacles.push(deletion);
            Ok(())
        };
        match removal::plan(self.sync, client, path, to, &mut add)? {
            true => self.deletions.lock().add_replacement(path, from, &obstacles),
            false => Err(Error::conflict(
                self.sync.to.shown(path, to.is_directory()),
                "is in the way, and holds names that are excluded",
            )),
        }
    }

    /// Makes the error for a name that has another kind in each tree.
    fn blocked(&self, path: &[u8], from: &TreeEntry, to: &TreeEntry) -> Error {
        let name = self.sync.to.shown(path, to.is_directory());
        let kind = |entry: &TreeEntry| match entry.kind {
            EntryKind::File => "a file",
            EntryKind::Directory => "a directory",
            EntryKind::Other(_) => "neither a file nor a directory",
        };
        let rules = &self.sync.rules;
        let what = match rules.covers_some(path, to.is_directory()) {
            true => "--delete replaces it",
            false => "it stays, because it is excluded or not included",
        };
        let what = format!("is {}, and {} in FROM: {what}", kind(to), kind(from));
        Error::conflict(name, what)
    }
}
