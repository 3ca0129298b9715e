//! The log: a line for every exchange in Combined Log Format, a line for every trouble. What a client sent is
//! escaped, so that it can forge nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::reply::Reply;
use super::stream::Peer;
use crate::error::{Error, Result, shown};
use crate::http::Request;

/// Where lines go.
pub struct Log {
    /// Access lines, where a file was named.
    access: Option<File>,
}

impl Log {
    /// Opens the log for appending; without a path there are no access lines, and trouble goes to stderr.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let open = |path: &Path| {
            let file = OpenOptions::new().append(true).create(true).open(path);
            file.map_err(|wrong| Error::io(path.as_os_str().as_encoded_bytes(), wrong))
        };
        Ok(Log { access: path.map(open).transpose()? })
    }

    /// Notes an exchange that has ended.
    pub fn exchange(&self, peer: &Peer, request: &Request, reply: &Reply<'_>) {
        let Some(file) = &self.access else { return };
        let quoted = |name| quoted(request.fields.get(name).unwrap_or(b"-"));
        let line = format!(
            "{} - {} [{}] \"{} {} HTTP/1.1\" {} {} {} {}\n",
            peer.shown(),
            reply
                .user
                .as_ref()
                .map_or_else(|| "-".to_owned(), |user| quoted_inner(user).replace(' ', "\\x20")),
            clf(SystemTime::now()),
            request.method(),
            quoted_inner(request.target()),
            reply.status,
            reply.sent,
            quoted("referer"),
            quoted("user-agent"),
        );
        write_line(file, &line);
    }

    /// Notes what was no request.
    pub fn refusal(&self, peer: &Peer, status: u16, error: &Error) {
        let Some(file) = &self.access else { return };
        let what = quoted(error.to_string().as_bytes());
        write_line(
            file,
            &format!("{} - - [{}] \"-\" {status} 0 - {what}\n", peer.shown(), clf(SystemTime::now())),
        );
    }

    /// Notes a claim to a name that was not proved: always in the same words, for programs that count them.
    pub fn login_refused(&self, peer: &Peer, error: &Error) {
        self.remark(&format!("login refused: {} from {}", error, peer.shown()));
    }

    /// Notes what went wrong.
    pub fn trouble(&self, error: &Error) {
        self.remark(&error.to_string());
    }

    /// Notes what an admin should know.
    pub fn remark(&self, what: &str) {
        let line = format!("cfpd: {what}\n");
        match &self.access {
            Some(file) => write_line(file, &line),
            None => write_line(io::stderr(), &line),
        }
    }
}

/// A line is one write. A log that cannot be written must not stop the service.
fn write_line(mut out: impl Write, line: &str) {
    let _ = out.write_all(line.as_bytes());
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", quoted_inner(bytes))
}

fn quoted_inner(bytes: &[u8]) -> String {
    shown(bytes).replace('"', "\\x22")
}

/// The last second of the year 9999: an HTTP date has four digits for the year.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The parts of an HTTP date: day, month, year and time of day. A time it cannot say is the nearest it can.
fn parts(time: SystemTime) -> (String, String, String, String) {
    let date = httpdate::fmt_http_date(time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST));
    let mut words = date.split(' ').skip(1).map(str::to_owned);
    let mut next = || words.next().unwrap_or_default();
    (next(), next(), next(), next())
}

/// `06/Nov/1994:08:49:37 +0000`.
fn clf(time: SystemTime) -> String {
    let (day, month, year, clock) = parts(time);
    format!("{day}/{month}/{year}:{clock} +0000")
}

/// `1994-11-06T08:49:37Z` (RFC 3339).
pub fn rfc3339(time: SystemTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (day, month, year, clock) = parts(time);
    let month = MONTHS.iter().position(|name| *name == month).map_or(1, |at| at + 1);
    format!("{year}-{month:02}-{day}T{clock}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_both_forms() {
        let time = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(clf(time), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(rfc3339(time), "1994-11-06T08:49:37Z");
        assert_eq!(rfc3339(UNIX_EPOCH - LAST), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(UNIX_EPOCH + 2 * LAST), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn what_a_client_sent_forges_no_line() {
        assert_eq!(quoted(b"a\" \n\x1b[0m\xff"), "\"a\\x22 \\x0a\\x1b[0m\\xff\"");
    }
}
