//! Heads: a start line and fields, read from the wire and written to it (RFC 9112 §2 to §5). What the fields
//! mean for the body is [`super::framing`]'s business.

use std::io::{self, BufRead, Write};
use std::ops::Range;

use super::fields::{Fields, Span};
use super::limits::{FIELDS_MAX, HEAD_MAX, TARGET_MAX};
use crate::error::{Error, Result};

/// How a TLS connection begins (RFC 8446 §5.1), and no request does.
const TLS_HANDSHAKE: u8 = 0x16;

/// The two versions spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: a connection ends with its answer, and there is no chunked coding.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// The head of a request.
#[derive(Clone, Debug)]
pub struct Request {
    method: Range<usize>,
    target: Range<usize>,
    /// The version the client speaks.
    pub version: Version,
    /// Its fields.
    pub fields: Fields,
}

impl Request {
    /// Reads a head. `Ok(None)` when the stream ends before its first byte. `memory` is an earlier request whose
    /// memory may be used again.
    ///
    /// Errors: 400 for what is no head, 431 and 414 past the limits, 505 for another version.
    pub fn read(input: &mut impl BufRead, memory: Option<Request>) -> Result<Option<Request>> {
        if input.fill_buf().is_ok_and(|block| block.first() == Some(&TLS_HANDSHAKE)) {
            return Err(Error::invalid("request", "is TLS, which this port does not speak: use http://"));
        }
        let (mut text, mut spans) = memory.map(|request| request.fields.into_memory()).unwrap_or_default();
        if !read_lines(input, &mut text, HEAD_MAX, true).map_err(|wrong| too_large(&text, wrong))? {
            return Ok(None);
        }
        lower_version(&mut text, |line| line.rsplitn(2, |&byte| byte == b' ').next().map(<[u8]>::len));
        let (method, target, version) = parse_request(&text, &mut spans)?;
        Ok(Some(Request { method, target, version, fields: Fields::over(text, spans) }))
    }

    /// The method, a token (RFC 9110 §9).
    pub fn method(&self) -> &str {
        std::str::from_utf8(self.fields.text(&self.method)).unwrap_or_default()
    }

    /// The request target as it came.
    pub fn target(&self) -> &[u8] {
        self.fields.text(&self.target)
    }

    /// Whether the client will send another request on this connection (RFC 9112 §9.3).
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(self.version, &self.fields)
    }
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code, 100 to 599; 500 for what is none.
    pub status: u16,
    /// The version the server speaks.
    pub version: Version,
    /// Its fields.
    pub fields: Fields,
    /// The head as it came, for people.
    pub raw: Vec<u8>,
}

impl Response {
    /// Reads a head. `Ok(None)` when the stream ends before its first byte.
    pub fn read(input: &mut impl BufRead) -> Result<Option<Response>> {
        let mut text = Vec::new();
        if !read_lines(input, &mut text, HEAD_MAX, false).map_err(|wrong| too_large(b"", wrong))? {
            return Ok(None);
        }
        let raw = text.clone();
        lower_version(&mut text, |line| Some(line.len()));
        unfold(&mut text);
        let mut slots = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut parsed = httparse::Response::new(&mut slots);
        let outcome = parsed.parse(&text).map_err(|wrong| bad_head(&text, wrong))?;
        let (Some(status), true) = (parsed.code, outcome.is_complete()) else {
            return Err(Error::bad_answer("answer", "is no head of HTTP"));
        };
        let version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
        let mut spans = Vec::new();
        note_spans(&text, parsed.headers, &mut spans);
        // RFC 9110 §15: what is no status code is taken for a 5xx.
        let status = if (100..=599).contains(&status) { status } else { 500 };
        Ok(Some(Response { status, version, fields: Fields::over(text, spans), raw }))
    }

    /// Whether the server will take another request on this connection.
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(self.version, &self.fields)
    }
}

