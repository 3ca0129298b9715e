//! The byte order mark at the beginning of a text (Unicode 23.8). It marks the encoding and is part of no word, so a filter that
//! moves words leaves it in place.

use std::io::{self, Read};

use super::read_at::{ReadAt, read_exact_at, read_some};

/// U+FEFF in UTF-8.
pub const BYTE_ORDER_MARK: [u8; 3] = *b"\xef\xbb\xbf";

/// Returns whether a file begins with the mark.
pub(super) fn has_mark(text: &dyn ReadAt) -> io::Result<bool> {
    let mut start = [0; BYTE_ORDER_MARK.len()];
    if text.size() < BYTE_ORDER_MARK.len() as u64 {
        return Ok(false);
    }
    read_exact_at(text, &mut start, 0).map(|()| start == BYTE_ORDER_MARK)
}

/// Reads from a stream while what was read is a prefix of the mark, and no further: bytes that have arrived do not wait for more.
pub(super) fn read_prefix(bytes: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(BYTE_ORDER_MARK.len());
    while start.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(&start) {
        let wanted = BYTE_ORDER_MARK.len() - start.len();
        let mut part = [0; BYTE_ORDER_MARK.len()];
        match read_some(bytes, part.get_mut(..wanted).unwrap_or_default())? {
            0 => break,
            count => start.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
    }
    Ok(start)
}

/// What follows the mark of a file.
pub(super) struct AfterMark<'a>(pub(super) &'a dyn ReadAt);

impl ReadAt for AfterMark<'_> {
    fn size(&self) -> u64 {
        self.0.size().saturating_sub(BYTE_ORDER_MARK.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset.saturating_add(BYTE_ORDER_MARK.len() as u64))
    }

    fn read_size(&self) -> usize {
        self.0.read_size()
    }

    fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        self.0.run_on_threads(help, own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_no_further_than_it_may_be_the_mark() {
        let rows: [(&[u8], &[u8], &[u8]); 6] = [
            (b"\xef\xbb\xbfab", &BYTE_ORDER_MARK, b"ab"),
            (b"\xef\xbbab", b"\xef\xbba", b"b"),
            (b"a", b"a", b""),
            (b"", b"", b""),
            (b"\xef", b"\xef", b""),
            (b"abcd", b"abc", b"d"),
        ];
        for (text, start, rest) in rows {
            let mut bytes = text;
            assert_eq!(read_prefix(&mut bytes).unwrap(), start);
            assert_eq!(bytes, rest);
            // From reads of one byte, no more is taken than needed.
            let mut single = Single(text);
            let taken = read_prefix(&mut single).unwrap();
            assert!(taken.len() <= 1 || BYTE_ORDER_MARK.starts_with(&taken[..taken.len() - 1]), "{taken:?}");
        }
    }

    struct Single<'a>(&'a [u8]);

    impl Read for Single<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut out[..1])
        }
    }
}
