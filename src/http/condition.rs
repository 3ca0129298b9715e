//! Conditional requests (RFC 9110 §13): evaluates preconditions against the current representation. A pure function.

use std::time::{Duration, SystemTime};

use super::fields::Fields;
use super::time::parse_http_date;

/// The age from which a date is a strong validator (RFC 9110 §8.8.2.2): its second is over, and one more for clocks that
/// differ.
const STRONG_AFTER: Duration = Duration::from_secs(2);

/// The validators of the current representation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// The strong entity tag with its quotes.
    pub etag: Option<&'a str>,
    /// The entity tag of the same version under a content coding, which a client may know too.
    pub coded: Option<&'a str>,
    /// The modification time.
    pub modified: Option<SystemTime>,
}

/// The result of the preconditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// They hold: the method is performed.
    Proceed,
    /// 304: the client has the current representation.
    NotModified,
    /// 412: the state is not what the client expects.
    Failed,
    /// 412 as well: the client expects a free name (`If-None-Match: *`).
    Exists,
}

/// Evaluates the preconditions at the time `now`, in the order of RFC 9110 §13.2.2. `safe` is true for GET and HEAD;
/// `current` is `None` where there is no such file.
pub fn evaluate(fields: &Fields, safe: bool, current: Option<Validators<'_>>, now: SystemTime) -> Evaluation {
    if fields.get("if-match").is_some() {
        if !current.is_some_and(|have| have.are_in(fields, "if-match", false)) {
            return Evaluation::Failed;
        }
    } else if let (Some(limit), Some(have)) = (date(fields, "if-unmodified-since"), current) {
        let is_later = have.modified.is_some_and(|modified| is_after(modified, limit));
        // A write on a weak validator would lose an update from later in the same second.
        if is_later || (!safe && !is_strong(limit, now)) {
            return Evaluation::Failed;
        }
    }
    if fields.get("if-none-match").is_some() {
        if current.is_some_and(|have| have.are_in(fields, "if-none-match", true)) {
            let is_free_expected = fields.members("if-none-match").any(|member| member == b"*");
            return match safe {
                true => Evaluation::NotModified,
                false if is_free_expected => Evaluation::Exists,
                false => Evaluation::Failed,
            };
        }
    } else if let (true, Some(limit), Some(have)) = (safe, date(fields, "if-modified-since"), current)
        && have.modified.is_some_and(|modified| !is_after(modified, limit))
    {
        return Evaluation::NotModified;
    }
    Evaluation::Proceed
}

/// Returns the entity tag of a 304 (RFC 9110 §15.4.5): the one that the client named, since its cache may use it as
/// the key; else that of the representation it would have been sent, the coded one first.
pub fn known_tag<'a>(fields: &Fields, current: Validators<'a>) -> Option<&'a str> {
    let sent = current.coded.or(current.etag);
    let is_named = |tag: &&str| {
        let of_weak = |member: &'_ [u8]| member.strip_prefix(b"W/").unwrap_or(member) == tag.as_bytes();
        fields.members("if-none-match").any(of_weak)
    };
    sent.filter(is_named).or(current.etag.filter(is_named)).or(sent)
}

/// Returns whether a `Range` applies at the time `now`: `If-Range` is absent or matches the current representation
/// (§13.1.5), by its entity tag or by a date that is a strong validator.
pub fn range_holds(fields: &Fields, current: Validators<'_>, now: SystemTime) -> bool {
    match fields.get_text("if-range") {
        None => fields.get("if-range").is_none(),
        Some(tag) if tag.starts_with('"') || tag.starts_with("W/") => Some(tag) == current.etag,
        Some(_) => {
            let is_in = |limit, modified| limit <= modified && !is_after(modified, limit);
            let same = |limit| current.modified.is_some_and(|modified| is_in(limit, modified));
            date(fields, "if-range").is_some_and(|limit| same(limit) && is_strong(limit, now))
        }
    }
}

