//! Output to a terminal: control characters in file contents and names are made visible, so that they cannot change the
//! terminal's settings. Used only when standard output is a terminal.

use std::io::{self, IsTerminal, Write};

use crate::error::{is_control, shown};

/// A writer that shows control characters as `cat -v` does; newlines, tabs and UTF-8 are written unchanged.
pub struct Visible<W> {
    output: W,
    /// The first bytes of an incomplete UTF-8 character, at most three.
    begun: Vec<u8>,
}

impl<W: Write> Visible<W> {
    /// Makes a writer on top of another.
    pub fn new(output: W) -> Self {
        Visible { output, begun: Vec::new() }
    }

    /// Returns the inner writer, for output that is not escaped.
    pub fn raw(&mut self) -> &mut W {
        &mut self.output
    }

    /// Shows an incomplete character at the end, and returns the inner writer.
    pub fn finish(mut self) -> io::Result<W> {
        let mut line = Vec::new();
        self.begun.iter().for_each(|&byte| push_visible(&mut line, byte));
        self.output.write_all(&line)?;
        self.output.flush()?;
        Ok(self.output)
    }
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut bytes = std::mem::take(&mut self.begun);
        bytes.extend_from_slice(block);
        let mut line = Vec::with_capacity(bytes.len());
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            push_text(&mut line, chunk.valid());
            if chunks.peek().is_none() && may_continue(chunk.invalid()) {
                self.begun = chunk.invalid().to_vec();
            } else {
                chunk.invalid().iter().for_each(|&byte| push_visible(&mut line, byte));
            }
        }
        self.output.write_all(&line)?;
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Returns whether these bytes are the beginning of a UTF-8 character.
fn may_continue(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

fn push_text(line: &mut Vec<u8>, text: &str) {
    let mut utf8 = [0; 4];
    for char in text.chars() {
        let bytes = char.encode_utf8(&mut utf8).as_bytes();
        match char {
            '\n' | '\t' => line.extend_from_slice(bytes),
            char if is_control(char) => bytes.iter().for_each(|&byte| push_visible(line, byte)),
            _ => line.extend_from_slice(bytes),
        }
    }
}

/// Formats a byte: `^X` for a control character, `M-` before a byte above 127.
fn push_visible(line: &mut Vec<u8>, byte: u8) {
    if byte >= 0x80 {
        line.extend_from_slice(b"M-");
    }
    match byte & 0x7f {
        low @ (0..0x20 | 0x7f) => line.extend_from_slice(&[b'^', low ^ 0x40]),
        low => line.push(low),
    }
}

/// Formats a name for standard output: unchanged, but escaped on a terminal.
pub fn name(name: &[u8]) -> Vec<u8> {
    match is_stdout() {
        true => shown(name).into_bytes(),
        false => name.to_vec(),
    }
}

/// Formats JSON for standard output: on a terminal, control characters are escaped (RFC 8259 §7). They occur in strings
/// only, so the value stays the same.
pub fn json(text: String) -> String {
    let is_harmless = |char: char| char == '\n' || !is_control(char);
    if !is_stdout() || text.chars().all(is_harmless) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            char if is_harmless(char) => line.push(char),
            char => line += &format!("\\u{:04x}", u32::from(char)),
        }
    }
    line
}

/// Returns whether standard output is a terminal.
pub fn is_stdout() -> bool {
    io::stdout().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_wherever_the_bytes_are_cut() {
        let rows: [(&[u8], &str); 6] = [
            ("a\u{202e}b\u{5d0}".as_bytes(), "aM-bM-^@M-.b\u{5d0}"),
            ("é\tb\n".as_bytes(), "é\tb\n"),
            (b"\x1b[2J\x07\x7f\r\n", "^[[2J^G^?^M\n"),
            (b"a\xff\x80b", "aM-^?M-^@b"),
            ("\u{9b}31m".as_bytes(), "M-BM-^[31m"),
            (b"end \xe2\x82", "end M-bM-^B"),
        ];
        for (bytes, shown) in rows {
            for at in 0..=bytes.len() {
                let mut visible = Visible::new(Vec::new());
                visible.write_all(&bytes[..at]).unwrap();
                visible.write_all(&bytes[at..]).unwrap();
                assert_eq!(String::from_utf8(visible.finish().unwrap()).unwrap(), shown, "cut at {at}");
            }
        }
    }
}
