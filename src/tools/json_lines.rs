//! Matching lines as JSON: turns the numbered lines of a search into one object a line, with `name`, `line_number` and
//! `line`, and with `line_bytes` if the line is not UTF-8. It holds no whole line in memory, which may be of any length.

use std::io::{self, Read, Seek, Write};

use memchr::memchr;
use serde_json::Value;
use tempfile::SpooledTempFile;

use crate::client::ops::list;
use crate::error::Error;
use crate::http::json_name::exact;
use crate::tools::terminal;

/// The most bytes of a name or a number before a line: the longest path has 4096.
const START_MAX: usize = 8192;
/// How many bytes of a line are held in memory; a longer one is in a temporary file.
const LINE_IN_MEMORY_MAX: usize = 64 * 1024;

/// A sink for numbered lines, `N:LINE`, or `NAME`, a NUL byte and `N:LINE`.
pub(super) struct JsonLines<'a> {
    sink: &'a mut dyn Write,
    /// The name of the file, or the beginning of the names in a directory.
    name: Vec<u8>,
    /// Whether the name in its directory comes before each line.
    has_names: bool,
    /// What comes before a line, as far as it was written.
    start: Vec<u8>,
    /// The name in a directory, once it is complete.
    below: Option<Vec<u8>>,
    /// The first bytes of an incomplete UTF-8 character, at most three; `None` before the line begins.
    begun: Option<Vec<u8>>,
    /// The bytes of the line so far.
    line: SpooledTempFile,
    /// Whether they are UTF-8.
    is_text: bool,
}

impl<'a> JsonLines<'a> {
    /// Begins at the start of a line.
    pub fn new(sink: &'a mut dyn Write, name: Vec<u8>, has_names: bool) -> Self {
        let (start, below, begun) = (Vec::new(), None, None);
        JsonLines { sink, name, has_names, start, below, begun, line: new_spool(), is_text: true }
    }

    /// Returns the sink beneath, for lines that are not turned into JSON.
    pub fn raw(&mut self) -> &mut dyn Write {
        &mut *self.sink
    }

    /// Takes a part of what comes before a line, up to its end, and returns what follows.
    fn take_start<'b>(&mut self, bytes: &'b [u8]) -> io::Result<&'b [u8]> {
        let awaits_name = self.has_names && self.below.is_none();
        let end = memchr(if awaits_name { 0 } else { b':' }, bytes);
        let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.start.extend_from_slice(part);
        if self.start.len() > START_MAX {
            return Err(bad_line());
        }
        if end.is_some() {
            let start = std::mem::take(&mut self.start);
            match awaits_name {
                true => self.below = Some(start),
                false => self.begin_line(&start)?,
            }
        }
        Ok(rest.get(1..).unwrap_or_default())
    }

    fn begin_line(&mut self, digits: &[u8]) -> io::Result<()> {
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
        let number = number.ok_or_else(bad_line)?;
        let name = [&self.name[..], &self.below.take().unwrap_or_default()].concat();
        let object = list::object(&name, &[("line_number", Value::from(number))]);
        let open = object.trim_end().trim_end_matches('}').to_owned();
        self.begun = Some(Vec::new());
        self.sink.write_all(terminal::json(open + ",\"line\":\"").as_bytes())
    }

    /// Writes a part of a line; bytes that are not UTF-8 become U+FFFD.
    fn push(&mut self, begun: Vec<u8>, part: &[u8], is_last: bool) -> io::Result<()> {
        self.line.write_all(part).map_err(|error| Error::io(SPOOL, error))?;
        let bytes = [&begun[..], part].concat();
        let mut chunks = bytes.utf8_chunks().peekable();
        let (mut text, mut left) = (String::new(), Vec::new());
        while let Some(chunk) = chunks.next() {
            text += chunk.valid();
            let may_continue =
                std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            match chunks.peek().is_none() && may_continue && !is_last {
                true => left = chunk.invalid().to_vec(),
                false if chunk.invalid().is_empty() => {}
                false => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.is_text = false;
                }
            }
        }
        self.begun = (!is_last).then_some(left);
        let quoted = terminal::json(Value::from(text).to_string());
        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
        self.sink.write_all(inner.as_bytes())?;
        if is_last { self.end_line() } else { Ok(()) }
    }

    /// Writes the exact bytes of a line that is not UTF-8, and the end of the object.
    fn end_line(&mut self) -> io::Result<()> {
        let mut line = std::mem::replace(&mut self.line, new_spool());
        if !std::mem::replace(&mut self.is_text, true) {
            self.sink.write_all(b"\",\"line_bytes\":\"")?;
            let named = |error| Error::io(SPOOL, error);
            line.rewind().map_err(named)?;
            let mut block = [0; 8192];
            loop {
                match line.read(&mut block).map_err(named)? {
                    0 => break,
                    read => {
                        self.sink.write_all(exact(block.get(..read).unwrap_or_default()).as_bytes())?;
                    }
                }
            }
        }
        self.sink.write_all(b"\"}\n")
    }
}

