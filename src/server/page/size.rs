//! Sizes as people read them.

/// The units of 1024 bytes and their powers.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// Formats a number of bytes with at most three digits: `812 B`, `1.4 KiB`, `23 MiB`.
pub fn human(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes, "B");
    let mut tenths = 0;
    for next in UNITS {
        if value < 1024 {
            break;
        }
        (value, tenths, unit) = (value / 1024, value % 1024 * 10 / 1024, next);
    }
    if value < 10 && unit != "B" { format!("{value}.{tenths} {unit}") } else { format!("{value} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_few_digits() {
        let rows = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (10_240, "10 KiB"),
            (1 << 20, "1.0 MiB"),
            (u64::MAX, "15 EiB"),
        ];
        for (bytes, text) in rows {
            assert_eq!(human(bytes), text);
        }
    }
}
