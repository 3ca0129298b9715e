//! Errors of responses: maps a status code to a kind of error, which no other file of the client does, and an error in a
//! response to one that names the server.

use percent_encoding::percent_decode;

use crate::error::{Error, ErrorKind, shown};
use crate::http::Fields;
use crate::http::head::reason;

/// Returns the kind of error for a status code. An unknown one is treated as the x00 of its class (RFC 9110 §15).
pub fn kind_of(status: u16) -> ErrorKind {
    match status {
        // Not an error by itself: a response that does not fit the request.
        ..400 => ErrorKind::Conflict,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        405 => ErrorKind::MethodNotAllowed,
        406 => ErrorKind::NotAcceptable,
        408 => ErrorKind::TimedOut,
        409 => ErrorKind::Conflict,
        411 => ErrorKind::LengthRequired,
        412 => ErrorKind::PreconditionFailed,
        413 => ErrorKind::TooLarge,
        414 => ErrorKind::NameTooLong,
        415 => ErrorKind::UnsupportedType,
        416 => ErrorKind::RangeNotSatisfiable,
        417 => ErrorKind::ExpectationFailed,
        421 => ErrorKind::Misdirected,
        422 => ErrorKind::Unprocessable,
        423 => ErrorKind::Locked,
        431 => ErrorKind::HeadTooLarge,
        400..500 => ErrorKind::Invalid,
        501 => ErrorKind::NotImplemented,
        502 => ErrorKind::BadResponse,
        503 => ErrorKind::Unavailable,
        504 => ErrorKind::NoResponse,
        505 => ErrorKind::VersionNotSupported,
        507 => ErrorKind::NoSpace,
        500.. => ErrorKind::Internal,
    }
}

/// Maps an error in a response to one that names the server. It is not a refusal, since the request was not at fault.
pub(crate) fn blame(server: &str, error: Error) -> Error {
    match error {
        Error::System { source, .. } => Error::io(server, source),
        Error::Failed { kind, name, what } => {
            let kind = if kind == ErrorKind::Interrupted { kind } else { ErrorKind::BadResponse };
            Error::new(kind, server, if name == server { what } else { format!("{name} {what}") })
        }
        Error::Usage(what) => Error::interrupted(server, what),
    }
}

/// Returns the error of a response that leads elsewhere, which is not followed: from a directory without its slash to the
/// same with it, or to another server. `target` is the path that was asked for.
pub(crate) fn redirection(status: u16, fields: &Fields, target: &[u8], name: impl AsRef<[u8]>) -> Error {
    let location = fields.get("Location").unwrap_or_default();
    let path = location.split(|&byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    let [path, target] = [path, target].map(|coded| percent_decode(coded).collect::<Vec<_>>());
    if matches!(status, 301 | 308) && path.strip_suffix(b"/").is_some_and(|path| path.ends_with(&target)) {
        return Error::is_directory(name, "is a directory");
    }
    let advice = match location {
        b"" => String::new(),
        location => format!(": it leads to {}, name that server with -s", shown(location)),
    };
    Error::conflict(name, format!("{status} {}{advice}", reason(status)))
}
