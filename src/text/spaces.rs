//! White space in bytes: where it is, one bit a byte, so that words and gaps are found without looking at each
//! byte. It knows nothing of files.
//!
//! White space is Unicode White_Space in UTF-8. Its encodings begin with bytes that never stand inside another
//! character, so they can be told wherever they stand, in text that is valid and in bytes that are not.

/// The most bytes that white space can have.
const LONGEST: usize = 3;

/// Which bytes are white space.
#[derive(Default)]
pub(super) struct Spaces {
    bits: Vec<u64>,
}

impl Spaces {
    /// Marks the white space in `bytes`, and forgets what was marked before.
    pub(super) fn mark(&mut self, bytes: &[u8]) {
        self.bits.clear();
        let mut carry = 0;
        for (index, chunk) in bytes.chunks(64).enumerate() {
            let (mut spaces, is_ascii) = ascii_spaces(chunk);
            spaces |= carry;
            carry = 0;
            if !is_ascii {
                let wide = wide_spaces(bytes.get(index * 64..).unwrap_or_default());
                spaces |= wide as u64;
                carry = (wide >> 64) as u64;
            }
            self.bits.push(spaces);
        }
    }

    /// The first byte in `from..to` that is white space, or is none; `to` if there is no such byte.
    #[inline]
    pub(super) fn next(&self, from: usize, to: usize, space: bool) -> usize {
        let flip = if space { 0 } else { u64::MAX };
        let mut below = u64::MAX << (from % 64);
        for (index, bits) in self.bits.iter().enumerate().skip(from / 64) {
            let hits = (bits ^ flip) & below;
            if hits != 0 {
                return to.min(index * 64 + hits.trailing_zeros() as usize);
            }
            if (index + 1) * 64 >= to {
                break;
            }
            below = u64::MAX;
        }
        to
    }

    /// Where the last byte in `from..to` ends that is white space, or is none; `from` if there is no such byte.
    #[inline]
    pub(super) fn last(&self, from: usize, to: usize, space: bool) -> usize {
        let flip = if space { 0 } else { u64::MAX };
        let mut index = to / 64;
        let mut above = !(u64::MAX << (to % 64));
        loop {
            let hits = self.bits.get(index).map_or(0, |bits| (bits ^ flip) & above);
            if hits != 0 {
                return from.max(index * 64 + 64 - hits.leading_zeros() as usize);
            }
            if index * 64 <= from {
                return from;
            }
            (index, above) = (index - 1, u64::MAX);
        }
    }
}

/// The ASCII white space among up to 64 bytes, and whether all of them are ASCII.
fn ascii_spaces(chunk: &[u8]) -> (u64, bool) {
    let mut padded = [0; 64];
    let chunk = chunk.first_chunk().unwrap_or_else(|| {
        padded.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        &padded
    });
    let mut spaces = 0;
    let mut all = 0;
    for (index, bytes) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let bytes = u64::from_le_bytes(*bytes);
        all |= bytes;
        spaces |= ascii_spaces_of_eight(bytes) << (index * 8);
    }
    (spaces, all & each(0x80) == 0)
}

/// Eight times the same byte.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// One bit for each of eight bytes: whether it is one of U+0009 to U+000D or U+0020. All eight are compared at
/// once in the sums' highest bits, into which no neighbour can carry.
fn ascii_spaces_of_eight(bytes: u64) -> u64 {
    let low = bytes & each(0x7f);
    let from_tab = low + each(0x80 - 0x09);
    let after_return = low + each(0x80 - 0x0e);
    let not_blank = (low ^ each(b' ')) + each(0x7f);
    let hits = ((from_tab & !after_return) | !not_blank) & !bytes & each(0x80);
    // Gathers the highest bit of each byte in the top byte.
    ((hits >> 7).wrapping_mul(0x0102_0408_1020_4080)) >> 56
}

/// The white space beyond ASCII that begins in the first 64 bytes; it may reach beyond them.
fn wide_spaces(bytes: &[u8]) -> u128 {
    let mut spaces = 0;
    for at in 0..bytes.len().min(64) {
        let length = match bytes.get(at..) {
            Some([0xc2, 0x85 | 0xa0, ..]) => 2,
            Some(
                [0xe1, 0x9a, 0x80, ..]
                | [0xe2, 0x80, 0x80..=0x8a | 0xa8 | 0xa9 | 0xaf, ..]
                | [0xe2, 0x81, 0x9f, ..]
                | [0xe3, 0x80, 0x80, ..],
            ) => 3,
            _ => continue,
        };
        spaces |= ((1_u128 << length) - 1) << at;
    }
    spaces
}

/// How many of `bytes` can be told: those at the end that may be the beginning of white space cannot.
pub(super) fn told_from_the_front(bytes: &[u8]) -> usize {
    let unknown = match bytes {
        [.., 0xc2 | 0xe1 | 0xe2 | 0xe3] => 1,
        [.., 0xe1, 0x9a] | [.., 0xe2, 0x80 | 0x81] | [.., 0xe3, 0x80] => 2,
        _ => 0,
    };
    bytes.len() - unknown
}

/// How many bytes at the beginning cannot be told: they may be the end of white space that begins before.
pub(super) fn untold_from_the_back(bytes: &[u8]) -> usize {
    bytes.iter().take(LONGEST - 1).take_while(|byte| matches!(byte, 0x80..=0xbf)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_marked_as_unicode_says_wherever_it_stands() {
        let mut spaces = Spaces::default();
        for char in '\0'..=char::MAX {
            let mut bytes = vec![b'x'; 61 + char as usize % 4];
            let from = bytes.len();
            bytes.extend(char.to_string().bytes());
            let to = bytes.len();
            bytes.push(b'x');
            spaces.mark(&bytes);
            let expected = if char.is_whitespace() { (from, to) } else { (bytes.len(), 0) };
            let found = (spaces.next(0, bytes.len(), true), spaces.last(0, bytes.len(), true));
            assert_eq!(found, expected, "U+{:04X}", char as u32);
        }
    }

    #[test]
    fn runs_are_found_from_both_sides_at_every_offset() {
        let bytes: Vec<_> = (0..200_u32).map(|at| if at * at % 7 < 3 { b' ' } else { b'x' }).collect();
        let mut spaces = Spaces::default();
        spaces.mark(&bytes);
        for from in 0..bytes.len() {
            for to in from..=bytes.len() {
                for space in [false, true] {
                    let is = |byte: &u8| (*byte == b' ') == space;
                    let next = bytes[from..to].iter().position(is).map_or(to, |at| from + at);
                    let last = bytes[from..to].iter().rposition(is).map_or(from, |at| from + at + 1);
                    assert_eq!((spaces.next(from, to, space), spaces.last(from, to, space)), (next, last));
                }
            }
        }
    }

    #[test]
    fn what_a_cut_leaves_unknown_is_not_told() {
        let rows: [(&[u8], usize, usize); 8] = [
            (b"ab", 2, 0),
            (b"a\xe2\x80", 1, 0),
            (b"a\xe2", 1, 0),
            (b"\xe3\x80", 0, 0),
            (b"\xe2\x82", 2, 0),
            (b"\x80\x80a", 3, 2),
            (b"\x80\x80\x80", 3, 2),
            (b"\x80a\x80", 3, 1),
        ];
        for (bytes, front, back) in rows {
            assert_eq!((told_from_the_front(bytes), untold_from_the_back(bytes)), (front, back), "{bytes:?}");
        }
    }
}
