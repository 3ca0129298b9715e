//! Writes lines to the log file, in their order. Under load the lines of requests are gathered for a moment, so that many
//! share a write(2); other lines are written at once. It does not know what a line says.

use std::fs::File;
use std::io::Write;
use std::mem;
use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::Instant;

use parking_lot::Mutex;

use crate::server::limits::{LOG_GATHER_TIME, LOG_GATHERED_MAX};

/// The log file, and the lines that are not written to it yet.
pub(super) struct GatheredLines {
    /// Locked before `waiting`: whoever has the file takes the lines, so that they keep their order.
    file: Mutex<File>,
    waiting: Mutex<WaitingLines>,
    /// The thread in [`GatheredLines::keep_writing`].
    writer: OnceLock<Thread>,
}

#[derive(Default)]
struct WaitingLines {
    text: Vec<u8>,
    /// When lines were last written.
    written: Option<Instant>,
    /// Whether the daemon ends, and lines are written at once.
    is_ending: bool,
}

impl GatheredLines {
    /// Lines for a file that is open for appending.
    pub fn new(file: File) -> Self {
        GatheredLines { file: Mutex::new(file), waiting: Mutex::default(), writer: OnceLock::new() }
    }

    /// Writes a line: at once where none was written for a moment, else together with those that follow.
    pub fn push(&self, line: &str) {
        let mut waiting = self.waiting.lock();
        let is_first = waiting.text.is_empty();
        waiting.append(line);
        let is_quiet = waiting.written.is_none_or(|at| at.elapsed() >= LOG_GATHER_TIME);
        let is_due = is_quiet || waiting.is_ending || waiting.text.len() >= LOG_GATHERED_MAX;
        drop(waiting);
        match self.writer.get() {
            Some(writer) if !is_due && is_first => writer.unpark(),
            Some(_) if !is_due => {}
            _ => self.flush(),
        }
    }

    /// Writes a line at once, after those that are gathered.
    pub fn write(&self, line: &str) {
        self.waiting.lock().append(line);
        self.flush();
    }

    /// Writes what is gathered. Ignores errors: the service continues without a log.
    fn flush(&self) {
        let mut file = self.file.lock();
        let _ = file.write_all(&self.waiting.lock().take());
    }

    /// Writes gathered lines as they become due, for ever.
    pub fn keep_writing(&self) {
        self.writer.get_or_init(thread::current);
        loop {
            thread::park();
            thread::sleep(LOG_GATHER_TIME);
            self.flush();
        }
    }

    /// Writes what is gathered, and from now on each line at once.
    pub fn finish(&self) {
        self.waiting.lock().is_ending = true;
        self.flush();
    }

    /// Writes what is gathered to the old file, and later lines to another.
    pub fn swap(&self, new: File) {
        let mut file = self.file.lock();
        let _ = file.write_all(&self.waiting.lock().take());
        *file = new;
    }
}

impl WaitingLines {
    fn append(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
    }

    /// Takes all lines, to be written now.
    fn take(&mut self) -> Vec<u8> {
        self.written = Some(Instant::now());
        mem::take(&mut self.text)
    }
}
