//! GET of a directory with `?search`: searches every file beneath it, with several threads.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, Scope};

use parking_lot::Mutex;
use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::http::json_name::with_name;
use crate::server::auth::rights::{AuthorizedStore, Reader};
use crate::server::exchange::{
    BoundedDecoding, Exchange, LineSink, Operation, ResultUse, SANDBOX, ScannedFile, send_lines,
};
use crate::server::limits::PROGRESS_EVERY;
use crate::server::methods::list::{globs, included};
use crate::server::methods::result_queue::{ResultQueue, ResultReceiver, ResultSender};
use crate::server::shared::ScanThreads;
use crate::store::{Entries, Entry, Kind, Name};
use crate::text::PrefixedLines;

/// How many names a walk that counts the files may be ahead of the search: so many names are held in memory.
const AHEAD_MAX: usize = 100_000;
/// How many names of such a walk are handed over at once, and about how many bytes they have at the most.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 10 * 1024;

/// The most names that a thread takes at once, while the others wait; and after how many it takes one more. At first it is one,
/// so that all threads have something to read where there are few files.
const TAKEN_MAX: usize = 16;
const TAKEN_MORE_AFTER: usize = 64;

/// What a thread has found.
type SearchResult = Result<TreeFinding>;

enum TreeFinding {
    /// A file, and the count in it.
    Count(Counted),
    /// How many files there are in all.
    Files(u64),
}

/// What was counted in a file.
struct Counted {
    name: Vec<u8>,
    count: u64,
    /// Whether the file begins with the byte order mark of UTF-16, so that hardly a word is found in it.
    is_utf16: bool,
}

/// Sends the matching lines of every file beneath a directory, or `COUNT name` for each, then `COUNT total`.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore, name: &Name) -> Result<()> {
    let server = exchange.server;
    let reader = store.reader();
    let fields = &exchange.request.fields;
    let Some(operation) = Operation::of_query(&exchange.query, fields, ResultUse::Added)? else {
        return Err(Error::invalid("search", "is missing"));
    };
    let media_type = operation.media_type.unwrap_or("text/plain");
    let json = media_type == "application/json";
    let globs = globs(&exchange.query)?;
    let entries = included(reader.list_readable(name)?, globs, exchange.stream);
    let decoding = exchange.decoding();
    // Where JSON is asked for, so is the number of files, by a client that shows how far the search is.
    let tells_files = json && exchange.query.has("progress");
    let search = TreeSearch { reader, directory: name, operation: &operation, decoding: &decoding, json };
    // A name may hold a colon or a newline, but no NUL byte.
    let end = if exchange.query.has("null") { b"\0" } else { b":" };
    send_lines(exchange, name, media_type, SANDBOX, |out| match operation.is_number {
        true => search.count_all(entries, &server.scan_threads, tells_files, out),
        false => search.lines_of_all(entries, end, out),
    })
}

/// The entries that no thread has taken.
struct ToSearch<'a> {
    entries: Entries<'a>,
    taken: usize,
}

impl ToSearch<'_> {
    /// Takes some for one thread; nothing at the end.
    fn take_some(&mut self) -> Vec<Result<Entry>> {
        let most = (self.taken / TAKEN_MORE_AFTER).clamp(1, TAKEN_MAX);
        let some: Vec<_> = self.entries.by_ref().take(most).collect();
        self.taken += some.len();
        some
    }
}

/// One search of a directory tree.
struct TreeSearch<'a> {
    reader: Reader<'a>,
    directory: &'a Name,
    operation: &'a Operation,
    decoding: &'a BoundedDecoding<'a>,
    /// Whether the counts are sent as JSON.
    json: bool,
}