impl Validators<'_> {
    /// Returns whether a list of entity tags contains a current one. Weak comparison ignores `W/`, strong never
    /// matches a weak tag.
    fn are_in(&self, fields: &Fields, name: &str, weak: bool) -> bool {
        fields.members(name).any(|member| {
            let member = member.strip_prefix(b"W/").filter(|_| weak).unwrap_or(member);
            member == b"*" || [self.etag, self.coded].iter().flatten().any(|tag| member == tag.as_bytes())
        })
    }
}

fn date(fields: &Fields, name: &str) -> Option<SystemTime> {
    fields.get_text(name).and_then(parse_http_date)
}

/// Returns whether a date is a strong validator `now` (RFC 9110 §8.8.2.2).
fn is_strong(date: SystemTime, now: SystemTime) -> bool {
    now.duration_since(date).is_ok_and(|since| since >= STRONG_AFTER)
}

/// Returns whether a time is in a later second than an HTTP date, which is the beginning of its second.
fn is_after(time: SystemTime, date: SystemTime) -> bool {
    time.duration_since(date).is_ok_and(|since| since >= Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    fn fields(rows: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        rows.iter().for_each(|(name, value)| fields.push(name, value));
        fields
    }

    fn current() -> Validators<'static> {
        let modified = httpdate::parse_http_date(THEN).unwrap() + Duration::from_millis(700);
        Validators { etag: Some("\"a\""), coded: Some("\"a-z\""), modified: Some(modified) }
    }

    #[test]
    fn conditions_are_evaluated_in_the_order_of_the_standard() {
        use Evaluation::{Exists, Failed, NotModified, Proceed};
        type Row<'a> = (&'a [(&'a str, &'a str)], Evaluation, Evaluation, Evaluation);
        // fields, then: on a safe method, on a write, where nothing stands
        let rows: [Row<'_>; 16] = [
            (&[], Proceed, Proceed, Proceed),
            (&[("If-Match", "\"a\"")], Proceed, Proceed, Failed),
            (&[("If-Match", "\"b\", \"a\"")], Proceed, Proceed, Failed),
            (&[("If-Match", "W/\"a\"")], Failed, Failed, Failed),
            (&[("If-Match", "\"a-z\"")], Proceed, Proceed, Failed),
            (&[("If-None-Match", "\"a-z\"")], NotModified, Failed, Proceed),
            (&[("If-Match", "*")], Proceed, Proceed, Failed),
            (&[("If-None-Match", "*")], NotModified, Exists, Proceed),
            (&[("If-Match", "\"b\""), ("If-None-Match", "*")], Failed, Failed, Failed),
            (&[("If-None-Match", "W/\"a\"")], NotModified, Failed, Proceed),
            (&[("If-None-Match", "\"b\""), ("If-Modified-Since", THEN)], Proceed, Proceed, Proceed),
            (&[("If-Modified-Since", THEN)], NotModified, Proceed, Proceed),
            (&[("If-Modified-Since", BEFORE)], Proceed, Proceed, Proceed),
            (&[("If-Unmodified-Since", THEN)], Proceed, Proceed, Proceed),
            (&[("If-Unmodified-Since", BEFORE)], Failed, Failed, Proceed),
            (&[("If-Match", "\"a\""), ("If-Unmodified-Since", BEFORE)], Proceed, Proceed, Failed),
        ];
        let now = SystemTime::now();
        for (rows, safe, write, nothing) in rows {
            let fields = fields(rows);
            assert_eq!(evaluate(&fields, true, Some(current()), now), safe, "{rows:?}");
            assert_eq!(evaluate(&fields, false, Some(current()), now), write, "{rows:?}");
            assert_eq!(evaluate(&fields, false, None, now), nothing, "{rows:?}");
        }
    }

    #[test]
    fn a_range_holds_only_for_what_the_client_has() {
        let rows = [
            ("\"a\"", true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            (THEN, true),
            (BEFORE, false),
            ("x", false),
        ];
        let now = SystemTime::now();
        for (value, holds) in rows {
            assert_eq!(range_holds(&fields(&[("If-Range", value)]), current(), now), holds, "{value}");
        }
        assert!(range_holds(&fields(&[]), current(), now));
    }

    #[test]
    fn a_date_says_one_version_when_its_second_is_over() {
        let then = httpdate::parse_http_date(THEN).unwrap();
        let by_date = fields(&[("If-Range", THEN)]);
        for (millis, holds) in [(0, false), (1900, false), (2000, true)] {
            let now = then + Duration::from_millis(millis);
            assert_eq!(range_holds(&by_date, current(), now), holds, "{millis} ms later");
        }
        assert!(!range_holds(&by_date, current(), then - Duration::from_secs(9)));
        assert!(range_holds(&fields(&[("If-Range", "\"a\"")]), current(), then));
    }

    #[test]
    fn a_write_on_a_date_waits_until_its_second_is_over() {
        let then = httpdate::parse_http_date(THEN).unwrap();
        let by_date = fields(&[("If-Unmodified-Since", THEN)]);
        for (millis, outcome) in
            [(0, Evaluation::Failed), (1900, Evaluation::Failed), (2000, Evaluation::Proceed)]
        {
            let now = then + Duration::from_millis(millis);
            assert_eq!(evaluate(&by_date, false, Some(current()), now), outcome, "{millis} ms later");
            assert_eq!(evaluate(&by_date, true, Some(current()), now), Evaluation::Proceed);
            assert_eq!(evaluate(&by_date, false, None, now), Evaluation::Proceed);
        }
        let before = then - Duration::from_secs(9);
        assert_eq!(evaluate(&by_date, false, Some(current()), before), Evaluation::Failed, "a date to come");
        let with_tag = fields(&[("If-Unmodified-Since", THEN), ("If-Match", "\"a\"")]);
        assert_eq!(evaluate(&with_tag, false, Some(current()), then), Evaluation::Proceed, "a tag decides");
    }

    #[test]
    fn a_time_before_1970_is_of_its_second_too() {
        let modified = SystemTime::UNIX_EPOCH - Duration::from_millis(9500);
        let current = Validators { etag: None, coded: None, modified: Some(modified) };
        let now = SystemTime::now();
        let rows = [
            (":49", Evaluation::Proceed),
            (":50", Evaluation::NotModified),
            (":51", Evaluation::NotModified),
        ];
        for (second, outcome) in rows {
            let since = fields(&[("If-Modified-Since", &format!("Wed, 31 Dec 1969 23:59{second} GMT"))]);
            assert_eq!(evaluate(&since, true, Some(current), now), outcome, "{second}");
        }
    }

    #[test]
    fn what_is_not_modified_keeps_the_tag_it_is_known_by() {
        let rows = [
            ("\"a\"", "\"a\""),
            ("W/\"a\"", "\"a\""),
            ("\"a-z\"", "\"a-z\""),
            ("\"a\", \"a-z\"", "\"a-z\""),
            ("*", "\"a-z\""),
        ];
        for (value, tag) in rows {
            assert_eq!(known_tag(&fields(&[("If-None-Match", value)]), current()), Some(tag), "{value}");
        }
        assert_eq!(known_tag(&fields(&[("If-Modified-Since", THEN)]), current()), Some("\"a-z\""));
    }

    #[test]
    fn what_has_no_validators_is_there_all_the_same() {
        use Evaluation::{Failed, NotModified, Proceed};
        let rows = [
            ("If-Match", "\"a\"", Failed),
            ("If-Match", "*", Proceed),
            ("If-None-Match", "\"a\"", Proceed),
            ("If-None-Match", "*", NotModified),
            ("If-Modified-Since", THEN, Proceed),
            ("If-Unmodified-Since", BEFORE, Proceed),
        ];
        for (name, value, outcome) in rows {
            let said = fields(&[(name, value)]);
            let evaluated = evaluate(&said, true, Some(Validators::default()), SystemTime::now());
            assert_eq!(evaluated, outcome, "{name}: {value}");
        }
    }
}
