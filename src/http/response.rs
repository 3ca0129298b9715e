//! The head of a response, read from the wire (RFC 9112 §4).

use std::io::BufRead;

use super::head::{append_spans, bad_head, keeps_alive, lower_version, too_large};
use super::limits::{FIELDS_MAX, HEAD_MAX};
use super::lines::read_lines;
use super::{Fields, Version};
use crate::error::{Error, Result};

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code, 100 to 599; 500 for an invalid one.
    pub status: u16,
    /// The version the server speaks.
    pub version: Version,
    /// Its fields.
    pub fields: Fields,
    /// The head as received, to be shown.
    pub raw: Vec<u8>,
}

impl Response {
    /// Reads a head; `None` at the end of the stream.
    pub fn read(input: &mut impl BufRead) -> Result<Option<Response>> {
        let mut text = Vec::new();
        if !read_lines(input, &mut text, HEAD_MAX, false).map_err(|error| too_large(b"", error))? {
            return Ok(None);
        }
        let raw = text.clone();
        lower_version(&mut text, 0);
        unfold(&mut text);
        let mut slots = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut parsed = httparse::Response::new(&mut slots);
        let outcome = parsed.parse(&text).map_err(|error| bad_head(&text, error))?;
        let (Some(status), true) = (parsed.code, outcome.is_complete()) else {
            return Err(Error::bad_response("answer", "is not an HTTP head"));
        };
        let version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
        let mut spans = Vec::new();
        append_spans(&text, parsed.headers, &mut spans);
        // An invalid status code is treated as a 5xx (RFC 9110 §15).
        let status = if (100..=599).contains(&status) { status } else { 500 };
        Ok(Some(Response { status, version, fields: Fields::over(text, spans), raw }))
    }

    /// Returns whether the server accepts another request on this connection.
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(self.version, &self.fields)
    }
}

/// Replaces the line folds of fields by spaces, as a user agent must (RFC 9112 §5.2). A fold after the start line stays, and
/// is an error.
fn unfold(text: &mut [u8]) {
    let Some(mut at) = memchr::memchr(b'\n', text) else { return };
    while let Some(next) = text.get(at + 1..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        at += 1 + next;
        if let Some([end @ .., b' ' | b'\t']) = text.get_mut(at - 1..at + 2) {
            end.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_head_is_read_with_its_raw_text() {
        let text = b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nbody";
        let response = Response::read(&mut &text[..]).unwrap().unwrap();
        assert_eq!((response.status, response.fields.get("a")), (404, Some(&b"b"[..])));
        assert_eq!(response.raw, &text[..text.len() - 4]);
    }

    #[test]
    fn a_field_of_several_lines_is_one_and_a_code_that_is_none_a_failure() {
        let rows: [(&str, u16, &[u8]); 6] = [
            ("200 OK\r\nA: one\r\n two\r\n\tthree\r\nB: c\r\n", 200, b"one   two  \tthree"),
            ("200 OK\r\nA:\r\n one\n two\r\n", 200, b"one  two"),
            ("200 OK\r\nA: one\r\n \r\n", 200, b"one"),
            ("099 Early\r\nA: b\r\n", 500, b"b"),
            ("600 Late\r\nA: b\r\n", 500, b"b"),
            ("599 Odd\r\nA: b\r\n", 599, b"b"),
        ];
        for (text, status, value) in rows {
            let text = format!("HTTP/1.1 {text}\r\n");
            let response = Response::read(&mut text.as_bytes()).unwrap().unwrap();
            assert_eq!((response.status, response.fields.get("a")), (status, Some(value)), "{text}");
            assert_eq!(response.raw, text.as_bytes());
        }
        assert!(Response::read(&mut &b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n"[..]).is_err());
    }
}
