//! Sizes for people, as `ls -h` prints them.

/// The units above a byte, each 1024 times the one before.
const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];

/// Formats a size in bytes with a unit, rounded up; with one decimal below ten.
pub(super) fn human_size(size: u64) -> String {
    if size < 1024 {
        return size.to_string();
    }
    let mut shift = 0;
    for unit in UNITS {
        shift += 10;
        let tenths = (u128::from(size) * 10).div_ceil(1 << shift);
        let whole = u128::from(size).div_ceil(1 << shift);
        match tenths {
            ..100 => return format!("{}.{}{unit}", tenths / 10, tenths % 10),
            _ if whole < 1024 => return format!("{whole}{unit}"),
            _ => {}
        }
    }
    size.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_as_ls_prints_it() {
        let rows = [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (1025, "1.1K"),
            (10 * 1024 - 1, "10K"),
            (1023 * 1024, "1023K"),
            (1023 * 1024 + 1, "1.0M"),
            (5 << 30, "5.0G"),
            (u64::MAX, "16E"),
        ];
        for (size, human) in rows {
            assert_eq!(human_size(size), human, "{size}");
        }
    }
}
