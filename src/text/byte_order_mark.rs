//! The byte order mark at the beginning of a text (Unicode 23.8): it says how the text is coded and is part of no word, so a
//! filter that moves words leaves it where it is. It knows no filter.

use std::io::{self, Read};

use super::{ReadAt, read_exact_at};

/// U+FEFF in UTF-8.
pub(super) const MARK: [u8; 3] = *b"\xef\xbb\xbf";

/// Whether a text that can be read anywhere begins with the mark.
pub(super) fn begins_with_mark(text: &dyn ReadAt) -> io::Result<bool> {
    let mut start = [0; MARK.len()];
    if text.size() < MARK.len() as u64 {
        return Ok(false);
    }
    read_exact_at(text, &mut start, 0).map(|()| start == MARK)
}

/// Takes the beginning of a stream as far as it may be the mark, and reads no further: what has come is not kept waiting.
pub(super) fn take_start(bytes: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(MARK.len());
    while start.len() < MARK.len() && MARK.starts_with(&start) {
        let wanted = (MARK.len() - start.len()) as u64;
        let mut part = [0; MARK.len()];
        match bytes.take(wanted).read(&mut part) {
            Ok(0) => break,
            Ok(read) => start.extend_from_slice(part.get(..read).unwrap_or_default()),
            Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => {}
            Err(wrong) => return Err(wrong),
        }
    }
    Ok(start)
}

/// What is behind the mark of a text.
pub(super) struct Behind<'a>(pub(super) &'a dyn ReadAt);

impl ReadAt for Behind<'_> {
    fn size(&self) -> u64 {
        self.0.size().saturating_sub(MARK.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset.saturating_add(MARK.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_no_further_than_it_may_be_the_mark() {
        let rows: [(&[u8], &[u8], &[u8]); 6] = [
            (b"\xef\xbb\xbfab", &MARK, b"ab"),
            (b"\xef\xbbab", b"\xef\xbba", b"b"),
            (b"a", b"a", b""),
            (b"", b"", b""),
            (b"\xef", b"\xef", b""),
            (b"abcd", b"abc", b"d"),
        ];
        for (text, start, rest) in rows {
            let mut bytes = text;
            assert_eq!(take_start(&mut bytes).unwrap(), start);
            assert_eq!(bytes, rest);
            // A byte a time no more is taken than is needed.
            let mut single = Single(text);
            let taken = take_start(&mut single).unwrap();
            assert!(taken.len() <= 1 || MARK.starts_with(&taken[..taken.len() - 1]), "{taken:?}");
        }
    }

    struct Single<'a>(&'a [u8]);

    impl Read for Single<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut out[..1])
        }
    }
}
