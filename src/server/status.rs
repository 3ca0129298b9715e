//! Maps the kind of an error to its HTTP status; nothing else does.

use crate::error::{Error, ErrorKind};

/// Returns the status of the answer to an error (RFC 9110 §15, RFC 4918 §11, RFC 6585 §5).
pub fn status_of(error: &Error) -> u16 {
    match error.kind() {
        ErrorKind::Usage | ErrorKind::Invalid => 400,
        ErrorKind::Unauthenticated => 401,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotFound => 404,
        // Only MKCOL has the error `AlreadyExists` (RFC 4918 §9.3.1).
        ErrorKind::MethodNotAllowed | ErrorKind::AlreadyExists => 405,
        ErrorKind::NotAcceptable => 406,
        ErrorKind::TimedOut => 408,
        ErrorKind::Conflict | ErrorKind::IsDirectory | ErrorKind::NoParent => 409,
        ErrorKind::LengthRequired => 411,
        ErrorKind::PreconditionFailed => 412,
        ErrorKind::TooLarge => 413,
        ErrorKind::NameTooLong => 414,
        ErrorKind::UnsupportedType => 415,
        ErrorKind::RangeNotSatisfiable => 416,
        ErrorKind::ExpectationFailed => 417,
        ErrorKind::Misdirected => 421,
        ErrorKind::Damaged | ErrorKind::Unprocessable => 422,
        ErrorKind::Locked => 423,
        ErrorKind::HeadTooLarge => 431,
        ErrorKind::Internal | ErrorKind::BadDescriptor => 500,
        ErrorKind::NotImplemented => 501,
        ErrorKind::BadResponse => 502,
        ErrorKind::Busy | ErrorKind::Interrupted | ErrorKind::Overloaded | ErrorKind::Unavailable => 503,
        ErrorKind::NoResponse => 504,
        ErrorKind::VersionNotSupported => 505,
        ErrorKind::NoSpace => 507,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_has_the_status_of_its_kind() {
        let system =
            [(2, 404), (13, 403), (21, 409), (28, 507), (24, 503), (27, 413), (6, 404), (9, 500), (16, 409)];
        for (errno, status) in system {
            assert_eq!(status_of(&Error::io("f", io::Error::from_raw_os_error(errno))), status, "{errno}");
        }
        let kinds = [
            (ErrorKind::NotFound, 404),
            (ErrorKind::TimedOut, 408),
            (ErrorKind::PreconditionFailed, 412),
            (ErrorKind::Interrupted, 503),
        ];
        for (kind, status) in kinds {
            assert_eq!(status_of(&Error::new(kind, "f", "is wrong")), status, "{kind:?}");
        }
        assert_eq!(status_of(&Error::usage("no WORD given")), 400);
    }
}
