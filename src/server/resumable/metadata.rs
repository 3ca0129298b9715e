//! The metadata of a resumable upload: the fields of the request that created it which must hold when it completes, perhaps
//! in another process.

use crate::error::Result;
use crate::http::digest::REPR_DIGEST;
use crate::http::{Fields, head, resumption};

/// The fields that are stored unchanged.
const KEPT: [&str; 5] = ["If-Match", "If-None-Match", "If-Unmodified-Since", REPR_DIGEST, "X-OC-Mtime"];
/// The field with the length, once it is known.
const LENGTH: &str = "Upload-Length";

/// The metadata of an upload.
pub struct UploadMetadata {
    /// Preconditions, digest and modification time, as fields.
    pub fields: Fields,
}

/// The error of two lengths that differ.
pub struct Inconsistent;

impl UploadMetadata {
    /// Returns the metadata in the fields of the request that creates an upload.
    pub fn of_request(fields: &Fields) -> Self {
        let mut kept = Fields::new();
        for name in KEPT {
            fields.get_all(name).for_each(|value| kept.push(name, value));
        }
        UploadMetadata { fields: kept }
    }

    /// Parses what was stored.
    pub fn parse(stored: &[u8]) -> Result<Self> {
        Ok(UploadMetadata { fields: head::parse_fields(stored.to_vec())? })
    }

    /// Returns the form in which it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut stored = Vec::new();
        self.fields.write_to(&mut stored);
        stored.extend_from_slice(b"\r\n");
        stored
    }

    /// Returns the length of the whole upload, where it is known.
    pub fn length(&self) -> Option<u64> {
        resumption::integer(&self.fields, LENGTH)
    }

    /// Sets the length from `Upload-Length`, or from a request that completes the upload at offset `end`. True where it
    /// was not known before.
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
        let mut metadata = UploadMetadata::of_request(&fields(&said));
        assert!(metadata.learn_length(&fields(&[("Upload-Length", "7")]), None).is_ok_and(|new| new));
        let again = UploadMetadata::parse(&metadata.to_bytes()).unwrap();
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
            let mut metadata = UploadMetadata { fields: field(known) };
            let learned = metadata.learn_length(&field(said), end).ok().map(|_| metadata.length());
            assert_eq!(learned, length, "{known:?} {said:?} {end:?}");
        }
    }
}
