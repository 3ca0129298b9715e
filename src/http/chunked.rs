//! The chunked transfer coding (RFC 9112 §7.1): a decoder, which is a state machine, and the framing of a chunk. Lines end
//! in CRLF only: a lenient decoder allows request smuggling.

use std::io::{self, BufRead};

use super::fields::Fields;
use super::head::parse_fields;
use super::limits::{CHUNK_LINE_MAX, TRAILERS_MAX};
use super::lines::read_lines;
use crate::error::Error;

/// Decodes one chunked body: what it expects next.
#[derive(Debug)]
pub enum Decoder {
    /// The line with the size of a chunk.
    Size,
    /// This many bytes of a chunk.
    Data(u64),
    /// The line end after a chunk.
    DataEnd,
    /// The trailer section after the last chunk.
    Trailers,
    /// Nothing: the body is complete.
    Done(Fields),
}

impl Decoder {
    /// Returns the trailer fields of a complete body; none before.
    pub fn take_trailers(&mut self) -> Fields {
        match self {
            Decoder::Done(trailers) => std::mem::take(trailers),
            _ => Fields::new(),
        }
    }

    /// Returns whether the body is complete.
    pub fn is_done(&self) -> bool {
        matches!(self, Decoder::Done(_))
    }

    /// Reads decoded bytes; 0 only at the end of a complete body.
    pub fn read(&mut self, input: &mut impl BufRead, out: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match self {
                Decoder::Size => match read_size(input)? {
                    0 => Decoder::Trailers,
                    size => Decoder::Data(size),
                },
                Decoder::Data(0) => Decoder::DataEnd,
                Decoder::Data(left) => return read_part(input, left, out),
                Decoder::DataEnd => {
                    let mut end = [0; 2];
                    input.read_exact(&mut end).map_err(cut_at_end)?;
                    if end != *b"\r\n" {
                        return Err(bad("is longer than its size says"));
                    }
                    Decoder::Size
                }
                Decoder::Trailers => Decoder::Done(read_trailers(input)?),
                Decoder::Done(_) => return Ok(0),
            };
        }
    }
}

/// Reads some of the `left` bytes that must still come.
pub(super) fn read_part(input: &mut impl BufRead, left: &mut u64, out: &mut [u8]) -> io::Result<usize> {
    let most = usize::try_from(*left).unwrap_or(usize::MAX).min(out.len());
    let read = input.read(out.get_mut(..most).unwrap_or_default())?;
    *left -= read as u64;
    if read == 0 && most > 0 { Err(cut()) } else { Ok(read) }
}

/// Reads `size[;extensions]CRLF`; extensions are ignored, but must be well-formed.
fn read_size(input: &mut impl BufRead) -> io::Result<u64> {
    let mut line = Vec::with_capacity(16);
    let most = CHUNK_LINE_MAX as u64 + 1;
    io::Read::take(&mut *input, most).read_until(b'\n', &mut line)?;
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(if line.len() > CHUNK_LINE_MAX {
            bad("has a size line that is too long")
        } else {
            cut()
        });
    };
    let Some(line) = line.strip_suffix(b"\r").filter(|line| !line.contains(&b'\r')) else {
        return Err(bad("has a size line that does not end in CRLF"));
    };
    let end = line.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extensions) = line.split_at_checked(end).unwrap_or((line, b""));
    if !are_extensions(extensions) && skip_blanks(extensions).starts_with(b";") {
        return Err(bad("has extensions that are none"));
    }
    let valid = (1..=16).contains(&digits.len()) && are_extensions(extensions);
    let text = std::str::from_utf8(digits).ok().filter(|_| valid);
    text.and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or_else(|| bad("has a size that is not a number"))
}

/// Returns whether these are extensions of a chunk, none or more: `;name`, `;name=token` or `;name="quoted"`, with
/// white space around the marks (RFC 9112 §7.1.1).
fn are_extensions(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let Some(named) = skip_blanks(rest).strip_prefix(b";") else { return false };
        let Some(after) = skip_token(skip_blanks(named)) else { return false };
        rest = match skip_blanks(after).strip_prefix(b"=") {
            None => after,
            Some(value) => match skip_value(skip_blanks(value)) {
                Some(after) => after,
                None => return false,
            },
        };
    }
    true
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !b" \t".contains(byte)).unwrap_or(text.len());
    text.get(end..).unwrap_or_default()
}

/// Returns what follows a token (RFC 9110 §5.6.2).
fn skip_token(text: &[u8]) -> Option<&[u8]> {
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = text.iter().position(|byte| !is_of_token(byte)).unwrap_or(text.len());
    text.get(end..).filter(|_| end > 0)
}

/// Returns what follows a token or a quoted string (RFC 9110 §5.6.4).
fn skip_value(text: &[u8]) -> Option<&[u8]> {
    let Some(mut rest) = text.strip_prefix(b"\"") else { return skip_token(text) };
    loop {
        rest = match rest {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'\t' | b' '..=b'~' | 0x80.., after @ ..] => after,
            [b'\t' | b' '..=b'~' | 0x80.., after @ ..] => after,
            _ => return None,
        };
    }
}

