//! The one error of the house: it always names the thing, and has two readings, an exit code and an HTTP
//! status. It imports nothing of the house, so that every room may speak it.

use std::fmt;
use std::io;

/// What went wrong, and with what. Shown as `name: what is wrong`, in lower case, without a full stop.
#[derive(Debug)]
pub enum Error {
    /// Wrong use: an option, an operand or a word that cannot be meant. Exit code 2, status 400.
    Usage(String),
    /// The operating system refused something of a named thing.
    System {
        /// The file, socket or address.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A request or an answer with this HTTP status (RFC 9110 §15).
    Status {
        /// The status code, 400 to 599.
        status: u16,
        /// The file, field or target.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// Not now: no connection, a time-out, a message cut short. Exit code 3, status 503.
    Cut {
        /// The server, file or stream.
        name: String,
        /// How it ended.
        what: String,
    },
}

/// What Linux says of a descriptor that is closed, or open the wrong way round.
const EBADF: i32 = 9;

/// `std`'s result with the error of the house.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Wrong use, in one line.
    pub fn usage(what: impl Into<String>) -> Self {
        Error::Usage(what.into())
    }

    /// A refusal with an HTTP status: `name` is the thing, `what` is wrong with it.
    pub fn status(status: u16, name: impl AsRef<[u8]>, what: impl Into<String>) -> Self {
        Error::Status { status, name: shown(name.as_ref()), what: what.into() }
    }

    /// Something that ended before it was whole.
    pub fn cut(name: impl AsRef<[u8]>, what: impl Into<String>) -> Self {
        Error::Cut { name: shown(name.as_ref()), what: what.into() }
    }

    /// Names the thing an [`io::Error`] is about. An error of the house that travelled inside it comes out as
    /// it went in.
    pub fn io(name: impl AsRef<[u8]>, source: io::Error) -> Self {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => Error::System { name: shown(name.as_ref()), source },
        }
    }

    /// Whether nobody reads what is written any more. A tool then ends quietly.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::System { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the operating system refused something of the thing with this name.
    pub fn is_of(&self, thing: &str) -> bool {
        matches!(self, Error::System { name, .. } if name == thing)
    }

    /// The exit code of a tool: 2 refused for good, 3 not now, 4 changed meanwhile.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Status { status: 412, .. } => 4,
            Error::Status { status: 408 | 500.., .. } => 3,
            Error::Status { .. } => 2,
            Error::Cut { .. } => 3,
            // A standard stream that is closed, or open the wrong way round.
            Error::System { source, .. } if source.raw_os_error() == Some(EBADF) => 2,
            Error::System { source, .. } => match http_status_of(source) {
                400 | 403 | 404 | 409 | 413 | 414 => 2,
                _ => 3,
            },
        }
    }

    /// The HTTP status of an answer (RFC 9110 §15, RFC 4918 §11.5).
    pub fn http_status(&self) -> u16 {
        match self {
            Error::Usage(_) => 400,
            Error::Status { status, .. } => *status,
            Error::Cut { .. } => 503,
            Error::System { source, .. } => http_status_of(source),
        }
    }
}

/// The status for what the operating system said. Numbers where `std` has no stable kind: Linux errno.
fn http_status_of(source: &io::Error) -> u16 {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    const ELOOP: i32 = 40;
    const ENXIO: i32 = 6;
    const EXDEV: i32 = 18;
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => 404,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => 403,
        io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => 409,
        // A mount point, which keeps its name.
        io::ErrorKind::ResourceBusy => 409,
        io::ErrorKind::InvalidFilename => 400,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => 507,
        io::ErrorKind::FileTooLarge => 413,
        // What `std` refuses before the system is asked: a NUL in a name.
        io::ErrorKind::InvalidInput if source.raw_os_error().is_none() => 400,
        _ => match source.raw_os_error() {
            Some(ELOOP | EXDEV | ENXIO) => 404,
            Some(EMFILE | ENFILE) => 503,
            _ => 500,
        },
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(what) => f.write_str(what),
            Error::Status { name, what, .. } | Error::Cut { name, what } => write!(f, "{name}: {what}"),
            Error::System { name, source } => write!(f, "{name}: {}", said(source)),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::System { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => source,
            error => io::Error::other(error),
        }
    }
}

/// What the system said, in the house's own manner: lower case and without the number.
fn said(source: &io::Error) -> String {
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !text.starts_with("I/O") => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Whether a terminal does something else with a character than show it: a control character, or one that changes the
/// direction of the text around it (UAX 9 §2), so that a name looks like another.
pub fn is_control(char: char) -> bool {
    let is_direction = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    char.is_control() || is_direction
}

/// Bytes as a person may read them on one line: control characters and bytes that are no UTF-8 as `\xNN`.
pub fn shown(bytes: &[u8]) -> String {
    let mut line = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                char if is_control(char) => {
                    let mut utf8 = [0; 4];
                    char.encode_utf8(&mut utf8).bytes().for_each(|byte| line += &format!("\\x{byte:02x}"));
                }
                char => line.push(char),
            }
        }
        chunk.invalid().iter().for_each(|byte| line += &format!("\\x{byte:02x}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_thing_and_has_two_readings() {
        let rows = [
            (
                Error::io("notes.txt", io::Error::from_raw_os_error(2)),
                "notes.txt: no such file or directory",
                2,
                404,
            ),
            (
                Error::io("notes.txt", io::Error::from_raw_os_error(13)),
                "notes.txt: permission denied",
                2,
                403,
            ),
            (Error::io("d", io::Error::from_raw_os_error(21)), "d: is a directory", 2, 409),
            (Error::io("f", io::Error::from_raw_os_error(28)), "f: no space left on device", 3, 507),
            (Error::io("f", io::Error::from_raw_os_error(24)), "f: too many open files", 3, 503),
            (Error::io("f", io::Error::from_raw_os_error(27)), "f: file too large", 2, 413),
            (Error::io("s", io::Error::from_raw_os_error(6)), "s: no such device or address", 2, 404),
            (
                Error::io("standard input", io::Error::from_raw_os_error(9)),
                "standard input: bad file descriptor",
                2,
                500,
            ),
            (Error::usage("no WORD given"), "no WORD given", 2, 400),
            (Error::status(404, "a\nb", "is not there"), "a\\x0ab: is not there", 2, 404),
            (Error::status(408, "f", "came too slowly"), "f: came too slowly", 3, 408),
            (Error::status(412, "f", "is another"), "f: is another", 4, 412),
            (Error::io("f", io::Error::from_raw_os_error(16)), "f: device or resource busy", 2, 409),
            (Error::cut("f", "ended early"), "f: ended early", 3, 503),
        ];
        for (error, line, exit, status) in rows {
            assert_eq!(
                (error.to_string(), error.exit_code(), error.http_status()),
                (line.to_owned(), exit, status)
            );
        }
    }

    #[test]
    fn an_error_of_the_house_survives_a_trip_through_io() {
        let there = io::Error::from(Error::status(413, "body", "is too large"));
        assert_eq!(Error::io("f", there).http_status(), 413);
    }

    #[test]
    fn shown_keeps_text_and_escapes_the_rest() {
        assert_eq!(shown("é\t\u{1b}[0m".as_bytes()), "é\\x09\\x1b[0m");
        assert_eq!(shown(b"a\xff\\"), "a\\xff\\");
        assert_eq!(
            shown("a\u{202e}b\u{5d0}\u{2069}\u{9b}".as_bytes()),
            "a\\xe2\\x80\\xaeb\u{5d0}\\xe2\\x81\\xa9\\xc2\\x9b"
        );
    }
}
