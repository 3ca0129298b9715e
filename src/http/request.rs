//! The head of a request, read from the wire (RFC 9112 §3).

use std::io::BufRead;
use std::ops::Range;

use super::fields::{Fields, Span};
use super::head::{
    Version, append_spans, bad_head, keeps_alive, lower_version, span_of, target_too_long, too_large,
};
use super::limits::{FIELDS_MAX, HEAD_MAX, TARGET_MAX};
use super::lines::read_lines;
use super::method::Method;
use crate::error::{Error, Result};

/// The first byte of a TLS handshake (RFC 8446 §5.1); no request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    name: Range<usize>,
    target: Range<usize>,
    /// The method.
    pub method: Method,
    /// The version the client speaks.
    pub version: Version,
    /// Its fields.
    pub fields: Fields,
    /// Whether the client may send another request on this connection (RFC 9112 §9.3).
    pub keeps_alive: bool,
}

impl Request {
    /// Reads a head; `None` at the end of the stream. `memory` is an earlier request whose buffers are reused.
    ///
    /// Errors have kind `Invalid`, `HeadTooLarge` and `NameTooLong` past the limits, `VersionNotSupported`.
    pub fn read(input: &mut impl BufRead, memory: Option<Request>) -> Result<Option<Request>> {
        match input.fill_buf() {
            Ok([]) => return Ok(None),
            Ok([TLS_HANDSHAKE, ..]) => {
                return Err(Error::invalid("request", "is TLS, which this port does not speak: use http://"));
            }
            // An error is returned where the lines are read.
            _ => {}
        }
        let (mut text, mut spans) = memory.map(|request| request.fields.into_memory()).unwrap_or_default();
        if !read_lines(input, &mut text, HEAD_MAX, true).map_err(|error| too_large(&text, error))? {
            return Ok(None);
        }
        let line = text.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let version = memchr::memrchr(b' ', line).map_or(0, |space| space + 1);
        lower_version(&mut text, version);
        let (name, target, version) = parse_request(&text, &mut spans)?;
        let fields = Fields::over(text, spans);
        let method = Method::parse(std::str::from_utf8(fields.text(&name)).unwrap_or_default());
        let keeps_alive = keeps_alive(version, &fields);
        Ok(Some(Request { name, target, method, version, fields, keeps_alive }))
    }

    /// Returns the name of the method as received, a token (RFC 9110 §9).
    pub fn method_name(&self) -> &str {
        std::str::from_utf8(self.fields.text(&self.name)).unwrap_or_default()
    }

    /// Returns the request target as received.
    pub fn target(&self) -> &[u8] {
        self.fields.text(&self.target)
    }
}

/// Parses the positions of method and target, and the version; appends those of the fields to `spans`. Never inlined: the
/// stack it takes would stay in memory for every client that sends its head slowly.
#[inline(never)]
fn parse_request(text: &[u8], spans: &mut Vec<Span>) -> Result<(Range<usize>, Range<usize>, Version)> {
    let mut slots = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut slots);
    let outcome = parsed.parse(text).map_err(|error| bad_head(text, error))?;
    let (Some(method), Some(target), true) = (parsed.method, parsed.path, outcome.is_complete()) else {
        return Err(Error::invalid("request", "is not an HTTP head"));
    };
    if target.len() > TARGET_MAX {
        return Err(target_too_long());
    }
    let version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    append_spans(text, parsed.headers, spans);
    Ok((span_of(text, method.as_bytes()), span_of(text, target.as_bytes()), version))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::ErrorKind;

    fn read_split(text: &[u8], at: usize) -> Result<Option<Request>> {
        let (one, two) = text.split_at(at);
        Request::read(&mut io::Read::chain(one, two), None)
    }

    #[test]
    fn a_head_whose_reading_a_signal_interrupts_is_read_on() {
        struct Interrupted<'a>(&'a [u8], bool);
        impl io::Read for Interrupted<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(out) }
            }
        }
        let wire = Interrupted(b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n", false);
        let request = Request::read(&mut io::BufReader::with_capacity(3, wire), None).unwrap().unwrap();
        assert_eq!((request.method_name(), request.target()), ("GET", &b"/a"[..]));
    }

    #[test]
    fn a_head_reads_the_same_wherever_it_is_cut_in_two() {
        let text = b"\r\nPUT /a%20b?x HTTP/1.1\r\nHost: h\r\nX:  \tv \r\nY:\r\n\r\nrest";
        for at in 0..=text.len() {
            let request = read_split(text, at).unwrap().unwrap();
            assert_eq!((request.method_name(), request.target()), ("PUT", &b"/a%20b?x"[..]), "cut at {at}");
            assert_eq!(request.fields.get("x"), Some(&b"v"[..]));
            assert_eq!(request.fields.get("y"), Some(&b""[..]));
            assert!(request.keeps_alive);
        }
    }

    #[test]
    fn what_is_no_head_is_refused_with_the_right_status() {
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(FIELDS_MAX + 1));
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(TARGET_MAX));
        let endless = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(HEAD_MAX));
        let huge = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "a".repeat(HEAD_MAX));
        let rows: [(&[u8], ErrorKind); 18] = [
            (b"GET / HTTP/1.1\r\nA : b\r\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\r\nA: \0\r\n\r\n", ErrorKind::Invalid),
            (b"GET  / HTTP/1.1\r\n\r\n", ErrorKind::Invalid),
            (b"GET /\r\n\r\n", ErrorKind::Invalid),
            (b"\x16\x03\x01\x02\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/2.0\r\n\r\n", ErrorKind::VersionNotSupported),
            (b"GET / HTTP/1.10\r\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\nA: b\r\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\r\nA: b\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\r\nA: b\r\n\n", ErrorKind::Invalid),
            (b"\nGET / HTTP/1.1\r\n\r\n", ErrorKind::Invalid),
            (b"GET / HTTP/1.1\r\nA: b", ErrorKind::Interrupted),
            (many.as_bytes(), ErrorKind::HeadTooLarge),
            (long.as_bytes(), ErrorKind::NameTooLong),
            (endless.as_bytes(), ErrorKind::NameTooLong),
            (huge.as_bytes(), ErrorKind::HeadTooLarge),
        ];
        for (text, kind) in rows {
            let error = read_split(text, 0).unwrap_err();
            assert_eq!(error.kind(), kind, "{error} for {}", crate::error::shown(text));
        }
        assert!(read_split(b"", 0).unwrap().is_none());
    }

    #[test]
    fn a_connection_is_kept_as_version_and_field_say() {
        let rows = [
            ("HTTP/1.1", "", true),
            ("HTTP/1.2", "", true),
            ("HTTP/1.9", "Connection: close\r\n", false),
            ("HTTP/1.1", "Connection: close\r\n", false),
            ("HTTP/1.0", "", false),
            ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
        ];
        for (version, field, kept) in rows {
            let text = format!("GET / {version}\r\n{field}\r\n");
            assert_eq!(read_split(text.as_bytes(), 3).unwrap().unwrap().keeps_alive, kept, "{text}");
        }
    }
}
