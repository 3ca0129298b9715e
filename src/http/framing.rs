//! Message framing: the length of a body, determined once, from the head alone (RFC 9112 §6.3). A message with an ambiguous
//! length is refused. No other file reads these fields.

use super::authority::is_host;
use super::{Fields, Request, Response, Version};
use crate::error::{Error, ErrorKind, Result};

/// How a body is delimited on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, then a trailer section.
    Chunked,
    /// All bytes until the connection closes; only for responses.
    UntilClose,
}

/// Returns the framing of a request. Every error has kind `Invalid`, or `NotImplemented` for a transfer coding, and
/// means that no further request can be read from the connection.
pub fn of_request(request: &Request) -> Result<Framing> {
    let fields = &request.fields;
    match (fields.get_once("Host")?, request.version) {
        (None, Version::Http11) => return Err(Error::invalid("Host", "is missing")),
        (Some(host), _) if !is_host(host) => return Err(Error::invalid("Host", "is not a host")),
        _ => {}
    }
    match of_fields(fields, ErrorKind::Invalid)? {
        Some(Framing::Chunked) if request.version == Version::Http10 => {
            Err(Error::invalid("Transfer-Encoding", "is not allowed in HTTP/1.0"))
        }
        framing => Ok(framing.unwrap_or(Framing::None)),
    }
}

/// Returns the framing of a response to a request with this method.
pub fn of_response(response: &Response, method: &str) -> Result<Framing> {
    if method == "HEAD" || matches!(response.status, 100..=199 | 204 | 304) {
        return Ok(Framing::None);
    }
    Ok(of_fields(&response.fields, ErrorKind::BadResponse)?.unwrap_or(Framing::UntilClose))
}

/// Returns the framing that the fields determine, if they do. The error has this kind where they contradict each other.
fn of_fields(fields: &Fields, contradiction: ErrorKind) -> Result<Option<Framing>> {
    match (is_chunked(fields)?, length(fields)?) {
        (true, Some(_)) => Err(Error::new(contradiction, "Content-Length", "comes with Transfer-Encoding")),
        (true, None) => Ok(Some(Framing::Chunked)),
        (false, length) => Ok(length.map(Framing::Length)),
    }
}

/// The transfer codings besides `chunked` that are registered (RFC 9112 §7.2). None of them is decoded.
const REGISTERED: [&str; 5] = ["gzip", "x-gzip", "deflate", "compress", "x-compress"];

/// Returns whether the body is chunked: `Transfer-Encoding` is absent, or `chunked` exactly once. A registered coding
/// before it is not supported (501, RFC 9112 §6.1), an unknown one invalid; without `chunked` at the end the length is
/// unknown.
fn is_chunked(fields: &Fields) -> Result<bool> {
    let is_last = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    let unclear = || Error::invalid("Transfer-Encoding", "is not `chunked`, once");
    match fields.get_once("transfer-encoding").map_err(|_| unclear())? {
        None => Ok(false),
        Some(value) if is_last(value) => Ok(true),
        Some(_) => {
            let mut codings = fields.members("transfer-encoding").collect::<Vec<_>>();
            let ends_chunked = codings.pop().is_some_and(is_last);
            let is_registered =
                |coding: &&[u8]| REGISTERED.iter().any(|known| coding.eq_ignore_ascii_case(known.as_bytes()));
            match ends_chunked && !codings.is_empty() && codings.iter().all(is_registered) {
                true => Err(Error::not_implemented("Transfer-Encoding", "names a coding besides `chunked`")),
                false => Err(unclear()),
            }
        }
    }
}

