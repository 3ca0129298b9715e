//! The lines that a server finds beneath a directory, each after the name of its file and a NUL byte, which no name
//! contains: a name may hold a newline. What is written before a line is up to the caller.

use std::io::{self, Write};

use memchr::memchr;

use crate::error::Error;

/// The most bytes of a name: the longest path has 4096.
const NAME_MAX: usize = 8192;
/// The most bytes that are gathered before they are written, but for those of one block.
const GATHERED_MAX: usize = 64 * 1024;

/// A sink for such lines.
pub(super) struct NamedLines<'a> {
    sink: &'a mut dyn Write,
    /// Returns what is written before a line, made of the name of its file.
    before: &'a dyn Fn(&[u8]) -> Vec<u8>,
    /// The name before a line, as far as it was written; `None` within a line.
    name: Option<Vec<u8>>,
    is_empty: bool,
}

impl<'a> NamedLines<'a> {
    /// Begins at the start of a line.
    pub fn new(sink: &'a mut dyn Write, before: &'a dyn Fn(&[u8]) -> Vec<u8>) -> Self {
        NamedLines { sink, before, name: Some(Vec::new()), is_empty: true }
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl Write for NamedLines<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let (mut rest, mut gathered) = (block, Vec::new());
        while !rest.is_empty() {
            let end = memchr(if self.name.is_some() { 0 } else { b'\n' }, rest);
            let (part, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            rest = after;
            match &mut self.name {
                Some(name) => {
                    name.extend_from_slice(part.strip_suffix(b"\0").unwrap_or(part));
                    if name.len() > NAME_MAX {
                        let error = Error::bad_response("answer", "holds a line that is not after a name");
                        return Err(error.into());
                    }
                    if end.is_some() {
                        gathered.extend((self.before)(name));
                        self.name = None;
                    }
                }
                None => {
                    gathered.extend_from_slice(part);
                    self.name = end.map(|_| Vec::new());
                }
            }
            if gathered.len() > GATHERED_MAX {
                self.sink.write_all(&gathered)?;
                gathered.clear();
            }
        }
        self.sink.write_all(&gathered)?;
        self.is_empty &= block.is_empty();
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_its_name_however_they_are_split() {
        let text = b"a\nb\0one\nc\0two:\n\nd\0\nc\0three";
        for at in 0..=text.len() {
            let (mut sink, before) = (Vec::new(), |name: &[u8]| [b"d/", name, b":"].concat());
            let mut lines = NamedLines::new(&mut sink, &before);
            let (first, second) = text.split_at(at);
            lines.write_all(first).and_then(|()| lines.write_all(second)).unwrap();
            assert_eq!(sink, b"d/a\nb:one\nd/c:two:\nd/\nd:\nd/c:three", "{at}");
        }
    }

    #[test]
    fn a_name_that_does_not_end_is_refused() {
        let (mut sink, before) = (Vec::new(), |name: &[u8]| name.to_vec());
        assert!(NamedLines::new(&mut sink, &before).write_all(&[b'a'; NAME_MAX + 1]).is_err());
    }
}
