//! Maps the status code of a response to a kind of error. No other file of the client does so.

use crate::error::ErrorKind;

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
        502 => ErrorKind::BadAnswer,
        503 => ErrorKind::Unavailable,
        504 => ErrorKind::NoAnswer,
        505 => ErrorKind::VersionNotSupported,
        507 => ErrorKind::NoSpace,
        500.. => ErrorKind::Internal,
    }
}
