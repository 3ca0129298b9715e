//! Ranges: whatever a field says, what is selected lies within the representation. The first eight bytes are its size.

use cfp::http::limits::RANGES_MAX;
use cfp::http::range::{Selected, content_range, parse_content_range, select};

pub fn check(bytes: &[u8]) {
    let (first, field) = bytes.split_at(8.min(bytes.len()));
    let mut size = [0; 8];
    size[..first.len()].copy_from_slice(first);
    let size = u64::from_le_bytes(size);
    match select(Some(field), size) {
        Selected::Part(part) => {
            assert!(part.start < part.end && part.end <= size, "{part:?} of {size}");
            assert_eq!(parse_content_range(content_range(&part, size).as_bytes()), Some((part, Some(size))));
        }
        Selected::Parts(parts) => {
            assert!((2..=RANGES_MAX).contains(&parts.len()), "{parts:?}");
            assert!(
                parts.iter().all(|part| part.start < part.end && part.end <= size),
                "{parts:?} of {size}"
            );
            let mut sorted = parts.clone();
            sorted.sort_by_key(|part| part.start);
            assert!(sorted.windows(2).all(|two| two[0].end < two[1].start), "{parts:?} touch");
        }
        Selected::Unsatisfiable => assert!(field.contains(&b'-') && field.contains(&b'=')),
        Selected::Whole => {}
    }
    if let Some((part, _)) = parse_content_range(field) {
        assert!(part.end > 0);
    }
    // One plain range is what it says.
    let exact = format!("bytes={}-{}", size / 3, size / 2);
    let expected =
        if size == 0 { Selected::Unsatisfiable } else { Selected::Part(size / 3..(size / 2 + 1).min(size)) };
    assert_eq!(select(Some(exact.as_bytes()), size), expected);
}
