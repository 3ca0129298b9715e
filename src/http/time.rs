//! Times as text, in the formats of fields, lists and logs. All are UTC, in no locale.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999: an HTTP date has four digits for the year.
const LAST: Duration = Duration::from_secs(253_402_300_799);
/// 1600 years, after which weekdays and leap years repeat: a date before 1970 is computed as one in a later cycle.
const CYCLE: Duration = Duration::from_secs(4 * 146_097 * 24 * 60 * 60);
const CYCLE_YEARS: u32 = 1600;

/// Formats an HTTP date (RFC 9110 §5.6.7), also of a time before 1970. A time out of its range becomes the nearest in it.
pub fn http_date(time: SystemTime) -> String {
    if time >= UNIX_EPOCH {
        return httpdate::fmt_http_date(time.min(UNIX_EPOCH + LAST));
    }
    let later = time.checked_add(CYCLE).unwrap_or(UNIX_EPOCH).max(UNIX_EPOCH);
    let date = httpdate::fmt_http_date(later);
    with_year(&date, |year| year.saturating_sub(CYCLE_YEARS)).unwrap_or(date)
}

/// Parses an HTTP date; one before 1970 only in the preferred format.
pub fn parse_http_date(text: &str) -> Option<SystemTime> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time);
    }
    let date =
        with_year(text, |year| year.saturating_add(CYCLE_YEARS)).filter(|date| date.ends_with(" GMT"))?;
    httpdate::parse_http_date(&date).ok()?.checked_sub(CYCLE)
}

/// Replaces the year of an HTTP date in the preferred format.
fn with_year(date: &str, change: impl Fn(u32) -> u32) -> Option<String> {
    let year = date.split(' ').nth(3).filter(|year| year.len() == 4)?;
    Some(date.replacen(&format!(" {year} "), &format!(" {:04} ", change(year.parse().ok()?)), 1))
}

/// Returns the parts of an HTTP date: day, month, year and time of day.
fn parts(time: SystemTime) -> (String, String, String, String) {
    let date = http_date(time);
    let mut words = date.split(' ').skip(1).map(str::to_owned);
    let mut next = || words.next().unwrap_or_default();
    (next(), next(), next(), next())
}

/// Formats a time as the Common Log Format does: `06/Nov/1994:08:49:37 +0000`.
pub fn clf(time: SystemTime) -> String {
    let (day, month, year, clock) = parts(time);
    format!("{day}/{month}/{year}:{clock} +0000")
}

/// The field by which a client sets the modification time of a file (rclone, Nextcloud).
pub const MODIFIED: &str = "X-OC-Mtime";

/// Parses the seconds since 1970 of `X-OC-Mtime`, negative before it; drops a fraction. `None` for other text, and for a time
/// out of the range of an HTTP date.
pub fn seconds(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = whole.parse().ok().filter(|_| is_number(digits) && is_number(fraction))?;
    (seconds.unsigned_abs() <= LAST.as_secs()).then_some(seconds)
}

/// Returns the whole seconds from 1970 to a time, rounded down; negative before it.
pub fn unix_seconds(time: SystemTime) -> i64 {
    let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since.as_secs()),
        Err(before) => -whole(before.duration().as_secs() + u64::from(before.duration().subsec_nanos() > 0)),
    }
}

/// Converts an HTTP date (RFC 9110 §5.6.7) to the format of [`rfc3339`].
pub fn rfc3339_of(date: &str) -> Option<String> {
    parse_http_date(date).map(rfc3339)
}

/// Formats a time: `1994-11-06T08:49:37Z` (RFC 3339).
pub fn rfc3339(time: SystemTime) -> String {
    format!("{}Z", without_zone(time))
}

/// Formats a time: `1994-11-06T08:49:37.250Z` (RFC 3339).
pub fn rfc3339_millis(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}Z", without_zone(time), since.subsec_millis())
}

