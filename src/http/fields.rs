//! Header and trailer fields in their order, in one buffer. It does not know what a value means.

use std::ops::Range;

use crate::error::{Error, Result};

/// The initial capacity in bytes and fields, enough for most heads: one allocation each.
const ROOM: (usize, usize) = (384, 12);

/// The positions of a name and its value in the buffer.
pub(super) type Span = (Range<usize>, Range<usize>);

/// The fields of a head or a trailer section. Names compare without case (RFC 9110 §5.1), values are bytes.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    text: Vec<u8>,
    spans: Vec<Span>,
}

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fields in `text` at these positions.
    pub(super) fn over(text: Vec<u8>, spans: Vec<Span>) -> Self {
        Fields { text, spans }
    }

    /// Returns the emptied buffers, for the next head.
    pub(super) fn into_memory(self) -> (Vec<u8>, Vec<Span>) {
        let Fields { mut text, mut spans } = self;
        text.clear();
        spans.clear();
        (text, spans)
    }

    /// Returns the bytes at a position of the buffer.
    pub(super) fn text(&self, place: &Range<usize>) -> &[u8] {
        self.text.get(place.clone()).unwrap_or_default()
    }

    /// Appends a field. CR, LF and NUL, which a value must not contain, become spaces.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        if self.spans.is_empty() {
            self.text.reserve(ROOM.0);
            self.spans.reserve(ROOM.1);
        }
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        let middle = self.text.len();
        let harmless = |byte: &u8| if matches!(byte, b'\r' | b'\n' | 0) { b' ' } else { *byte };
        self.text.extend(value.as_ref().iter().map(harmless));
        self.spans.push((start..middle, middle..self.text.len()));
    }

    /// Returns the fields with one more.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.push(name, value);
        self
    }

    /// Returns all fields, in order: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.spans.iter().map(|(name, value)| (self.text(name), self.text(value)))
    }

    /// Returns the values of all fields of this name.
    pub fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// Returns the value of the first field of this name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next()
    }

    /// Returns the value of the only field of this name. An error of kind `Invalid` where there are two: a proxy
    /// before this server may have checked the other one.
    pub fn get_once(&self, name: &str) -> Result<Option<&[u8]>> {
        let mut values = self.get_all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Error::invalid(name, "comes twice")),
            (value, None) => Ok(value),
        }
    }

    /// Returns the value of the first field of this name, if it is UTF-8.
    pub fn get_text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the members of a comma-separated list over all fields of this name (RFC 9110 §5.6.1), without empty
    /// ones. A comma in a quoted string does not separate members.
    pub fn members<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(members)
    }

    /// Returns whether the list of this name contains this token, in any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.members(name).any(|member| member.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Appends the fields in their wire format, each with its line end.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for (name, value) in self.iter() {
            for part in [name, b": ", value, b"\r\n"] {
                out.extend_from_slice(part);
            }
        }
    }
}

impl<'n, V: AsRef<[u8]>> FromIterator<(&'n str, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'n str, V)>>(fields: I) -> Self {
        let mut all = Fields::new();
        fields.into_iter().for_each(|(name, value)| all.push(name, value));
        all
    }
}

/// Returns the members of one list value.
fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |&byte| {
            let parts = byte == b',' && !quoted;
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            parts
        })
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_lists_run_over_fields() {
        let mut fields = Fields::new();
        fields.push("Connection", "keep-alive, , TE");
        fields.push("connection", "close");
        fields.push("If-Match", "\"a,b\", \"c\\\",d\"");
        assert!(fields.has_token("CONNECTION", "Close") && fields.has_token("connection", "te"));
        assert_eq!(fields.get("connection"), Some(&b"keep-alive, , TE"[..]));
        assert_eq!(fields.members("if-match").collect::<Vec<_>>(), [&b"\"a,b\""[..], b"\"c\\\",d\""]);
        assert_eq!(fields.get("absent"), None);
    }

    #[test]
    fn a_value_cannot_end_its_line() {
        let mut fields = Fields::new();
        fields.push("Location", b"/a\r\nSet-Cookie: b\0");
        let mut out = Vec::new();
        fields.write_to(&mut out);
        assert_eq!(out, b"Location: /a  Set-Cookie: b \r\n");
    }
}
