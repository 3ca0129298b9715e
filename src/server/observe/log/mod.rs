//! The log: a line for every request, every refused client and every error. Owns the file and reopens it; `line`
//! formats the lines.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::{RwLock, RwLockReadGuard};

use crate::error::{Error, Result, shown};
use crate::server::observe::Peer;

pub use line::{LogEntry, LogFormat};

mod line;

/// The log of the daemon.
pub struct Log {
    format: LogFormat,
    /// The log file and its name. Without one no requests are logged, and errors go to stderr.
    access: Option<(PathBuf, RwLock<File>)>,
}

impl Log {
    /// Opens the log for appending.
    pub fn open(path: Option<&Path>, format: LogFormat) -> Result<Self> {
        let open = |path: &Path| append_to(path).map(|file| (path.to_owned(), RwLock::new(file)));
        Ok(Log { format, access: path.map(open).transpose()? })
    }

    /// Opens the file again: a new one where logrotate(8) has renamed the old one. Lines go to the old one until
    /// [`Log::swap`].
    pub fn reopened(&self) -> Result<Option<File>> {
        self.access.as_ref().map(|(path, _)| append_to(path)).transpose()
    }

    /// Writes to the reopened file from now on.
    pub fn swap(&self, reopened: Option<File>) {
        if let (Some((_, file)), Some(new)) = (&self.access, reopened) {
            *file.write() = new;
        }
    }

    /// Whether requests are logged.
    pub fn has_access_lines(&self) -> bool {
        self.access.is_some()
    }

    fn access(&self) -> Option<RwLockReadGuard<'_, File>> {
        self.access.as_ref().map(|(_, file)| file.read())
    }

    /// Logs a request and its outcome.
    pub fn exchange(&self, entry: &LogEntry<'_>) {
        if let Some(file) = self.access() {
            write_line(&*file, self.format.exchange(entry, SystemTime::now()));
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
        match self.access() {
            Some(file) => write_line(&*file, line),
            None => write_line(io::stderr(), line),
        }
    }
}

/// The name of standard error as a log file.
pub const STANDARD_ERROR: &str = "-";

/// Whether a log file is standard error.
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

/// Writes a line in one call. Ignores errors: the service continues without a log.
fn write_line(mut out: impl Write, mut line: String) {
    line.push('\n');
    let _ = out.write_all(line.as_bytes());
}
