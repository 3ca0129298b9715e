//! The names that the daemon keeps for its own files. No client can name one: [`Name`](crate::store::Name) refuses them.

use std::hash::{BuildHasher, RandomState};

pub(super) use crate::store::name::{RESERVED, TEMPORARY};

/// The directory of partial uploads, at the root.
pub(super) const UPLOADS: &[u8] = b".cfpd-uploads";
/// The lock record, at the root.
pub(super) const LOCK_RECORD_NAME: &[u8] = b".cfpd-dav-locks";
/// Hexadecimal digits in the name of a temporary.
pub(super) const DIGITS: usize = 16;

/// Makes a random name for a temporary file: 64 bits, so that it is unique.
pub(super) fn fresh_name() -> Vec<u8> {
    [TEMPORARY, &fresh_digits()].concat()
}

/// Makes the random digits of such a name.
pub(super) fn fresh_digits() -> Vec<u8> {
    let random = RandomState::new().hash_one(std::process::id());
    format!("{random:0DIGITS$x}").into_bytes()
}

/// Returns whether [`fresh_name`] may have made this name. Other names with the same prefix are not the daemon's.
pub(super) fn is_fresh_name(last: &[u8]) -> bool {
    last.strip_prefix(TEMPORARY).is_some_and(|digits| is_hexadecimal(digits, DIGITS))
}

/// Returns whether these are `count` lower-case hexadecimal digits.
pub(super) fn is_hexadecimal(digits: &[u8], count: usize) -> bool {
    digits.len() == count && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_prefix_and_sixteen_digits_are_a_name_of_the_daemons_making() {
        assert!(is_fresh_name(&fresh_name()) && is_fresh_name(b".cfpd-0123456789abcdef"));
        let others: [&[u8]; 11] = [
            b".cfpd-move-0123456789abcdef",
            b".cfpd-moved-0123456789abcdef",
            b".cfpd-",
            b".cfpd-users",
            b".cfpd-uploads",
            LOCK_RECORD_NAME,
            b".cfpd-0123456789abcde",
            b".cfpd-0123456789abcdef0",
            b".cfpd-0123456789abcdeg",
            b".cfpd-0123456789ABCDEF",
            b"cfpd-0123456789abcdef",
        ];
        for other in others {
            assert!(!is_fresh_name(other), "{}", crate::error::shown(other));
        }
    }
}
