//! The fields of idempotent requests (draft-ietf-httpapi-idempotency-key-header-07), which the server performs once,
//! however often they are sent, and those that tell a client whether it did. The server stores the outcomes.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::{Digest, Fields, Hasher, Method};
use crate::error::{Error, Result};

/// The field that identifies a request; the client chooses its value.
pub const KEY: &str = "Idempotency-Key";
/// The field of a retry: `?1`, or the epoch in which the server did not receive the request.
pub const RETRY: &str = "Cfp-Retry";
/// The field of a response to a retry with an unknown key: `"EPOCH";since=MILLISECONDS`. All outcomes of that time are
/// remembered; the epoch changes when one is forgotten.
pub const OUTCOMES: &str = "Cfp-Outcomes";
/// The value of [`RETRY`] without an epoch.
pub const RETRY_UNSURE: &str = "?1";

/// The longest key, in bytes. A UUID has 36.
const KEY_MAX: usize = 255;
/// The fields that distinguish two requests with the same key, besides method and target.
const DISTINCTIVE: [&str; 17] = [
    "destination",
    "depth",
    "if",
    "lock-token",
    "overwrite",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "content-type",
    "content-encoding",
    "content-length",
    "content-digest",
    "repr-digest",
    "x-oc-mtime",
    "upload-complete",
    "upload-offset",
];

/// What identifies a request that is performed once.
pub struct RequestKey {
    /// The key that the client chose.
    pub key: Vec<u8>,
    /// A hash that distinguishes two requests with the same key.
    pub fingerprint: Digest,
    /// For a retry, the epoch in which the server did not receive the request, where the client knows one.
    pub retry: Option<Option<Vec<u8>>>,
}

/// Reads what identifies a request; `None` where it has no key. Errors are those of `key`.
pub fn of_request(method: Method, target: &[u8], fields: &Fields) -> Result<Option<RequestKey>> {
    Ok(key(fields)?.map(|key| RequestKey {
        key,
        fingerprint: fingerprint(method.name(), target, fields),
        retry: retry(fields),
    }))
}

/// Parses the key of a request, a String (RFC 9651). Anything else is an error of kind `Invalid`, since the client
/// relies on the key.
fn key(fields: &Fields) -> Result<Option<Vec<u8>>> {
    let mut values = fields.get_all(KEY);
    let (Some(value), next) = (values.next(), values.next()) else { return Ok(None) };
    match string(value).filter(|key| next.is_none() && !key.is_empty() && key.len() <= KEY_MAX) {
        Some(key) => Ok(Some(key)),
        None => Err(Error::invalid(KEY, format!("is not a quoted string of 1 to {KEY_MAX} characters"))),
    }
}

/// Makes a random key of 128 bits; the system seeds the hasher.
pub fn fresh_key() -> String {
    let random = RandomState::new();
    format!("\"{:016x}{:016x}\"", random.hash_one(0), random.hash_one(1))
}

fn fingerprint(method: &str, target: &[u8], fields: &Fields) -> Digest {
    let mut hasher = Hasher::default();
    let mut add = |part: &[u8]| {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    };
    add(method.as_bytes());
    add(target);
    for name in DISTINCTIVE {
        for value in fields.get_all(name) {
            add(name.as_bytes());
            add(value);
        }
    }
    hasher.finish()
}

fn retry(fields: &Fields) -> Option<Option<Vec<u8>>> {
    fields.get(RETRY).map(string)
}

/// Returns the value of [`OUTCOMES`].
pub fn format_outcomes(epoch: &str, since: Duration) -> String {
    format!("\"{epoch}\";since={}", since.as_millis())
}

/// Parses [`OUTCOMES`]: the epoch, as the next retry sends it, and the time for which all outcomes are remembered.
pub fn outcomes(fields: &Fields) -> Option<(String, Duration)> {
    let (epoch, since) = fields.get_text(OUTCOMES)?.split_once(";since=")?;
    Some((epoch.to_owned(), Duration::from_millis(since.parse().ok()?)))
}

/// Parses a String (RFC 9651 §3.3.3), without its parameters.
fn string(value: &[u8]) -> Option<Vec<u8>> {
    let mut rest = value.trim_ascii().strip_prefix(b"\"")?.iter();
    let mut text = Vec::new();
    loop {
        match rest.next()? {
            b'"' => break,
            b'\\' => text.push(*rest.next().filter(|byte| matches!(byte, b'"' | b'\\'))?),
            byte @ 0x20..=0x7e => text.push(*byte),
            _ => return None,
        }
    }
    let behind = rest.as_slice();
    (behind.is_empty() || behind.trim_ascii_start().starts_with(b";")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(rows: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        rows.iter().for_each(|(name, value)| fields.push(name, value));
        fields
    }

    #[test]
    fn a_key_is_one_quoted_string() {
        let long = format!("\"{}\"", "k".repeat(KEY_MAX + 1));
        let rows: [(&[&str], Option<Option<&str>>); 9] = [
            (&[], Some(None)),
            (&["\"8e03978e\""], Some(Some("8e03978e"))),
            (&[" \"a\\\"b\" ; x=1"], Some(Some("a\"b"))),
            (&["8e03978e"], None),
            (&["\"\""], None),
            (&["\"a"], None),
            (&["\"a\"b"], None),
            (&["\"a\"", "\"a\""], None),
            (&[&long], None),
        ];
        for (values, expected) in rows {
            let fields = with(&values.iter().map(|value| (KEY, *value)).collect::<Vec<_>>());
            let expected = expected.map(|key| key.map(|key| key.as_bytes().to_vec()));
            assert_eq!(key(&fields).ok(), expected, "{values:?}");
        }
        let (one, other) = (fresh_key(), fresh_key());
        assert_eq!(key(&with(&[(KEY, &one)])).unwrap().unwrap().len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn what_asks_for_something_else_has_another_fingerprint() {
        let of =
            |method, target: &str, rows: &[(&str, &str)]| fingerprint(method, target.as_bytes(), &with(rows));
        let one = of("COPY", "/f", &[("Destination", "/g"), ("Host", "h"), ("User-Agent", "a")]);
        assert_eq!(one, of("COPY", "/f", &[("destination", "/g"), (RETRY, "?1")]));
        for other in [
            of("MOVE", "/f", &[("Destination", "/g")]),
            of("COPY", "/f?reverse", &[("Destination", "/g")]),
            of("COPY", "/f", &[("Destination", "/h")]),
            of("COPY", "/f", &[("Destination", "/g"), ("If-Match", "\"a\"")]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn what_is_remembered_is_read_as_it_is_written() {
        let told = with(&[(OUTCOMES, &format_outcomes("a-1", Duration::from_millis(1500)))]);
        assert_eq!(outcomes(&told), Some(("\"a-1\"".to_owned(), Duration::from_millis(1500))));
        assert_eq!(retry(&with(&[(RETRY, "\"a-1\"")])), Some(Some(b"a-1".to_vec())));
        assert_eq!(retry(&with(&[(RETRY, RETRY_UNSURE)])), Some(None));
        assert_eq!(retry(&with(&[])), None);
    }
}
