//! The one error of the crate. It always names the thing and has a kind, from which `server` derives the HTTP status and
//! `cli` the exit code. It imports nothing of the crate, so that every room can use it.

use std::fmt;
use std::io;

/// What went wrong, and with what. Shown as `name: what is wrong`, in lower case, without a full stop.
#[derive(Debug)]
pub enum Error {
    /// Wrong use: an invalid option, operand or word.
    Usage(String),
    /// The operating system refused an operation on a named thing.
    System {
        /// The file, socket or address.
        name: String,
        /// What the system reported.
        source: io::Error,
    },
    /// An error of this program or of its peer.
    Failed {
        /// What kind of error it is.
        kind: ErrorKind,
        /// The file, field or target.
        name: String,
        /// What is wrong with it.
        what: String,
    },
}

/// `std`'s result with the error of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Declares the kinds of errors, and for each a constructor: `name` is the thing, `what` is wrong with it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $new:ident;)*) => {
        /// The kinds of errors. Whoever handles an error decides by its kind, never by its text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum ErrorKind {
            /// Wrong use of a program.
            Usage,
            $($(#[$doc])* $kind,)*
        }

        impl Error {
            $($(#[$doc])* pub fn $new(name: impl AsRef<[u8]>, what: impl Into<String>) -> Self {
                Error::new(ErrorKind::$kind, name, what)
            })*
        }
    };
}

kinds! {
    /// The input is malformed.
    Invalid invalid;
    /// Credentials are missing or wrong.
    Unauthenticated unauthenticated;
    /// Permission denied.
    Forbidden forbidden;
    /// Nothing is there.
    NotFound not_found;
    /// It exists already.
    AlreadyExists already_exists;
    /// It is a directory where a file is needed.
    IsDirectory is_directory;
    /// The directory that is to contain it does not exist.
    NoParent no_parent;
    /// The state of the target does not allow it.
    Conflict conflict;
    /// A precondition does not hold: it has changed meanwhile.
    PreconditionFailed precondition_failed;
    /// A client has locked it.
    Locked locked;
    /// In use, or being changed, by somebody else.
    Busy busy;
    /// A limit of the server on concurrent work or on attempts is reached.
    Overloaded overloaded;
    /// The service or the file system does not work at the moment.
    Unavailable unavailable;
    /// A connection, a message or a file ended before it was complete.
    Interrupted interrupted;
    /// The peer took too long.
    TimedOut timed_out;
    /// No space is left on the disk.
    NoSpace no_space;
    /// The content is larger than the limit.
    TooLarge too_large;
    /// The name or the request target is too long.
    NameTooLong name_too_long;
    /// The fields of a head or of a trailer section are too large or too many.
    HeadTooLarge head_too_large;
    /// Compressed content is damaged or truncated.
    Damaged damaged;
    /// The content is well-formed but cannot be processed.
    Unprocessable unprocessable;
    /// A descriptor is closed or was opened in another mode.
    BadDescriptor bad_descriptor;
    /// Any other error, of this program or of the system.
    Internal internal;
    /// The method is not allowed on this target.
    MethodNotAllowed method_not_allowed;
    /// No method or transfer coding that is implemented.
    NotImplemented not_implemented;
    /// The client accepts none of the available media types.
    NotAcceptable not_acceptable;
    /// The body needs a length.
    LengthRequired length_required;
    /// The media type or the content coding of the body is not supported.
    UnsupportedType unsupported_type;
    /// The range lies outside the content.
    RangeNotSatisfiable range_not_satisfiable;
    /// An expectation that is not supported.
    ExpectationFailed expectation_failed;
    /// The request is for another host.
    Misdirected misdirected;
    /// A protocol version that is not supported.
    VersionNotSupported version_not_supported;
    /// A server answered something invalid.
    BadResponse bad_response;
    /// A server did not answer in time.
    NoResponse no_response;
}

impl Error {
    /// Makes an error of wrong use, in one line.
    pub fn usage(what: impl Into<String>) -> Self {
        Error::Usage(what.into())
    }

    /// Makes an error of a kind: `name` is the thing, `what` is wrong with it.
    pub fn new(kind: ErrorKind, name: impl AsRef<[u8]>, what: impl Into<String>) -> Self {
        Error::Failed { kind, name: shown(name.as_ref()), what: what.into() }
    }

