//! Moments as text, in the forms that lists and logs want. It knows neither zones nor locales: all is UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999: an HTTP date has four digits for the year.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The parts of an HTTP date: day, month, year and time of day. A time it cannot say is the nearest it can.
fn parts(time: SystemTime) -> (String, String, String, String) {
    let date = httpdate::fmt_http_date(time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST));
    let mut words = date.split(' ').skip(1).map(str::to_owned);
    let mut next = || words.next().unwrap_or_default();
    (next(), next(), next(), next())
}

/// `06/Nov/1994:08:49:37 +0000`.
pub fn clf(time: SystemTime) -> String {
    let (day, month, year, clock) = parts(time);
    format!("{day}/{month}/{year}:{clock} +0000")
}

/// What an HTTP date says (RFC 9110 §5.6.7), as [`rfc3339`] says it.
pub fn rfc3339_of(date: &str) -> Option<String> {
    httpdate::parse_http_date(date).ok().map(rfc3339)
}

/// `1994-11-06T08:49:37Z` (RFC 3339).
pub fn rfc3339(time: SystemTime) -> String {
    format!("{}Z", without_zone(time))
}

/// `1994-11-06T08:49:37.250Z` (RFC 3339).
pub fn rfc3339_millis(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}Z", without_zone(time), since.subsec_millis())
}

fn without_zone(time: SystemTime) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (day, month, year, clock) = parts(time);
    let month = MONTHS.iter().position(|name| *name == month).map_or(1, |at| at + 1);
    format!("{year}-{month:02}-{day}T{clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_every_form() {
        let time = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let time = time + Duration::from_millis(50);
        assert_eq!(clf(time), "06/Nov/1994:08:49:37 +0000");
        assert_eq!(rfc3339(time), "1994-11-06T08:49:37Z");
        assert_eq!(rfc3339_millis(time), "1994-11-06T08:49:37.050Z");
        assert_eq!(rfc3339_of("Sun, 06 Nov 1994 08:49:37 GMT").as_deref(), Some("1994-11-06T08:49:37Z"));
        assert_eq!(rfc3339_of("yesterday"), None);
        assert_eq!(rfc3339(UNIX_EPOCH - LAST), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(UNIX_EPOCH + 2 * LAST), "9999-12-31T23:59:59Z");
    }
}
