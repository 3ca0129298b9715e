//! Ranges of a representation (RFC 9110 §14). One range is served; a list of several is answered with the whole,
//! as §14.2 allows, since only few programs understand many parts.

use std::ops::Range;

/// What of a representation is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there: status 416.
    Unsatisfiable,
}

/// Reads a `Range` field against a size. What is no byte range is passed over, as §14.2 asks.
pub fn select(field: Option<&[u8]>, size: u64) -> Selected {
    let Some(spec) = field.and_then(|value| std::str::from_utf8(value).ok()).and_then(bytes_spec) else {
        return Selected::Whole;
    };
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too large for 64 bits is past every end.
        true if !digits.is_empty() => Some(digits.parse().unwrap_or(u64::MAX)),
        _ => None,
    };
    let Some((first, last)) = spec.split_once('-') else { return Selected::Whole };
    let range = match (number(first.trim()), number(last.trim())) {
        (Some(first), None) if last.trim().is_empty() => first..size,
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (None, Some(suffix)) if first.trim().is_empty() => size.saturating_sub(suffix)..size,
        _ => return Selected::Whole,
    };
    if range.is_empty() { Selected::Unsatisfiable } else { Selected::Part(range) }
}

/// The one range of `bytes=…`.
fn bytes_spec(value: &str) -> Option<&str> {
    let (unit, spec) = value.split_once('=')?;
    (unit.trim().eq_ignore_ascii_case("bytes") && !spec.contains(',')).then_some(spec)
}

/// The value of `Content-Range` for a part.
pub fn content_range(part: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1))
}

/// Reads a `Content-Range` of an answer: the part it is, and the whole size where it is known.
pub fn parse_content_range(value: &[u8]) -> Option<(Range<u64>, Option<u64>)> {
    let (part, size) = std::str::from_utf8(value).ok()?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let range = first.parse().ok()?..last.parse::<u64>().ok()?.checked_add(1)?;
    Some((range, size.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_selects_bytes_of_ten() {
        let rows = [
            ("bytes=0-0", Selected::Part(0..1)),
            ("bytes=2-", Selected::Part(2..10)),
            ("bytes=-3", Selected::Part(7..10)),
            ("bytes=-30", Selected::Part(0..10)),
            ("bytes=5-99999999999999999999999", Selected::Part(5..10)),
            ("Bytes = 1 - 2", Selected::Part(1..3)),
            ("bytes=10-", Selected::Unsatisfiable),
            ("bytes=-0", Selected::Unsatisfiable),
            ("bytes=99999999999999999999999-", Selected::Unsatisfiable),
            ("bytes=3-2", Selected::Whole),
            ("bytes=-", Selected::Whole),
            ("bytes=+1-2", Selected::Whole),
            ("bytes=a-b", Selected::Whole),
            ("lines=0-1", Selected::Whole),
            ("bytes=0-1,3-4", Selected::Whole),
        ];
        for (field, selected) in rows {
            assert_eq!(select(Some(field.as_bytes()), 10), selected, "{field}");
        }
        assert_eq!(select(None, 10), Selected::Whole);
        assert_eq!(select(Some(b"bytes=0-"), 0), Selected::Unsatisfiable);
    }

    #[test]
    fn a_content_range_reads_back() {
        assert_eq!(parse_content_range(content_range(&(2..5), 10).as_bytes()), Some((2..5, Some(10))));
        assert_eq!(parse_content_range(b"bytes 0-1/*"), Some((0..2, None)));
        assert_eq!(parse_content_range(b"bytes */10"), None);
    }
}