fn read_trailers(input: &mut impl BufRead) -> io::Result<Fields> {
    let mut text = Vec::new();
    // Byte by byte: a client that ends with a bare LF sends no more.
    for end in b"\r\n" {
        let mut byte = [0; 1];
        input.read_exact(&mut byte).map_err(cut_at_end)?;
        text.extend_from_slice(&byte);
        if byte == [b'\n'] && *end != b'\n' {
            return Err(bad("has a trailer section that does not end in CRLF"));
        }
        if byte != [*end] {
            break;
        }
    }
    if text == b"\r\n" {
        return Ok(Fields::new());
    }
    match read_lines(input, &mut text, TRAILERS_MAX, false) {
        Ok(_)
            if memchr::memchr_iter(b'\n', &text)
                .any(|at| !text.get(..at).is_some_and(|line| line.ends_with(b"\r"))) =>
        {
            Err(bad("has a trailer that does not end in CRLF"))
        }
        Ok(_) => Ok(parse_fields(text)?),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(Error::head_too_large("trailers", format!("are longer than {TRAILERS_MAX} bytes")).into())
        }
        Err(error) => Err(error),
    }
}

fn bad(what: &str) -> io::Error {
    Error::invalid("chunk", what).into()
}

/// Maps EOF within a body to an error that says so; any other error, such as a timeout, is returned as it is.
fn cut_at_end(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { cut() } else { error }
}

fn cut() -> io::Error {
    Error::interrupted("body", "ended before it was whole").into()
}

/// Makes `block` one chunk on the wire, in `out`.
pub fn write_chunk(out: &mut Vec<u8>, block: &[u8]) {
    out.extend_from_slice(chunk_head(block).as_bytes());
    out.extend_from_slice(block);
    out.extend_from_slice(CHUNK_END);
}

/// Returns the line before a chunk's data.
pub fn chunk_head(block: &[u8]) -> String {
    format!("{:x}\r\n", block.len())
}

/// The line end after a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::io::Read;

    fn decode(wire: &[u8], cut_at: usize) -> io::Result<(Vec<u8>, Decoder)> {
        let (one, two) = wire.split_at(cut_at);
        let mut input = one.chain(two);
        let (mut decoder, mut body, mut block) = (Decoder::Size, Vec::new(), [0; 3]);
        loop {
            match decoder.read(&mut input, &mut block)? {
                0 => return Ok((body, decoder)),
                read => body.extend_from_slice(&block[..read]),
            }
        }
    }

    #[test]
    fn a_body_decodes_the_same_wherever_it_is_cut_in_two() {
        let wire = b"5\r\nhello\r\n00A;name=\"v\"\r\n, world!\r\n\r\n0\r\nDigest: x\r\nB: c\r\n\r\nrest";
        for at in 0..=wire.len() {
            let (body, mut decoder) = decode(wire, at).unwrap();
            assert_eq!(body, b"hello, world!\r\n", "cut at {at}");
            let trailers = decoder.take_trailers();
            assert_eq!((trailers.get("digest"), trailers.get("b")), (Some(&b"x"[..]), Some(&b"c"[..])));
        }
    }

    #[test]
    fn a_body_that_ends_early_is_never_whole() {
        let wire = b"5\r\nhello\r\n0\r\nA: b\r\n\r\n";
        for end in 0..wire.len() {
            let error = decode(&wire[..end], 0).unwrap_err();
            assert!(
                Error::io("body", error).to_string().contains("ended before it was whole"),
                "end at {end}"
            );
        }
        assert!(decode(wire, 0).is_ok());
    }

    #[test]
    fn extensions_of_the_grammar_are_passed_over() {
        for line in ["5", "5;a", "5 ; a", "5;a=b;c", "5\t;\ta = b", "5;a=\"b;\\\"\u{e9} \"", "5;a=\"\";!#$=~"]
        {
            let wire = format!("{line}\r\nhello\r\n0;z\r\n\r\n");
            assert_eq!(decode(wire.as_bytes(), 0).unwrap().0, b"hello", "{line}");
        }
    }

    #[test]
    fn a_line_that_can_be_read_in_two_ways_is_refused() {
        let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(CHUNK_LINE_MAX));
        let rows: [&[u8]; 27] = [
            b"5\nhello\r\n0\r\n\r\n",
            b"5\r\nhello0\r\n\r\n",
            b"5\r\nhello\n0\r\n\r\n",
            b"\r\nhello\r\n0\r\n\r\n",
            b"-5\r\nhello\r\n0\r\n\r\n",
            b"0x5\r\nhello\r\n0\r\n\r\n",
            b" 5\r\nhello\r\n0\r\n\r\n",
            b"5 \r\nhello\r\n0\r\n\r\n",
            b"5\r;\r\nhello\r\n0\r\n\r\n",
            b"10000000000000005\r\nhello\r\n0\r\n\r\n",
            b"0\r\nA : b\r\n\r\n",
            b"0\r\n\nA: b\r\n\r\n",
            b"0\r\nA: b\n\n",
            b"0\r\nA: b\n\r\n",
            b"0\r\nA: b\r\n\n",
            b"5\x0c;x\r\nhello\r\n0\r\n\r\n",
            b"0\r\n\n",
            b"5;\r\nhello\r\n0\r\n\r\n",
            b"5;=v\r\nhello\r\n0\r\n\r\n",
            b"5;n=\r\nhello\r\n0\r\n\r\n",
            b"5;n=\"v\r\nhello\r\n0\r\n\r\n",
            b"5;n=\"v\"x\r\nhello\r\n0\r\n\r\n",
            b"5;n n\r\nhello\r\n0\r\n\r\n",
            b"5;n=\x01\r\nhello\r\n0\r\n\r\n",
            b"5;n=\"\x00\"\r\nhello\r\n0\r\n\r\n",
            b"5 n\r\nhello\r\n0\r\n\r\n",
            long.as_bytes(),
        ];
        for wire in rows {
            let error = decode(wire, 0).map(|(body, _)| body).unwrap_err();
            assert_eq!(Error::io("body", error).kind(), ErrorKind::Invalid, "{}", crate::error::shown(wire));
        }
    }
}
