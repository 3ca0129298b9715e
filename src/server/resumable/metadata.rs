//! What was said when an upload began and must hold when it ends, perhaps in another process: a few fields of that
//! request, kept as they came.

use crate::error::Result;
use crate::http::{Fields, head, resumption};

/// The fields that are kept as they came.
const KEPT: [&str; 5] = ["If-Match", "If-None-Match", "If-Unmodified-Since", "Repr-Digest", "X-OC-Mtime"];
/// The field with the length, as soon as one was said.
const LENGTH: &str = "Upload-Length";

/// The terms of an upload.
pub struct Terms {
    /// Conditions and digest, as fields.
    pub fields: Fields,
}

/// Two lengths were said that are not the same.
pub struct Inconsistent;

impl Terms {
    /// What the request that begins an upload says.
    pub fn of_request(fields: &Fields) -> Self {
        let mut kept = Fields::new();
        for name in KEPT {
            fields.get_all(name).for_each(|value| kept.push(name, value));
        }
        Terms { fields: kept }
    }

    /// What was kept.
    pub fn of_note(note: &[u8]) -> Result<Self> {
        Ok(Terms { fields: head::parse_fields(note.to_vec())? })
    }

    /// As it is kept.
    pub fn to_note(&self) -> Vec<u8> {
        let mut note = Vec::new();
        self.fields.write_to(&mut note);
        note.extend_from_slice(b"\r\n");
        note
    }

    /// The length of the whole, where one was said.
    pub fn length(&self) -> Option<u64> {
        resumption::integer(&self.fields, LENGTH)
    }

    /// Takes in the length that a request says in its fields, or by ending the content at `end`. True when it was not
    /// known before.
    pub fn learn_length(&mut self, fields: &Fields, end: Option<u64>) -> Result<bool, Inconsistent> {
        let said = [resumption::integer(fields, LENGTH), end];
        let mut lengths = said.into_iter().flatten();
        let known = self.length();
        let Some(length) = known.or_else(|| lengths.next()) else { return Ok(false) };
        if lengths.any(|other| other != length) {
            return Err(Inconsistent);
        }
        if known.is_none() {
            self.fields.push(LENGTH, length.to_string());
        }
        Ok(known.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(all: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        all.iter().for_each(|(name, value)| fields.push(name, value));
        fields
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let said =
            [("if-match", "\"a\""), ("Host", "h"), ("If-Match", "\"b\""), ("Repr-Digest", "sha-256=:x:")];
        let mut terms = Terms::of_request(&fields(&said));
        assert!(terms.learn_length(&fields(&[("Upload-Length", "7")]), None).is_ok_and(|new| new));
        let again = Terms::of_note(&terms.to_note()).unwrap();
        assert_eq!(again.length(), Some(7));
        assert_eq!(again.fields.members("If-Match").collect::<Vec<_>>(), [b"\"a\"", b"\"b\""]);
        assert_eq!((again.fields.get("host"), again.fields.iter().count()), (None, 4));
    }

    #[test]
    fn all_lengths_that_are_said_must_be_the_same() {
        type Row<'a> = (Option<&'a str>, Option<&'a str>, Option<u64>, Option<Option<u64>>);
        let rows: [Row<'_>; 7] = [
            (None, None, None, Some(None)),
            (None, Some("7"), None, Some(Some(7))),
            (None, None, Some(7), Some(Some(7))),
            (Some("7"), Some("7"), Some(7), Some(Some(7))),
            (None, Some("7"), Some(8), None),
            (Some("7"), Some("8"), None, None),
            (Some("7"), None, Some(6), None),
        ];
        for (known, said, end, length) in rows {
            let field = |value: Option<&str>| match value {
                Some(value) => fields(&[("Upload-Length", value)]),
                None => Fields::new(),
            };
            let mut terms = Terms { fields: field(known) };
            let learned = terms.learn_length(&field(said), end).ok().map(|_| terms.length());
            assert_eq!(learned, length, "{known:?} {said:?} {end:?}");
        }
    }
}
