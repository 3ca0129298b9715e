//! The lines of a head or a trailer section, read within a limit. `head` parses them.

use std::io::{self, BufRead};

use crate::error::Error;

/// Appends the lines up to the empty one that ends a head or a trailer section. Skips empty lines before the first (RFC 9112
/// §2.2). False at the end of the stream. A `strict` reader refuses a line that ends in a bare LF: a proxy may not take it
/// for a line end.
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
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            block => block?,
        };
        if block.is_empty() {
            return match text.is_empty() {
                true => Ok(false),
                false => Err(Error::interrupted("head", "ended before it was whole").into()),
            };
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
