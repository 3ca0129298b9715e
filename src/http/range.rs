//! Range requests (RFC 9110 §14): one range, or a few in one response; with too many `Range` is ignored, as §14.2 allows.

use std::ops::Range;

use super::limits::RANGES_MAX;

/// The requested part of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All of it.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// These ranges, in the order of the request; no two overlap or touch.
    Parts(Vec<Range<u64>>),
    /// A range past the end.
    Unsatisfiable,
}

/// Applies a `Range` field to a size. A malformed or too long list is ignored, as §14.2 requires.
pub fn select(field: Option<&[u8]>, size: u64) -> Selected {
    let text = field.and_then(|value| std::str::from_utf8(value).ok());
    let Some((unit, list)) = text.and_then(|value| value.split_once('=')) else { return Selected::Whole };
    let specs: Vec<_> = list.split(',').map(str::trim).take(RANGES_MAX + 1).collect();
    if !unit.trim().eq_ignore_ascii_case("bytes") || specs.len() > RANGES_MAX {
        return Selected::Whole;
    }
    let mut parts = Vec::new();
    for spec in specs {
        match read_spec(spec, size) {
            None => return Selected::Whole,
            Some(part) if part.is_empty() => {}
            Some(part) => join(&mut parts, part),
        }
    }
    match parts.as_slice() {
        [] => Selected::Unsatisfiable,
        [part] => Selected::Part(part.clone()),
        _ => Selected::Parts(parts),
    }
}

/// Parses one range of a list and applies it to a size: empty where it is past the end, `None` where it is not a range,
/// or one that cannot be sent alone, so that `Range` is ignored.
fn read_spec(spec: &str, size: u64) -> Option<Range<u64>> {
    let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number past 64 bits is past every end.
        true if !digits.is_empty() => Some(digits.parse().unwrap_or(u64::MAX)),
        _ => None,
    };
    let (first, last) = spec.split_once('-')?;
    match (number(first.trim()), number(last.trim())) {
        (Some(first), None) if last.trim().is_empty() => Some(first..size),
        (Some(first), Some(last)) if first <= last => Some(first..last.saturating_add(1).min(size)),
        // The last bytes of an empty file are all of it (§14.1.2), which no `Content-Range` can express.
        (None, Some(1..)) if first.trim().is_empty() && size == 0 => None,
        (None, Some(suffix)) if first.trim().is_empty() => Some(size.saturating_sub(suffix)..size),
        _ => None,
    }
}

/// Adds a range, merged with those that it overlaps or touches, at the position of the first: no byte is sent twice.
fn join(parts: &mut Vec<Range<u64>>, mut part: Range<u64>) {
    let mut place = parts.len();
    // A merged range may touch others, so the search begins again.
    while let Some(at) = parts.iter().position(|other| other.start <= part.end && part.start <= other.end) {
        let other = parts.remove(at);
        part = other.start.min(part.start)..other.end.max(part.end);
        place = place.min(at);
    }
    parts.insert(place, part);
}

/// Returns the value of `Content-Range` for a part.
pub fn content_range(part: &Range<u64>, size: u64) -> String {
    format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1))
}

/// Parses a `Content-Range`: the range, and the complete size where it is known.
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
            ("bytes=0-1,3-4", Selected::Parts(vec![0..2, 3..5])),
            ("bytes=-1 , 0-0", Selected::Parts(vec![9..10, 0..1])),
            ("bytes=5-6,0-0,20-30", Selected::Parts(vec![5..7, 0..1])),
            ("bytes=0-3,2-5", Selected::Part(0..6)),
            ("bytes=0-1,2-3", Selected::Part(0..4)),
            ("bytes=8-,0-1,4-5,1-4", Selected::Parts(vec![8..10, 0..6])),
            ("bytes=0-1,6-7,3-4,1-6", Selected::Part(0..8)),
            ("bytes=0-,0-,0-", Selected::Part(0..10)),
            ("bytes=20-,30-", Selected::Unsatisfiable),
            ("bytes=0-1,x", Selected::Whole),
            ("bytes=0-1,", Selected::Whole),
            ("bytes=", Selected::Whole),
        ];
        for (field, selected) in rows {
            assert_eq!(select(Some(field.as_bytes()), 10), selected, "{field}");
        }
        assert_eq!(select(None, 10), Selected::Whole);
        let empty = [
            ("bytes=0-", Selected::Unsatisfiable),
            ("bytes=-5", Selected::Whole),
            ("bytes=-0", Selected::Unsatisfiable),
        ];
        for (field, selected) in empty {
            assert_eq!(select(Some(field.as_bytes()), 0), selected, "{field} of nothing");
        }
        let list =
            |count: u64| (0..count).map(|at| format!("{}-{}", 4 * at, 4 * at)).collect::<Vec<_>>().join(",");
        let many = |count| select(Some(format!("bytes={}", list(count)).as_bytes()), 1000);
        assert!(matches!(many(200), Selected::Parts(parts) if parts.len() == 200));
        assert_eq!(many(201), Selected::Whole);
    }

    #[test]
    fn a_content_range_reads_back() {
        assert_eq!(parse_content_range(content_range(&(2..5), 10).as_bytes()), Some((2..5, Some(10))));
        assert_eq!(parse_content_range(b"bytes 0-1/*"), Some((0..2, None)));
        assert_eq!(parse_content_range(b"bytes */10"), None);
    }
}