/// Takes a later minor version for 1.1, which it must understand (RFC 9110 §6.2). `from_end` says how many bytes before
/// the end of the start line the version begins.
fn lower_version(text: &mut [u8], from_end: impl Fn(&[u8]) -> Option<usize>) {
    let end = memchr::memchr(b'\r', text).unwrap_or(text.len());
    let Some(line) = text.get_mut(..end) else { return };
    let begin = from_end(line).and_then(|length| line.len().checked_sub(length)).unwrap_or_default();
    if let Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9']) =
        line.get_mut(begin..begin + 8)
    {
        *minor = b'1';
    }
}

/// Makes a field of several lines one of spaces: a user agent must (RFC 9112 §5.2). A line that the start line goes on
/// with is no field, and stays.
fn unfold(text: &mut [u8]) {
    let Some(mut at) = memchr::memchr(b'\n', text) else { return };
    while let Some(next) = text.get(at + 1..).and_then(|rest| memchr::memchr(b'\n', rest)) {
        at += 1 + next;
        if let Some([end @ .., b' ' | b'\t']) = text.get_mut(at - 1..at + 2) {
            end.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
        }
    }
}

/// The places of the method and the target, and the version; those of the fields go to `spans`. Not a part of its
/// caller: a crowd of clients that send their heads slowly would keep the stack it takes.
#[inline(never)]
fn parse_request(text: &[u8], spans: &mut Vec<Span>) -> Result<(Range<usize>, Range<usize>, Version)> {
    let mut slots = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut parsed = httparse::Request::new(&mut slots);
    let outcome = parsed.parse(text).map_err(|wrong| bad_head(text, wrong))?;
    let (Some(method), Some(target), true) = (parsed.method, parsed.path, outcome.is_complete()) else {
        return Err(Error::invalid("request", "is no head of HTTP"));
    };
    if target.len() > TARGET_MAX {
        return Err(target_too_long());
    }
    let version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
    note_spans(text, parsed.headers, spans);
    Ok((place(text, method.as_bytes()), place(text, target.as_bytes()), version))
}

/// Appends a request line and fields, ready for the wire.
pub fn write_request(out: &mut Vec<u8>, method: &str, target: &[u8], fields: &Fields) {
    for part in [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"] {
        out.extend_from_slice(part);
    }
    fields.write_to(out);
    out.extend_from_slice(b"\r\n");
}

/// Appends a status line and all these fields, ready for the wire.
pub fn write_response(out: &mut Vec<u8>, status: u16, fields: &[&Fields]) {
    // Memory takes all that is written.
    let _ = write!(out, "HTTP/1.1 {status} {}\r\n", reason(status));
    fields.iter().for_each(|fields| fields.write_to(out));
    out.extend_from_slice(b"\r\n");
}

/// The words that go with a status (RFC 9110 §15, RFC 4918 §11, RFC 6585).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        104 => "Upload Resumption Supported",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "Other",
    }
}

/// Persistence as both sides read it: 1.1 unless `close`, 1.0 only with `keep-alive`.
fn keeps_alive(version: Version, fields: &Fields) -> bool {
    match version {
        Version::Http11 => !fields.has_token("connection", "close"),
        Version::Http10 => fields.has_token("connection", "keep-alive"),
    }
}

/// Reads lines up to and with the empty one that ends a head or a trailer section. Empty lines before the first
/// are passed over (RFC 9112 §2.2). False when the stream ends before anything came. A `strict` reader takes no line that
/// ends in LF alone: a proxy may have read on.
pub(super) fn read_lines(
    input: &mut impl BufRead,
    text: &mut Vec<u8>,
    most: usize,
    strict: bool,
) -> io::Result<bool> {
    let mut line = 0;
    let mut skipped = 0;
    loop {
        let block = match input.fill_buf() {
            Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => continue,
            block => block?,
        };
        if block.is_empty() {
            let nothing = text.is_empty();
            return if nothing { Ok(false) } else { Err(cut().into()) };
        }
        let end = memchr::memchr(b'\n', block).map_or(block.len(), |at| at + 1);
        text.extend_from_slice(block.get(..end).unwrap_or_default());
        input.consume(end);
        if text.len() + skipped > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if text.last() != Some(&b'\n') {
            continue;
        }
        if strict && !text.ends_with(b"\r\n") {
            return Err(Error::invalid("head", "has a line that does not end in CRLF").into());
        }
        match text.get(line..) {
            Some(b"\r\n" | b"\n") if line == 0 => {
                skipped += text.len();
                text.clear();
            }
            Some(b"\r\n" | b"\n") => return Ok(true),
            _ => line = text.len(),
        }
    }
}