    /// Names the thing that an [`io::Error`] is about. An [`Error`] that was converted to an [`io::Error`] comes
    /// out unchanged.
    pub fn io(name: impl AsRef<[u8]>, source: io::Error) -> Self {
        match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => Error::System { name: shown(name.as_ref()), source },
        }
    }

    /// Returns what kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Usage(_) => ErrorKind::Usage,
            Error::System { source, .. } => kind_of(source),
            Error::Failed { kind, .. } => *kind,
        }
    }

    /// Returns whether the reader of what is written has closed its end. A tool then ends quietly.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::System { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Returns whether the operating system refused an operation on the thing with this name.
    pub fn is_of(&self, thing: &str) -> bool {
        matches!(self, Error::System { name, .. } if name == thing)
    }
}

/// Returns the kind of an error of the operating system. Numbers where `std` has no stable kind: Linux errno.
fn kind_of(source: &io::Error) -> ErrorKind {
    use nix::libc::{EBADF, ELOOP, EMFILE, ENFILE, ENXIO, EXDEV};
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Forbidden,
        io::ErrorKind::IsADirectory => ErrorKind::IsDirectory,
        // A mount point is busy: it keeps its name.
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::ResourceBusy => {
            ErrorKind::Conflict
        }
        io::ErrorKind::InvalidFilename => ErrorKind::Invalid,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        io::ErrorKind::FileTooLarge => ErrorKind::TooLarge,
        // What `std` refuses before it asks the system: a NUL in a name.
        io::ErrorKind::InvalidInput if source.raw_os_error().is_none() => ErrorKind::Invalid,
        _ => match source.raw_os_error() {
            Some(ELOOP | EXDEV | ENXIO) => ErrorKind::NotFound,
            Some(EMFILE | ENFILE) => ErrorKind::Unavailable,
            Some(EBADF) => ErrorKind::BadDescriptor,
            _ => ErrorKind::Internal,
        },
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(what) => f.write_str(what),
            Error::Failed { name, what, .. } => write!(f, "{name}: {what}"),
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

/// Returns what the system reported, in lower case and without the number.
fn said(source: &io::Error) -> String {
    let text = source.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !text.starts_with("I/O") => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Returns whether a terminal does something else with a character than show it: a control character, or one that changes the
/// direction of the text around it (UAX 9 §2), so that a name looks like another.
pub fn is_control(char: char) -> bool {
    let is_direction = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    char.is_control() || is_direction
}

/// Formats bytes as one line of readable text: control characters and bytes that are not UTF-8 as `\xNN`.
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
    fn an_error_names_the_thing_and_has_a_kind() {
        let system = |name: &str, errno| Error::io(name, io::Error::from_raw_os_error(errno));
        let rows = [
            (system("notes.txt", 2), "notes.txt: no such file or directory", ErrorKind::NotFound),
            (system("notes.txt", 13), "notes.txt: permission denied", ErrorKind::Forbidden),
            (system("d", 21), "d: is a directory", ErrorKind::IsDirectory),
            (system("f", 28), "f: no space left on device", ErrorKind::NoSpace),
            (system("f", 24), "f: too many open files", ErrorKind::Unavailable),
            (system("f", 27), "f: file too large", ErrorKind::TooLarge),
            (system("s", 6), "s: no such device or address", ErrorKind::NotFound),
            (system("standard input", 9), "standard input: bad file descriptor", ErrorKind::BadDescriptor),
            (system("f", 16), "f: device or resource busy", ErrorKind::Conflict),
            (Error::usage("no WORD given"), "no WORD given", ErrorKind::Usage),
            (
                Error::new(ErrorKind::NotFound, "a\nb", "is not there"),
                "a\\x0ab: is not there",
                ErrorKind::NotFound,
            ),
        ];
        for (error, line, kind) in rows {
            assert_eq!((error.to_string(), error.kind()), (line.to_owned(), kind));
        }
    }

    #[test]
    fn an_error_survives_a_conversion_to_an_io_error_and_back() {
        let there = io::Error::from(Error::new(ErrorKind::TooLarge, "body", "is too large"));
        assert_eq!(Error::io("f", there).kind(), ErrorKind::TooLarge);
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
