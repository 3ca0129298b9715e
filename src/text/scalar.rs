//! Unicode scalar values in bytes that may be invalid UTF-8: which one is first, which last, and which are word characters. A
//! byte that is part of no valid UTF-8 sequence is no character.

use std::str;

/// The longest UTF-8 sequence, in bytes.
pub(super) const LONGEST: usize = 4;

/// The first thing in some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// A scalar value.
    Char(char),
    /// A byte that begins no valid sequence.
    Byte(u8),
    /// Nothing, or the beginning of a sequence that more bytes could complete.
    Incomplete,
}

/// Decodes the first scalar value or invalid byte of `bytes`.
pub(super) fn first(bytes: &[u8]) -> First {
    let head = bytes.get(..LONGEST).unwrap_or(bytes);
    let Some(&byte) = head.first() else { return First::Incomplete };
    if byte.is_ascii() {
        return First::Char(byte.into());
    }
    let valid = match str::from_utf8(head) {
        Ok(valid) => valid,
        Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => return First::Incomplete,
        Err(error) => {
            head.get(..error.valid_up_to()).and_then(|valid| str::from_utf8(valid).ok()).unwrap_or("")
        }
    };
    valid.chars().next().map_or(First::Byte(byte), First::Char)
}

/// Returns the scalar value whose sequence ends where `bytes` end.
pub(super) fn last(bytes: &[u8]) -> Option<char> {
    let byte = *bytes.last()?;
    if byte.is_ascii() {
        return Some(byte.into());
    }
    // The shortest valid suffix is one sequence: a lead byte never occurs inside another sequence.
    (2..=LONGEST.min(bytes.len())).find_map(|length| {
        let suffix = bytes.get(bytes.len() - length..)?;
        str::from_utf8(suffix).ok()?.chars().next()
    })
}

/// Returns the start of the sequence that the byte at `at` is part of, or may be when more bytes come; `at` itself if
/// it is part of none.
pub(super) fn start(bytes: &[u8], at: usize) -> usize {
    let is_inside = |&from: &usize| match bytes.get(from..).map(first) {
        Some(First::Char(char)) => from + char.len_utf8() > at,
        Some(First::Incomplete) => true,
        _ => false,
    };
    (at.saturating_sub(LONGEST - 1)..at).rev().find(is_inside).unwrap_or(at)
}

/// Returns whether a character is a word character: `\w` (UTS 18 Annex C).
pub(super) fn is_word(char: char) -> bool {
    match char.is_ascii() {
        // The table is searched for what is not in it, too: a space, mostly.
        true => char.is_ascii_alphanumeric() || char == '_',
        false => regex_syntax::is_word_character(char),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_scalar_are_found_among_invalid_bytes() {
        let rows: [(&[u8], First, Option<char>); 12] = [
            (b"", First::Incomplete, None),
            (b"ab", First::Char('a'), Some('b')),
            ("é".as_bytes(), First::Char('é'), Some('é')),
            (b"\xc3", First::Incomplete, None),
            (b"\xc3a", First::Byte(0xc3), Some('a')),
            (b"\xa9", First::Byte(0xa9), None),
            (b"a\xa9", First::Char('a'), None),
            (b"\xe2\x82", First::Incomplete, None),
            (b"\xff\xe2\x82\xac", First::Byte(0xff), Some('€')),
            ("😀é".as_bytes(), First::Char('😀'), Some('é')),
            (b"\xed\xa0\x80", First::Byte(0xed), None),
            (b"\xc0\x80", First::Byte(0xc0), None),
        ];
        for (bytes, head, tail) in rows {
            assert_eq!((first(bytes), last(bytes)), (head, tail), "{bytes:?}");
        }
    }

    #[test]
    fn word_characters_are_those_of_the_table() {
        let mut all = '\0'..=char::MAX;
        assert!(all.all(|char| is_word(char) == regex_syntax::is_word_character(char)));
    }

    #[test]
    fn the_start_of_a_scalar_is_found_from_within() {
        let text = "a😀\u{e9}".as_bytes();
        let starts: Vec<_> = (0..text.len()).map(|at| start(text, at)).collect();
        assert_eq!(starts, [0, 1, 1, 1, 1, 5, 5]);
        assert_eq!(start(b"\x80\x80", 1), 1);
        assert_eq!(start(b"a\xe2\x80", 2), 1);
    }
}
