//! Digest fields (RFC 9530): SHA-256 of content and representations, formatted, parsed and verified. Other algorithms
//! are ignored, as RFC 9530 allows.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::fields::Fields;
use crate::error::{Error, Result};

/// A SHA-256.
pub type Digest = [u8; 32];

/// The field with the digest of a representation, in the head or in the trailer section.
pub const REPR_DIGEST: &str = "Repr-Digest";
/// The digest fields. On a request with a complete body both are of the bytes as received.
const FIELDS: [&str; 2] = [REPR_DIGEST, "Content-Digest"];

/// Computes a SHA-256.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes.
    pub fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}

/// Adds what is written.
impl Write for Hasher {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.update(block);
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to `writer`, and computes the digest of what was written if there is a hasher.
pub struct Tee<W> {
    /// Where the bytes go.
    pub writer: W,
    /// Computes their digest.
    pub hasher: Option<Hasher>,
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(block)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(block.get(..written).unwrap_or_default());
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Returns the digest of bytes in memory.
pub fn of(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// Returns the value of a digest field.
pub fn format(digest: &Digest) -> String {
    format!("sha-256=:{}:", BASE64_STANDARD.encode(digest))
}

/// Parses the SHA-256 of a digest field. Errors have kind `Invalid`: it is malformed, or two members differ, and
/// another recipient may check a different one.
pub fn parse(fields: &Fields, name: &str) -> Result<Option<Digest>> {
    let mut said = None;
    for encoded in values(fields, name) {
        let digest = decode(encoded)
            .ok_or_else(|| Error::invalid(name, "is not a SHA-256 in base64 between colons"))?;
        if said.replace(digest).is_some_and(|other| other != digest) {
            return Err(Error::invalid(name, "has two different SHA-256 values"));
        }
    }
    Ok(said)
}

/// Returns the values of the SHA-256 members, without their parameters (RFC 9651 §3.1.2).
fn values<'a>(fields: &'a Fields, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let values = fields.members(name).filter_map(|member| member.strip_prefix(b"sha-256="));
    values.filter_map(|value| value.split(|&byte| byte == b';').next()).map(<[u8]>::trim_ascii_end)
}

/// Decodes a Byte Sequence of the right length (RFC 9651 §3.3.5).
fn decode(encoded: &[u8]) -> Option<Digest> {
    let inner = encoded.strip_prefix(b":")?.strip_suffix(b":")?;
    Digest::try_from(BASE64_STANDARD.decode(inner).ok()?).ok()
}

/// Returns whether `Want-Repr-Digest` asks for a SHA-256.
pub fn is_wanted(fields: &Fields) -> bool {
    let weight = |value: &[u8]| {
        let digits = std::str::from_utf8(value).ok();
        digits.is_some_and(|digits| digits.parse::<u8>().is_ok_and(|weight| weight > 0))
    };
    values(fields, "want-repr-digest").any(weight)
}

/// Returns whether the digest of a body is in its head, or announced for its trailer section.
pub fn is_announced(fields: &Fields) -> bool {
    FIELDS.iter().any(|name| fields.get(name).is_some() || fields.has_token("trailer", name))
}

/// Verifies the digest fields of head and trailer section against the computed digest. An error has kind `Invalid`.
pub fn verify(head: &Fields, trailers: &Fields, taken: Option<Digest>) -> Result<()> {
    FIELDS.into_iter().try_for_each(|name| verify_field(name, &[head, trailers], taken))
}

/// Verifies one digest field wherever the client sent it, in head or trailer section. An error has kind `Invalid`.
pub fn verify_field(name: &str, said_in: &[&Fields], taken: Option<Digest>) -> Result<()> {
    for fields in said_in {
        if let Some(said) = parse(fields, name)?
            && taken != Some(said)
        {
            return Err(Error::invalid(name, "does not match the bytes received"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const HELLO: &str = "sha-256=:uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=:";

    fn fields(name: &str, value: &str) -> Fields {
        let mut fields = Fields::new();
        fields.push(name, value);
        fields
    }

    #[test]
    fn a_digest_is_written_and_read_as_rfc_9530_has_it() {
        let mut hasher = Hasher::default();
        hasher.update(b"hello ");
        hasher.update(b"world");
        let digest = hasher.finish();
        assert_eq!(format(&digest), HELLO);
        let both = fields("repr-digest", &format!("sha-512=:AAAA:, {HELLO}"));
        assert_eq!(parse(&both, "Repr-Digest").unwrap(), Some(digest));
        assert_eq!(parse(&fields("Repr-Digest", "md5=:AAAA:"), "Repr-Digest").unwrap(), None);
        for bad in ["sha-256=:AAAA:", "sha-256=AAAA", "sha-256=:!:", "sha-256="] {
            assert_eq!(
                parse(&fields("Repr-Digest", bad), "Repr-Digest").unwrap_err().kind(),
                ErrorKind::Invalid,
                "{bad}"
            );
        }
    }

    #[test]
    fn every_digest_of_a_field_is_read() {
        const OTHER: &str = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
        let read = |values: &[&str]| {
            let mut fields = Fields::new();
            values.iter().for_each(|value| fields.push("Repr-Digest", value));
            parse(&fields, "Repr-Digest").map_err(|error| error.kind())
        };
        let hello = Ok(Some(of(b"hello world")));
        assert_eq!(read(&[&format!("{HELLO};p=1")]), hello);
        assert_eq!(read(&[&format!("{HELLO} ; p=\"a,b\", {HELLO}")]), hello);
        assert_eq!(read(&[HELLO, HELLO]), hello);
        for both in [[HELLO, OTHER], [OTHER, HELLO], [HELLO, "sha-256=:AAAA:"]] {
            assert_eq!(
                (read(&both), read(&[&both.join(", ")])),
                (Err(ErrorKind::Invalid), Err(ErrorKind::Invalid)),
                "{both:?}"
            );
        }
    }

    #[test]
    fn what_came_is_held_against_head_and_trailer() {
        for name in FIELDS {
            let (none, said) = (Fields::new(), fields(name, HELLO));
            let verify =
                |head, trailers, bytes| verify(head, trailers, Some(of(bytes))).map_err(|error| error.kind());
            assert_eq!(verify(&said, &none, b"hello world"), Ok(()));
            assert_eq!(verify(&none, &said, b"hello world"), Ok(()));
            assert_eq!(verify(&said, &none, b"hello"), Err(ErrorKind::Invalid));
            assert_eq!(verify(&none, &said, b"hello"), Err(ErrorKind::Invalid));
        }
    }

    #[test]
    fn it_is_known_whether_a_digest_is_wanted_or_announced() {
        for (value, wanted) in
            [("sha-256=10", true), ("sha-512=3, sha-256=1;a", true), ("sha-256=0", false), ("", false)]
        {
            assert_eq!(is_wanted(&fields("Want-Repr-Digest", value)), wanted, "{value}");
        }
        assert!(is_announced(&fields("Trailer", "X, repr-digest")));
        assert!(is_announced(&fields("content-digest", HELLO)));
        assert!(!is_announced(&fields("Trailer", "X")));
    }
}