/// Reads fields up to the empty line, none of them when that comes first: a trailer section (RFC 9112 §7.1.2), or
/// what [`Fields::write_to`] wrote and an empty line.
pub fn parse_fields(text: Vec<u8>) -> Result<Fields> {
    let mut slots = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(&text, &mut slots) {
        Ok(httparse::Status::Complete((_, headers))) => {
            let mut spans = Vec::new();
            note_spans(&text, headers, &mut spans);
            Ok(Fields::over(text, spans))
        }
        Err(httparse::Error::TooManyHeaders) => Err(too_many("trailer")),
        _ => Err(Error::invalid("trailer", "is no field of HTTP")),
    }
}

fn note_spans(text: &[u8], headers: &[httparse::Header<'_>], spans: &mut Vec<Span>) {
    let span =
        |header: &httparse::Header<'_>| (place(text, header.name.as_bytes()), place(text, header.value));
    spans.extend(headers.iter().filter(|header| !header.name.is_empty()).map(span));
}

/// Where in `text` a part of it stands.
fn place(text: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

fn cut() -> Error {
    Error::interrupted("head", "ended before it was whole")
}

/// A head past its limit; `text` is what came of a request. One whose target alone is too long may end in the middle of
/// that.
fn too_large(text: &[u8], wrong: io::Error) -> Error {
    let target = text.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    match wrong.kind() {
        io::ErrorKind::FileTooLarge if target.len() > TARGET_MAX => target_too_long(),
        io::ErrorKind::FileTooLarge => {
            Error::head_too_large("head", format!("is longer than {HEAD_MAX} bytes"))
        }
        _ => Error::io("head", wrong),
    }
}

fn target_too_long() -> Error {
    Error::name_too_long("target", format!("is longer than {TARGET_MAX} bytes"))
}

fn too_many(section: &str) -> Error {
    Error::head_too_large(section, format!("has more than {FIELDS_MAX} fields"))
}

fn bad_head(text: &[u8], wrong: httparse::Error) -> Error {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match wrong {
        httparse::Error::TooManyHeaders => too_many("head"),
        httparse::Error::Version if line.trim_ascii_end().len() > 8 && contains_http(line) => {
            Error::version_not_supported("request", "speaks another version than HTTP/1.1")
        }
        wrong => Error::invalid("head", wrong.to_string()),
    }
}

/// Whether a start line has three parts and names some version of HTTP at its end.
fn contains_http(line: &[u8]) -> bool {
    let words: Vec<_> = line.trim_ascii_end().split(|&byte| byte == b' ').collect();
    matches!(words[..], [_, _, version] if version.starts_with(b"HTTP/"))
}

#[cfg(test)]
mod tests {
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
        assert_eq!((request.method(), request.target()), ("GET", &b"/a"[..]));
    }

    #[test]
    fn a_head_reads_the_same_wherever_it_is_cut_in_two() {
        let text = b"\r\nPUT /a%20b?x HTTP/1.1\r\nHost: h\r\nX:  \tv \r\nY:\r\n\r\nrest";
        for at in 0..=text.len() {
            let request = read_split(text, at).unwrap().unwrap();
            assert_eq!((request.method(), request.target()), ("PUT", &b"/a%20b?x"[..]), "cut at {at}");
            assert_eq!(request.fields.get("x"), Some(&b"v"[..]));
            assert_eq!(request.fields.get("y"), Some(&b""[..]));
            assert!(request.keeps_alive());
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
            let wrong = read_split(text, 0).unwrap_err();
            assert_eq!(wrong.kind(), kind, "{wrong} for {}", crate::error::shown(text));
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
            assert_eq!(read_split(text.as_bytes(), 3).unwrap().unwrap().keeps_alive(), kept, "{text}");
        }
    }

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
