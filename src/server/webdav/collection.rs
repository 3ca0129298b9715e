//! COPY, MOVE and DELETE as WebDAV clients expect them (RFC 4918 §5.2, §9.6, §9.8, §9.9): a directory is meant with or
//! without the final slash, and what is copied or moved replaces whatever is at its destination. Other clients are kept
//! from that, since a missing slash may be a mistake.

use crate::error::{Error, Result};
use crate::http::{Fields, authority};
use crate::server::webdav::depth::Depth;

/// Returns whether a request is one of a WebDAV client: it has a field that no other client sends, or tells to
/// overwrite a destination that is a whole URL, as RFC 2518 had it.
pub fn is_of_webdav_client(fields: &Fields) -> bool {
    let overwrites = fields.get("Overwrite").is_some_and(|value| value.eq_ignore_ascii_case(b"T"));
    let has_url = fields.get("Destination").is_some_and(authority::is_absolute);
    fields.get("Depth").is_some() || fields.get("Translate").is_some() || (overwrites && has_url)
}

/// Returns whether a directory is to be copied without what is in it. Errors have kind `Invalid`.
pub fn is_shallow_copy(fields: &Fields) -> Result<bool> {
    match Depth::of_request(fields)? {
        Depth::Zero => Ok(true),
        Depth::Infinity => Ok(false),
        Depth::One => Err(Error::invalid("Depth", "is neither 0 nor infinity")),
    }
}

/// Refuses to move or delete a directory without what is in it. Errors have kind `Invalid`.
pub fn require_whole(fields: &Fields) -> Result<()> {
    match Depth::of_request(fields)? {
        Depth::Infinity => Ok(()),
        Depth::Zero | Depth::One => Err(Error::invalid("Depth", "is not infinity")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webdav_client_is_known_by_its_fields() {
        let rows: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("Destination", "/f"), ("Overwrite", "T")], false),
            (&[("Destination", "http://h/f")], false),
            (&[("Destination", "http://h/f"), ("Overwrite", "F")], false),
            (&[("Destination", "http://h/f"), ("Overwrite", "T")], true),
            (&[("Depth", "infinity")], true),
            (&[("Translate", "f")], true),
        ];
        for (fields, is) in rows {
            assert_eq!(is_of_webdav_client(&fields.iter().copied().collect()), is, "{fields:?}");
        }
    }
}