/// Parses a time in the format of [`rfc3339`] or [`rfc3339_millis`], and drops the fraction.
pub fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = <[&str; 3]>::try_from(date.split('-').collect::<Vec<_>>()).ok()?;
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    // An HTTP date has the weekday, too, and only with the right one it is one.
    const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    WEEKDAYS
        .iter()
        .find_map(|weekday| parse_http_date(&format!("{weekday}, {day} {month} {year} {clock} GMT")))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn without_zone(time: SystemTime) -> String {
    let (day, month, year, clock) = parts(time);
    let month = MONTHS.iter().position(|name| *name == month).map_or(1, |at| at + 1);
    format!("{year}-{month:02}-{day}T{clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_before_1970_is_written_and_read() {
        let rows = [
            (1, "Wed, 31 Dec 1969 23:59:59 GMT"),
            (14_182_940, "Sun, 20 Jul 1969 20:17:40 GMT"),
            (2_208_988_800, "Mon, 01 Jan 1900 00:00:00 GMT"),
        ];
        for (before, date) in rows {
            let time = UNIX_EPOCH - Duration::from_secs(before);
            assert_eq!((http_date(time).as_str(), parse_http_date(date)), (date, Some(time)));
        }
        for none in ["", "Wed, 31 Dec 1969", "Thu, 31 Dec 1969 23:59:59 GMT x", "yesterday"] {
            assert_eq!(parse_http_date(none), None, "{none}");
        }
    }

    #[test]
    fn seconds_of_a_time_are_rounded_down() {
        let quarter = Duration::from_millis(250);
        let rows = [
            (UNIX_EPOCH, 0),
            (UNIX_EPOCH + quarter, 0),
            (UNIX_EPOCH - quarter, -1),
            (UNIX_EPOCH - 4 * quarter, -1),
            (UNIX_EPOCH + 9 * quarter, 2),
        ];
        for (time, seconds) in rows {
            assert_eq!(unix_seconds(time), seconds, "{time:?}");
        }
    }

    #[test]
    fn seconds_are_a_whole_number_with_a_fraction_or_not() {
        let rows = [
            ("0", Some(0)),
            ("1557057600", Some(1_557_057_600)),
            ("1557057600.25", Some(1_557_057_600)),
            ("-5", Some(-5)),
            ("253402300800", None),
            ("", None),
            ("+5", None),
            ("1.", None),
            ("0x10", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ];
        for (text, read) in rows {
            assert_eq!(seconds(text.as_bytes()), read, "{text}");
        }
    }

    #[test]
    fn a_time_is_written_in_every_form() {
        let time = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let time = time + Duration::from_millis(50);
        assert_eq!(clf(time), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(rfc3339(time), "1994-11-06T08:49:37Z");
        assert_eq!(rfc3339_millis(time), "1994-11-06T08:49:37.050Z");
        assert_eq!(rfc3339_of("Sun, 06 Nov 1994 08:49:37 GMT").as_deref(), Some("1994-11-06T08:49:37Z"));
        assert_eq!(rfc3339_of("yesterday"), None);
        for text in
            ["1994-11-06T08:49:37Z", "1969-12-31T23:59:59Z", "2300-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]
        {
            assert_eq!(parse_rfc3339(text).map(rfc3339).as_deref(), Some(text));
        }
        assert_eq!(parse_rfc3339("1994-11-06T08:49:37.250Z"), parse_rfc3339("1994-11-06T08:49:37Z"));
        for text in [
            "",
            "yesterday",
            "1994-11-06",
            "1994-13-06T08:49:37Z",
            "1994-00-06T08:49:37Z",
            "1994-11-06T08:49:37",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        assert_eq!(rfc3339(UNIX_EPOCH - LAST), "0370-01-01T00:00:00Z");
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_millis(500)), "1969-12-31T23:59:59Z");
        assert_eq!(rfc3339(UNIX_EPOCH + 2 * LAST), "9999-12-31T23:59:59Z");
    }
}
