//! Writes lines to the log file, in their order. Under load the lines of requests are gathered for a moment, so that many
//! share a write(2); other lines are written at once. It does not know what a line says.

use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::sync::OnceLock;
use std::thread::{self, Thread};
use std::time::Instant;

use parking_lot::Mutex;

use crate::server::limits::{LOG_GATHER_TIME, LOG_GATHERED_MAX};

/// The log file, and the lines that are not written to it yet.
pub(super) struct GatheredLines {
    /// Locked before `waiting`: whoever has the file takes the lines, so that they keep their order.
    file: Mutex<LogFile>,
    waiting: Mutex<WaitingLines>,
    /// The thread in [`GatheredLines::keep_writing`].
    writer: OnceLock<Thread>,
}

/// Is told when the file cannot be written any more, with the error, and when it is written again.
pub(super) type ReportFailure = Box<dyn Fn(Option<io::Error>) + Send + Sync>;

struct LogFile {
    file: File,
    /// Whether the last write failed.
    has_failed: bool,
    report: ReportFailure,
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
    pub fn new(file: File, report: ReportFailure) -> Self {
        let file = Mutex::new(LogFile { file, has_failed: false, report });
        GatheredLines { file, waiting: Mutex::default(), writer: OnceLock::new() }
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

    /// Writes what is gathered.
    fn flush(&self) {
        let mut file = self.file.lock();
        let lines = self.waiting.lock().take();
        file.write(&lines);
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
        let lines = self.waiting.lock().take();
        file.write(&lines);
        file.file = new;
    }
}

impl LogFile {
    /// Writes lines. The service continues without a log: what cannot be written is lost, and the first failure reported.
    fn write(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let failure = self.file.write_all(lines).err();
        if failure.is_some() != self.has_failed {
            self.has_failed = failure.is_some();
            (self.report)(failure);
        }
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