/// Returns the value of `Content-Length`, which is absent or one number. Two are refused, also where they are equal.
fn length(fields: &Fields) -> Result<Option<u64>> {
    let bad = || Error::invalid("Content-Length", "is not one number, once");
    let Some(value) = fields.get_once("content-length").map_err(|_| bad())? else { return Ok(None) };
    let digits = std::str::from_utf8(value).ok().filter(|_| value.iter().all(u8::is_ascii_digit));
    digits.and_then(|digits| digits.parse().ok()).map(Some).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn request(fields: &str) -> Result<Framing> {
        let (version, fields) = fields.strip_prefix("1.0 ").map_or(("1.1", fields), |rest| ("1.0", rest));
        let text = format!("PUT /f HTTP/{version}\r\n{fields}\r\n");
        of_request(&Request::read(&mut text.as_bytes(), None)?.unwrap())
    }

    #[test]
    fn a_request_is_framed_in_one_way_or_refused() {
        let host = "Host: h\r\n";
        let rows = [
            ("", Some(Framing::None)),
            ("Content-Length: 0\r\n", Some(Framing::Length(0))),
            ("Content-Length: 18446744073709551615\r\n", Some(Framing::Length(u64::MAX))),
            ("Transfer-Encoding: Chunked\r\n", Some(Framing::Chunked)),
            ("Content-Length: 18446744073709551616\r\n", None),
            ("Content-Length: +1\r\n", None),
            ("Content-Length: \r\n", None),
            ("Content-Length: 1 1\r\n", None),
            ("Content-Length: 1, 1\r\n", None),
            ("Content-Length: 1\r\nContent-Length: 1\r\n", None),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", None),
            ("Transfer-Encoding: chunked, gzip\r\n", None),
            ("Transfer-Encoding: chunked, chunked\r\n", None),
            ("Transfer-Encoding: ,chunked\r\n", None),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", None),
            ("Transfer-Encoding: identity\r\n", None),
            ("Transfer-Encoding: x-unknown, chunked\r\n", None),
            ("Transfer-Encoding: gzip, x-unknown, chunked\r\n", None),
            ("Transfer-Encoding: x;q=\"chunked\", chunked\r\n", None),
            ("Transfer-Encoding: \r\n", None),
        ];
        for (fields, framing) in rows {
            let got = request(&format!("{host}{fields}"));
            match framing {
                Some(framing) => assert_eq!(got.unwrap(), framing, "{fields}"),
                None => assert_eq!(got.unwrap_err().kind(), ErrorKind::Invalid, "{fields}"),
            }
        }
        for codings in ["gzip, chunked", "GZIP,deflate, Chunked", "x-compress, chunked"] {
            let got = request(&format!("{host}Transfer-Encoding: {codings}\r\n"));
            assert_eq!(got.unwrap_err().kind(), ErrorKind::NotImplemented, "{codings}");
        }
        assert!(request("").is_err() && request("Host: a\r\nHost: a\r\n").is_err());
        for host in [
            "",
            "h",
            "h:1",
            "[::1]:8398",
            "[fe80::1%25eth0]",
            "a_b.example:",
            "%41",
            "127.0.0.1:65535",
            "a!b;c=d,e",
        ] {
            assert!(request(&format!("Host: {host}\r\n")).is_ok(), "{host}");
        }
        for host in ["a b", "a, b", "u@h", "h/x", "h?x", "h#x", "h\\x", "é"] {
            assert!(request(&format!("Host: {host}\r\n")).is_err(), "{host}");
        }
        for host in
            ["h:abc", "h:99999", "h:+1", "a:b:c", "[::1", "[::1]x", "[::1]1", "[]", "[h]", "::1", "%zz", "h%"]
        {
            assert!(request(&format!("Host: {host}\r\n")).is_err(), "{host}");
        }
        assert_eq!(request("1.0 ").unwrap(), Framing::None);
        assert!(request("1.0 Transfer-Encoding: chunked\r\n").is_err());
    }

    #[test]
    fn an_answer_without_length_ends_with_its_connection() {
        let rows = [
            ("200 OK\r\n", "GET", Framing::UntilClose),
            ("200 OK\r\nContent-Length: 3\r\n", "GET", Framing::Length(3)),
            ("200 OK\r\nContent-Length: 3\r\n", "HEAD", Framing::None),
            ("204 No Content\r\n", "PUT", Framing::None),
            ("304 Not Modified\r\nContent-Length: 3\r\n", "GET", Framing::None),
            ("200 OK\r\nTransfer-Encoding: chunked\r\n", "GET", Framing::Chunked),
        ];
        for (text, method, framing) in rows {
            let text = format!("HTTP/1.1 {text}\r\n");
            let response = Response::read(&mut text.as_bytes()).unwrap().unwrap();
            assert_eq!(of_response(&response, method).unwrap(), framing, "{text}");
        }
    }
}