impl TreeSearch<'_> {
    /// Counts in every file, with as many threads as are free, and writes the results as they arrive.
    fn count_all(
        &self,
        entries: Entries<'_>,
        threads: &ScanThreads,
        tells_files: bool,
        out: &mut LineSink<'_>,
    ) -> io::Result<()> {
        let queue = ResultQueue::new();
        thread::scope(|scope| {
            // Dropped before the scope waits for the threads: one that waits for room then ends.
            let receiver = queue.receiver();
            let entries = match tells_files {
                true => walk_ahead(scope, entries, queue.sender())?,
                false => entries,
            };
            let entries = Arc::new(Mutex::new(ToSearch { entries, taken: 0 }));
            let search = |permit: Option<_>| {
                let (sender, entries) = (queue.sender(), Arc::clone(&entries));
                let work = move || {
                    let _permit = permit;
                    self.work(&entries, &sender);
                };
                thread::Builder::new().spawn_scoped(scope, work)
            };
            // The first search thread takes no permit, since this thread only writes; the others need one from the
            // pool.
            search(None).map_err(|_| no_thread())?;
            for permit in threads.take_free() {
                if search(Some(permit)).is_err() {
                    break;
                }
            }
            drop(entries);
            self.write_results(&receiver, out)
        })
    }

    /// Writes the results as they arrive, and the total.
    fn write_results(
        &self,
        results: &ResultReceiver<'_, SearchResult>,
        out: &mut LineSink<'_>,
    ) -> io::Result<()> {
        let (mut total, mut has_begun) = (0, false);
        while let Some(found) = results.take() {
            has_begun |= !found.is_empty();
            for found in found {
                total += self.write_result(found, out)?;
            }
            out.flush_waiting()?;
            // Until then interim responses say that it works.
            if has_begun && self.json {
                out.keep_alive(PROGRESS_EVERY)?;
            }
        }
        let total = if self.json { json!({ "total": total }).to_string() } else { format!("{total} total") };
        writeln!(out, "{total}")
    }

    /// Writes a result, and returns its count.
    fn write_result(&self, found: SearchResult, out: &mut LineSink<'_>) -> io::Result<u64> {
        match found {
            Ok(TreeFinding::Count(counted)) => {
                out.write_all(&line(&counted, self.json))?;
                Ok(counted.count)
            }
            Ok(TreeFinding::Files(files)) => {
                writeln!(out, "{}", json!({ "files": files }))?;
                out.flush()?;
                Ok(0)
            }
            // Lines of text cannot tell of it.
            Err(error) if is_of_one_file(&error) && self.json => {
                writeln!(out, "{}", json!({ "error": error.to_string() }))?;
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Searches files until there are none, or the receiver is dropped.
    fn work(&self, entries: &Mutex<ToSearch<'_>>, results: &ResultSender<'_, SearchResult>) {
        loop {
            let batch = entries.lock().take_some();
            if batch.is_empty() {
                return;
            }
            for entry in batch {
                let found = match entry {
                    Err(error) => Err(error),
                    Ok(entry) if entry.kind != Kind::File => continue,
                    Ok(entry) => self.count(&entry.name),
                };
                if !found.as_ref().is_err_and(is_left_out) && !results.send(found) {
                    return;
                }
            }
        }
    }

    fn count(&self, below: &[u8]) -> SearchResult {
        let mut number = Vec::new();
        let is_utf16 = self.run(below, &mut number)?;
        let count = std::str::from_utf8(number.trim_ascii()).ok().and_then(|digits| digits.parse().ok());
        Ok(TreeFinding::Count(Counted { name: below.to_vec(), count: count.unwrap_or(0), is_utf16 }))
    }

    /// Searches a file, and returns whether it begins with the byte order mark of UTF-16.
    fn run(&self, below: &[u8], sink: &mut dyn Write) -> Result<bool> {
        let below = below.split(|&byte| byte == b'/').map(<[u8]>::to_vec);
        let name = Name::new(self.directory.components().iter().cloned().chain(below).collect(), false)?;
        let content = self.reader.open(&name)?;
        let file = ScannedFile::new(content.as_ref(), self.decoding);
        let run = self.operation.run_on_file(&name, &file, self.decoding, sink);
        run.map(|()| file.is_utf16()).map_err(|error| Error::io(name.shown(), error))
    }

    /// Writes the matching lines of every file, each after the file name and `end`.
    fn lines_of_all(&self, entries: Entries<'_>, end: &[u8], out: &mut LineSink<'_>) -> io::Result<()> {
        for entry in entries {
            let entry = entry?;
            if entry.kind != Kind::File {
                continue;
            }
            let prefix = [&entry.name[..], end].concat();
            match self.run(&entry.name, &mut PrefixedLines::new(out, &prefix)) {
                Err(error) if !is_left_out(&error) => return Err(error.into()),
                // The next file may take a while.
                _ => out.flush_waiting()?,
            }
        }
        Ok(())
    }
}

/// Walks the tree in a thread of its own, which sends the number of files as soon as it is known: it may be ahead of the
/// search. Returns the entries that it has found.
fn walk_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    entries: Entries<'scope>,
    results: ResultSender<'scope, SearchResult>,
) -> Result<Entries<'scope>> {
    let (sender, batches) = sync_channel(AHEAD_MAX / BATCH);
    let walk = move || {
        let (mut files, mut batch, mut bytes) = (0, Vec::new(), 0);
        for entry in entries {
            files += u64::from(entry.as_ref().is_ok_and(|entry| entry.kind == Kind::File));
            bytes += entry.as_ref().map_or(0, |entry| entry.name.len());
            batch.push(entry);
            if batch.len() == BATCH || bytes > BATCH_BYTES {
                bytes = 0;
                if sender.send(std::mem::take(&mut batch)).is_err() {
                    return;
                }
            }
        }
        // The search may have ended early, for an error or a client that has disconnected.
        let _ = sender.send(batch);
        results.send(Ok(TreeFinding::Files(files)));
    };
    thread::Builder::new().spawn_scoped(scope, walk).map_err(|_| no_thread())?;
    Ok(Box::new(batches.into_iter().flatten()))
}

fn no_thread() -> Error {
    Error::overloaded("search", "no thread is left for it")
}

/// Returns whether a file is omitted: it was deleted since it was listed, or the daemon itself may not read it. Lists omit such
/// directories too.
fn is_left_out(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound)
}

/// Returns whether an error is of one file, so that the others are searched all the same: `decompress` does not support it, it
/// is damaged or too large, became shorter, or cannot be read. That of a client that has gone ends the search when the
/// next result is written.
fn is_of_one_file(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Overloaded | ErrorKind::Unavailable | ErrorKind::TimedOut)
}

fn line(counted: &Counted, json: bool) -> Vec<u8> {
    let Counted { name, count, is_utf16 } = counted;
    match json {
        true => {
            let object =
                if *is_utf16 { json!({ "count": count, "utf16": true }) } else { json!({ "count": count }) };
            format!("{}\n", with_name(object, name)).into_bytes()
        }
        false => [count.to_string().as_bytes(), b" ", name, b"\n"].concat(),
    }
}
