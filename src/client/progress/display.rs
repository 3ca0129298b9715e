//! The progress of this process on standard error, at a terminal only: a bar or a counter for work that takes longer than a
//! second, and a line with the sum at its end. There is one for the process, since it has one terminal. `shown_work.rs` has the
//! numbers.

use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow};
use parking_lot::Mutex;

use crate::client::progress::server_counts::ServerCounts;
use crate::client::progress::shown_work::ShownWork;
pub use crate::client::progress::shown_work::Sum;

/// How often the bar is drawn: what it says about time changes each time.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// The work that is shown, if there is any.
static WORK: Mutex<Option<ShownWork>> = Mutex::new(None);

/// Begins to show the work of a program, unless it is quiet or standard error is no terminal. [`end`] ends it.
pub fn begin(quiet: bool, sum: Sum) {
    show(quiet, sum, false);
}

/// Begins to show concurrent transfers, for a program that prints a sum of its own.
pub fn begin_concurrent(quiet: bool) {
    show(quiet, Sum::Never, true);
}

fn show(quiet: bool, sum: Sum, is_concurrent: bool) {
    if quiet || !io::stderr().is_terminal() {
        return;
    }
    let (stop, stopped) = mpsc::channel::<()>();
    *WORK.lock() = Some(ShownWork::new(sum, is_concurrent, stop));
    // The thread inherits that signals are blocked: while a password is asked for, none may end the program by this thread.
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
    // Without the thread nothing is shown but the sum.
    let _ = thread::Builder::new().spawn(move || {
        while stopped.recv_timeout(DRAW_EVERY) == Err(RecvTimeoutError::Timeout) {
            WORK.lock().as_mut().into_iter().for_each(ShownWork::draw);
        }
    });
    let _ = mask.map(|mask| mask.thread_set_mask());
}

/// Stops showing progress, and prints the sum if the work was done.
pub fn end(is_done: bool) {
    let Some(work) = WORK.lock().take() else { return };
    work.clear();
    if let Some(sum) = work.sum().filter(|_| is_done) {
        let _ = writeln!(io::stderr(), "{sum}");
    }
}

/// Returns whether any work is shown: the server is then asked how far it is.
pub fn is_shown() -> bool {
    WORK.lock().is_some()
}

/// Announces that the work has so many files and bytes more.
pub fn add_total(files: u64, bytes: u64) {
    change(|work| work.add_total(files, bytes));
}

/// Counts a file or a name that is done, and its bytes.
pub fn count(bytes: u64) {
    change(|work| work.count(bytes));
}

/// Counts a name that was listed.
pub(crate) fn list() {
    change(ShownWork::list);
}

/// Shows nothing of the rest: content is written to the terminal, or read from it.
pub fn mute() {
    change(ShownWork::mute);
}

/// Removes the bar while a question is asked.
pub fn pause() {
    change(|work| work.pause(true));
}

/// Shows the bar again.
pub fn resume() {
    change(|work| work.pause(false));
}

/// Notes how far the server says that it is.
pub(crate) fn serve(field: &str) {
    change(|work| work.serve(ServerCounts::parse(field)));
}

/// Notes that the server has answered a request for work on `name`, which counts as done, or for anything else.
pub(crate) fn end_serving(name: Option<&str>) {
    change(|work| work.end_serving(name));
}

/// Removes the bar of work that is interrupted, and returns how many files are done, if that is known. Does not block: the
/// thread that would have to go on may wait for the terminal.
pub(crate) fn interrupt() -> Option<u64> {
    let work = WORK.try_lock()?.take()?;
    work.clear();
    Some(work.files_done())
}

/// Writes to the terminal while the bar is off it.
pub fn aside<T>(act: impl FnOnce() -> T) -> T {
    match WORK.lock().as_ref() {
        Some(work) => work.bar().suspend(act),
        None => act(),
    }
}

fn change(act: impl FnOnce(&mut ShownWork)) {
    if let Some(work) = WORK.lock().as_mut() {
        act(work);
    }
}

/// The progress of one transfer. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    is_shown: bool,
    /// Whether it is all that is shown, without a program that began.
    is_alone: bool,
    /// The bytes so far, where several files are transferred at once.
    in_flight: Option<Arc<AtomicU64>>,
}

impl Progress {
    /// Makes the progress of a transfer of `size` bytes, if known. A transfer of the same name as the last one resumes
    /// it.
    pub fn new(name: &str, size: Option<u64>, quiet: bool) -> Self {
        if quiet {
            return Progress::default();
        }
        let is_alone = !is_shown();
        if is_alone {
            begin(quiet, Sum::Never);
        }
        let mut in_flight = None;
        change(|work| match work.is_concurrent() {
            true => in_flight = Some(Arc::default()),
            false => work.begin_file(name, size),
        });
        let is_shown = is_shown();
        Progress { is_shown, is_alone: is_alone && is_shown, in_flight }
    }

    /// Adds bytes.
    pub fn add(&self, bytes: u64) {
        match &self.in_flight {
            _ if !self.is_shown => {}
            None => change(|work| work.add(bytes)),
            Some(in_flight) => change(|work| {
                in_flight.fetch_add(bytes, Ordering::Relaxed);
                work.add_in_flight(bytes);
            }),
        }
    }

    /// Notes that all bytes were sent, and the server is waited for.
    pub fn wait(&self) {
        if self.is_shown && self.in_flight.is_none() {
            change(ShownWork::wait);
        }
    }

    /// Ends the transfer.
    pub fn clear(&self) {
        match &self.in_flight {
            _ if self.is_alone => end(false),
            _ if !self.is_shown => {}
            None => change(ShownWork::end_file),
            Some(in_flight) => change(|work| work.end_flight(in_flight.swap(0, Ordering::Relaxed))),
        }
    }
}

/// A reader that counts its bytes.
pub struct ProgressReader<R> {
    /// The inner reader.
    pub reader: R,
    /// The progress.
    pub progress: Progress,
}

impl<R: Read> Read for ProgressReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(out)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}
