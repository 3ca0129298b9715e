//! The lines that hold an occurrence, whatever their length. What an occurrence is belongs to `word.rs`.

use std::io;

use memchr::{memchr, memchr_iter, memrchr};

use super::visit::Visit;
use super::{OutputBuffer, ReadAt, Replay};

/// The most bytes of a line that are kept in memory while no occurrence has been found in it.
const LINE_MAX: usize = 64 * 1024;

/// Writes the lines that hold at least one byte of an occurrence.
pub(super) struct MatchingLines<'a, 'w> {
    output: OutputBuffer<'w>,
    /// The beginning of the line, if it is too long for memory.
    replay: Replay<'a>,
    /// The line, or what follows its beginning.
    line: Vec<u8>,
    /// The offset of the line in the source, and of the next byte.
    line_start: u64,
    offset: u64,
    /// Whether the line holds an occurrence, and so is written as it comes.
    matched: bool,
    /// The number of the line, where lines are numbered.
    number: Option<u64>,
}

impl<'a, 'w> MatchingLines<'a, 'w> {
    pub(super) fn new(output: OutputBuffer<'w>, replay: Replay<'a>, numbered: bool) -> Self {
        let number = numbered.then_some(1);
        MatchingLines { output, replay, line: Vec::new(), line_start: 0, offset: 0, matched: false, number }
    }

    /// Ends a last line that has no newline.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.matched {
            self.output.push(b"\n")?;
        }
        self.output.flush()
    }

    /// Counts the newlines in these bytes.
    fn count_lines(&mut self, bytes: &[u8]) {
        if let Some(number) = &mut self.number {
            *number += memchr_iter(b'\n', bytes).count() as u64;
        }
    }

    /// Writes the number of the line, if lines are numbered.
    fn push_number(&mut self) -> io::Result<()> {
        match self.number {
            Some(number) => self.output.push(format!("{number}:").as_bytes()),
            None => Ok(()),
        }
    }

    /// Keeps a part of a line that may still match.
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.line.len() + bytes.len() <= LINE_MAX {
            self.line.extend_from_slice(bytes);
            return Ok(());
        }
        if self.replay.size() == 0 {
            self.replay.restart(self.line_start)?;
        }
        self.replay.push(&self.line)?;
        self.line.clear();
        self.replay.push(bytes)
    }

    /// Drops what is kept: the next line begins at `line_start`.
    fn drop_line(&mut self, line_start: u64) -> io::Result<()> {
        self.line_start = line_start;
        self.line.clear();
        if self.replay.size() > 0 {
            self.replay.restart(line_start)?;
        }
        Ok(())
    }
}

impl Visit for MatchingLines<'_, '_> {
    fn visit(&mut self, unmatched: &[u8], occurrence: Option<&[u8]>) -> io::Result<()> {
        if !unmatched.is_empty() {
            self.unmatched(unmatched)?;
        }
        match occurrence {
            Some(bytes) => self.matched(bytes),
            None => self.output.flush(),
        }
    }
}

impl MatchingLines<'_, '_> {
    /// Ends the line of an occurrence, and keeps the last line, which may still match.
    fn unmatched(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        self.offset += bytes.len() as u64;
        self.count_lines(bytes);
        if self.matched {
            let end = memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
            let (line, after) = rest.split_at(end);
            self.output.push(line)?;
            self.matched = !line.ends_with(b"\n");
            rest = after;
            self.line_start = self.offset - rest.len() as u64;
        }
        if let Some(newline) = memrchr(b'\n', rest) {
            rest = rest.get(newline + 1..).unwrap_or_default();
            self.drop_line(self.offset - rest.len() as u64)?;
        }
        self.keep(rest)
    }

    /// Shows the lines of an occurrence.
    fn matched(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        if !self.matched {
            self.push_number()?;
            self.output.push_from(&self.replay, 0, self.replay.size())?;
            self.output.push(&self.line)?;
        }
        for (at, part) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
            if at > 0 {
                self.push_number()?;
            }
            self.output.push(part)?;
            self.count_lines(part);
        }
        self.matched = !bytes.ends_with(b"\n");
        self.drop_line(self.offset)
    }
}