impl Write for JsonLines<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut bytes = block;
        while !bytes.is_empty() {
            bytes = match self.begun.take() {
                None => self.take_start(bytes)?,
                Some(begun) => {
                    let end = memchr(b'\n', bytes);
                    let (part, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                    self.push(begun, part, end.is_some())?;
                    rest.get(1..).unwrap_or_default()
                }
            };
        }
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// The name of the temporary file in error messages.
const SPOOL: &str = "temporary file";

fn new_spool() -> SpooledTempFile {
    SpooledTempFile::new(LINE_IN_MEMORY_MAX)
}

fn bad_line() -> io::Error {
    Error::bad_response("answer", "holds a line without its number").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_objects_wherever_the_bytes_are_cut() {
        let rows: [(&[u8], bool, &str); 3] = [
            (
                b"3:a \"b\"\n12:\n",
                false,
                "{\"line_number\":3,\"name\":\":d/\",\"line\":\"a \\\"b\\\"\"}\n{\"line_number\":12,\"name\":\":d/\",\"line\":\"\"}\n",
            ),
            (
                b"e:1\x001:\xc3\xa9:\xff\xc3\n",
                true,
                "{\"line_number\":1,\"name\":\":d/e:1\",\"line\":\"\u{e9}:\u{fffd}\u{fffd}\",\"line_bytes\":\"%C3%A9%3A%FF%C3\"}\n",
            ),
            (b"", true, ""),
        ];
        for (lines, has_names, objects) in rows {
            for at in 0..=lines.len() {
                let mut out = Vec::new();
                let mut json = JsonLines::new(&mut out, b":d/".to_vec(), has_names);
                json.write_all(&lines[..at]).unwrap();
                json.write_all(&lines[at..]).unwrap();
                assert_eq!(String::from_utf8(out).unwrap(), objects, "cut at {at}");
            }
        }
        let mut out = Vec::new();
        let mut json = JsonLines::new(&mut out, Vec::new(), false);
        // Longer than what is held in memory, and nothing of it comes with the next line.
        json.write_all(&[b"1:".to_vec(), vec![0xff; 2 * LINE_IN_MEMORY_MAX], b"\n2:a\n".to_vec()].concat())
            .unwrap();
        let exactly = format!("\"line_bytes\":\"{}\"}}\n", "%FF".repeat(2 * LINE_IN_MEMORY_MAX));
        let out = String::from_utf8(out).unwrap();
        assert!(out.contains(&exactly) && out.ends_with("\"line\":\"a\"}\n"));
        for bad in [&b"x:line\n"[..], b":line\n", &[b'1'; START_MAX + 1]] {
            let mut out = Vec::new();
            assert!(JsonLines::new(&mut out, Vec::new(), false).write_all(bad).is_err());
        }
    }
}
