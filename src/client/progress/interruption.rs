//! What a signal that ends the program leaves: each piece of work notes it, and it is printed before the program ends.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::client::progress::display;

static NOTES: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A note, which is forgotten when it is dropped: the work is done then.
#[derive(Debug)]
pub struct Note(u64);

impl Note {
    /// Notes what an interruption from now on leaves.
    pub fn new(what: String) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NOTES.lock().push((number, what));
        Note(number)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        NOTES.lock().retain(|(number, _)| *number != self.0);
    }
}

/// Prints what is left, after the bar was removed.
pub(crate) fn tell() {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let done = display::interrupt().filter(|done| *done > 0);
    let done = done.map(|done| format!("{done} files before it are done"));
    let notes: Vec<_> = NOTES.lock().drain(..).map(|(_, what)| what).chain(done).collect();
    if !notes.is_empty() {
        let _ = writeln!(io::stderr(), "{program}: interrupted: {}", notes.join("; "));
    }
}
