//! Message heads, start line and fields (RFC 9112 §2 to §5): what requests and responses have in common when they are
//! read, and how both are written. `framing` determines the length of the body.

use std::io::{self, Write};
use std::ops::Range;

use super::fields::{Fields, Span};
use super::limits::{FIELDS_MAX, HEAD_MAX, TARGET_MAX};
use crate::error::{Error, Result};

/// The supported versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: the connection closes after the response, and there is no chunked coding.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// Treats a later minor version as 1.1 (RFC 9110 §6.2). `begin` is where the version begins.
pub(super) fn lower_version(text: &mut [u8], begin: usize) {
    if let Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9']) =
        text.get_mut(begin..begin + 8)
    {
        *minor = b'1';
    }
}

/// Appends the head of a request in wire format.
pub fn write_request(out: &mut Vec<u8>, method: &str, target: &[u8], fields: &Fields) {
    for part in [method.as_bytes(), b" ", target, b" HTTP/1.1\r\n"] {
        out.extend_from_slice(part);
    }
    fields.write_to(out);
    out.extend_from_slice(b"\r\n");
}

/// Appends the head of a response in wire format.
pub fn write_response(out: &mut Vec<u8>, status: u16, fields: &[&Fields]) {
    // Writing to a `Vec` does not fail.
    let _ = write!(out, "HTTP/1.1 {status} {}\r\n", reason(status));
    fields.iter().for_each(|fields| fields.write_to(out));
    out.extend_from_slice(b"\r\n");
}

/// Returns the reason phrase of a status code (RFC 9110 §15, RFC 4918 §11, RFC 6585).
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        104 => "Upload Resumption Supported",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
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
        423 => "Locked",
        424 => "Failed Dependency",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "Other",
    }
}

/// Returns whether the connection persists (RFC 9112 §9.3): with 1.1 unless `close`, with 1.0 only with `keep-alive`.
pub(super) fn keeps_alive(version: Version, fields: &Fields) -> bool {
    match version {
        Version::Http11 => !fields.has_token("connection", "close"),
        Version::Http10 => fields.has_token("connection", "keep-alive"),
    }
}

/// Parses fields up to an empty line: a trailer section (RFC 9112 §7.1.2), or what [`Fields::write_to`] wrote and an empty
/// line.
pub fn parse_fields(text: Vec<u8>) -> Result<Fields> {
    let mut slots = [httparse::EMPTY_HEADER; FIELDS_MAX];
    match httparse::parse_headers(&text, &mut slots) {
        Ok(httparse::Status::Complete((_, headers))) => {
            let mut spans = Vec::new();
            append_spans(&text, headers, &mut spans);
            Ok(Fields::over(text, spans))
        }
        Err(httparse::Error::TooManyHeaders) => Err(too_many("trailer")),
        _ => Err(Error::invalid("trailer", "is not an HTTP field")),
    }
}

pub(super) fn append_spans(text: &[u8], headers: &[httparse::Header<'_>], spans: &mut Vec<Span>) {
    let span =
        |header: &httparse::Header<'_>| (span_of(text, header.name.as_bytes()), span_of(text, header.value));
    spans.extend(headers.iter().filter(|header| !header.name.is_empty()).map(span));
}

/// Returns the position of a part of `text` in it.
pub(super) fn span_of(text: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

/// Returns the error of a head that exceeds its limit. `text` is the part that was read; it may end within a target
/// that is too long.
pub(super) fn too_large(text: &[u8], error: io::Error) -> Error {
    let target = text.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    match error.kind() {
        io::ErrorKind::FileTooLarge if target.len() > TARGET_MAX => target_too_long(),
        io::ErrorKind::FileTooLarge => {
            Error::head_too_large("head", format!("is longer than {HEAD_MAX} bytes"))
        }
        _ => Error::io("head", error),
    }
}

pub(super) fn target_too_long() -> Error {
    Error::name_too_long("target", format!("is longer than {TARGET_MAX} bytes"))
}

fn too_many(section: &str) -> Error {
    Error::head_too_large(section, format!("has more than {FIELDS_MAX} fields"))
}

pub(super) fn bad_head(text: &[u8], error: httparse::Error) -> Error {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    match error {
        httparse::Error::TooManyHeaders => too_many("head"),
        httparse::Error::Version if line.trim_ascii_end().len() > 8 && contains_http(line) => {
            Error::version_not_supported("request", "speaks another version than HTTP/1.1")
        }
        error => Error::invalid("head", error.to_string()),
    }
}

/// Returns whether a start line has three parts, the last of them a version of HTTP.
fn contains_http(line: &[u8]) -> bool {
    let words: Vec<_> = line.trim_ascii_end().split(|&byte| byte == b' ').collect();
    matches!(words[..], [_, _, version] if version.starts_with(b"HTTP/"))
}
