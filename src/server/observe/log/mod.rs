//! The log: a line for every request, every refused client and every error. Opens the file and reopens it; `line`
//! formats the lines, `gathered` writes them.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result, shown};
use crate::server::observe::Peer;
use gathered::{GatheredLines, ReportFailure};

pub use line::{LogEntry, LogFormat};

mod gathered;
mod line;

/// The log of the daemon.
pub struct Log {
    format: LogFormat,
    /// The log file and its name. Without one no requests are logged, and errors go to stderr.
    access: Option<(PathBuf, GatheredLines)>,
}

impl Log {
    /// Opens the log for appending.
    pub fn open(path: Option<&Path>, format: LogFormat) -> Result<Self> {
        let open = |path: &Path| -> Result<_> {
            let lines = GatheredLines::new(append_to(path)?, report_failure(path, format));
            Ok((path.to_owned(), lines))
        };
        Ok(Log { format, access: path.map(open).transpose()? })
    }

    /// Opens the file again: a new one where logrotate(8) has renamed the old one. Lines go to the old one until
    /// [`Log::swap`].
    pub fn reopened(&self) -> Result<Option<File>> {
        self.access.as_ref().map(|(path, _)| append_to(path)).transpose()
    }

    /// Writes to the reopened file from now on.
    pub fn swap(&self, reopened: Option<File>) {
        if let (Some((_, lines)), Some(new)) = (&self.access, reopened) {
            lines.swap(new);
        }
    }

    /// Writes the lines of requests that are gathered, from time to time, for ever. To be called in a thread of its own;
    /// without it each line is written at once.
    pub fn keep_writing(&self) {
        self.access.iter().for_each(|(_, lines)| lines.keep_writing());
    }

    /// Writes all that is gathered; later lines are written at once. To be called at the end of the daemon.
    pub fn finish(&self) {
        self.access.iter().for_each(|(_, lines)| lines.finish());
    }

    /// Returns whether requests are logged.
    pub fn has_access_lines(&self) -> bool {
        self.access.is_some()
    }

    /// Logs a request and its outcome. Under load the lines are gathered, so that many share a write.
    pub fn exchange(&self, entry: &LogEntry<'_>) {
        if let Some((_, lines)) = &self.access {
            lines.push(&self.format.exchange(entry, SystemTime::now()));
        }
    }

    /// Logs a malformed request, or a client that was refused.
    pub fn refusal(&self, peer: &Peer, status: u16, error: &Error) {
        let line = self.format.refusal(peer, status, error, SystemTime::now());
        self.refused(line, &format!("{}: refused with {status}: {error}", peer.shown()));
    }

    /// Logs a failed login, for programs that ban addresses; without a name where the credentials have none.
    pub fn refused_login(&self, user: Option<&[u8]>, peer: &Peer) {
        let user = user.unwrap_or(b"-");
        let line = self.format.refused_login(peer, user, SystemTime::now());
        self.refused(line, &format!("{}: refused login: {}", peer.shown(), shown(user)));
    }

    /// Writes the line of a client that was refused. On stderr it is a message, unless the format is JSON.
    fn refused(&self, line: String, message: &str) {
        match (&self.access, self.format) {
            (None, LogFormat::Combined) => self.remark(message),
            _ => self.write(line),
        }
    }

    /// Logs an error.
    pub fn error(&self, error: &Error) {
        self.remark(&error.to_string());
    }

    /// Logs an important message, to stderr too: the log itself may not be writable.
    pub fn alarm(&self, what: &str) {
        self.remark(what);
        if self.access.as_ref().is_some_and(|(path, _)| !is_standard_error(path)) {
            write_line(io::stderr(), self.format.remark(what, SystemTime::now()));
        }
    }

    /// Logs a message.
    pub fn remark(&self, what: &str) {
        self.write(self.format.remark(what, SystemTime::now()));
    }

    fn write(&self, line: String) {
        match &self.access {
            Some((_, lines)) => lines.write(&line),
            None => write_line(io::stderr(), line),
        }
    }
}

/// The name of standard error as a log file.
pub const STANDARD_ERROR: &str = "-";

/// Returns whether a log file is standard error.
pub fn is_standard_error(path: &Path) -> bool {
    path.as_os_str() == STANDARD_ERROR
}

fn append_to(path: &Path) -> Result<File> {
    let file = match is_standard_error(path) {
        true => io::stderr().as_fd().try_clone_to_owned().map(File::from),
        false => OpenOptions::new().append(true).create(true).open(path),
    };
    file.map_err(|error| Error::io(path.as_os_str().as_encoded_bytes(), error))
}

/// Makes the function that says on standard error that the log cannot be written, or is written again; silent where the log
/// is standard error itself.
fn report_failure(path: &Path, format: LogFormat) -> ReportFailure {
    let path = path.to_owned();
    Box::new(move |failure| {
        let name = path.as_os_str().as_encoded_bytes();
        let what = match failure {
            _ if is_standard_error(&path) => return,
            Some(error) => format!("{}: the log is not written", Error::io(name, error)),
            None => format!("{}: the log is written again", shown(name)),
        };
        write_line(io::stderr(), format.remark(&what, SystemTime::now()));
    })
}

/// Writes a line in one call. Ignores errors: the service continues without a log.
fn write_line(mut out: impl Write, mut line: String) {
    line.push('\n');
    let _ = out.write_all(line.as_bytes());
}
