//! White space in bytes, and so where words begin and end, found 64 bytes at a time. It does not know where the bytes
//! come from.
//!
//! White space is the Unicode property White_Space, encoded in UTF-8. Its encodings begin with bytes that never occur inside
//! another character, so they can be recognized at any offset, in valid text and in invalid bytes.

use wide::u8x16;

/// How many bytes are compared at once: the bits of a mask.
const CHUNK: usize = u64::BITS as usize;

/// How many bytes before an offset decide whether white space may begin before it and end after it: one less than the longest
/// encoding has.
pub(super) const BOUNDARY: usize = 2;

/// Where the words are in some bytes.
#[derive(Default)]
pub(super) struct WordSpans {
    /// The beginning and the end of each word, in turn, and room for those of one more chunk.
    edges: Vec<u32>,
    /// How many there are.
    count: usize,
}

/// Where a word begins and ends.
pub(super) type WordSpan = [u32; 2];

impl WordSpans {
    /// Finds the words in `bytes`, fewer than 4 GiB, in place of those found before.
    pub(super) fn find(&mut self, bytes: &[u8]) {
        if self.edges.len() < bytes.len() + CHUNK {
            self.edges.resize(bytes.len() + CHUNK, 0);
        }
        self.count = 0;
        // The bits of a white space character that crosses into the next chunk; and whether the last byte was white space,
        // as if some came before the first.
        let (mut carry, mut before) = (0, 1);
        for (index, chunk) in bytes.chunks(CHUNK).enumerate() {
            let from = index * CHUNK;
            let padded = padded(chunk);
            let mut spaces = ascii_spaces(&padded) | carry;
            carry = 0;
            if has_leads(&padded) {
                let wide = wide_spaces(bytes.get(from..).unwrap_or_default());
                spaces |= wide as u64;
                carry = (wide >> 64) as u64;
            }
            let mut edges = spaces ^ (spaces << 1 | before);
            before = spaces >> 63;
            if chunk.len() < CHUNK {
                edges &= !(u64::MAX << chunk.len());
            }
            self.push(from as u32, edges);
        }
        if self.count % 2 == 1 {
            self.edges.get_mut(self.count).into_iter().for_each(|edge| *edge = bytes.len() as u32);
            self.count += 1;
        }
    }

    /// Adds the offsets of the bits that are set. Eight at a time: a loop whose end the processor predicts is worth a few excess
    /// stores.
    fn push(&mut self, from: u32, mut bits: u64) {
        let count = bits.count_ones() as usize;
        let room = self.edges.get_mut(self.count..self.count + CHUNK).unwrap_or_default();
        for eight in room.as_chunks_mut::<8>().0.iter_mut().take(count.div_ceil(8)) {
            for edge in eight {
                *edge = from + bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
            }
        }
        self.count += count;
    }

    /// Returns the words, in order.
    #[inline]
    pub(super) fn spans(&self) -> &[WordSpan] {
        self.edges.get(..self.count).unwrap_or_default().as_chunks().0
    }
}

/// Up to 64 bytes, padded with NUL, which is not white space.
fn padded(chunk: &[u8]) -> [u8; CHUNK] {
    chunk.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; CHUNK];
        padded.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
        padded
    })
}

/// Whether any byte begins white space beyond ASCII. It has no early exit, so that it is vectorized.
fn has_leads(bytes: &[u8; CHUNK]) -> bool {
    let is_lead = |byte: &u8| u8::from(*byte == 0xc2) | u8::from(byte.wrapping_sub(0xe1) <= 0xe3 - 0xe1);
    !bytes.is_ascii() && bytes.iter().fold(0, |has, byte| has | is_lead(byte)) != 0
}

/// The ASCII white space, U+0009 to U+000D and U+0020: one bit for each byte.
fn ascii_spaces(bytes: &[u8; CHUNK]) -> u64 {
    let sixteens = bytes.as_chunks().0.iter().enumerate();
    sixteens.fold(0, |spaces, (index, sixteen)| {
        let bytes = u8x16::new(*sixteen);
        let from_tab = bytes - u8x16::splat(0x09);
        let is_control = from_tab.min(u8x16::splat(0x0d - 0x09)).simd_eq(from_tab);
        let is_space = is_control | bytes.simd_eq(u8x16::splat(b' '));
        spaces | u64::from(is_space.to_bitmask()) << (index * 16)
    })
}

/// Returns the white space beyond ASCII that begins in the first 64 bytes and may end beyond them: one bit for each
/// byte.
fn wide_spaces(bytes: &[u8]) -> u128 {
    let mut spaces = 0;
    for at in 0..bytes.len().min(CHUNK) {
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

/// Returns the length of `bytes` without an incomplete sequence at the end that may become white space.
pub(super) fn complete_prefix_len(bytes: &[u8]) -> usize {
    let incomplete = match bytes {
        [.., 0xc2 | 0xe1 | 0xe2 | 0xe3] => 1,
        [.., 0xe1, 0x9a] | [.., 0xe2, 0x80 | 0x81] | [.., 0xe3, 0x80] => 2,
        _ => 0,
    };
    bytes.len() - incomplete
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Vec<WordSpan> {
        let mut words = WordSpans::default();
        words.find(bytes);
        words.spans().to_vec()
    }

    #[test]
    fn every_character_is_classified_as_unicode_says_at_any_offset() {
        for char in '\0'..=char::MAX {
            let mut bytes = vec![b'x'; 61 + char as usize % 4];
            let from = bytes.len() as u32;
            bytes.extend(char.to_string().bytes());
            let to = bytes.len() as u32;
            bytes.push(b'x');
            let expected =
                if char.is_whitespace() { vec![[0, from], [to, to + 1]] } else { vec![[0, to + 1]] };
            assert_eq!(found(&bytes), expected, "U+{:04X}", char as u32);
        }
    }

    #[test]
    fn words_are_found_whatever_their_length_and_place() {
        for (gap, word) in [(1, 1), (1, 5), (63, 1), (64, 64), (65, 63), (2, 200), (200, 2)] {
            for before in 0..=gap {
                let one = [" ".repeat(gap), "x".repeat(word)].concat();
                let text = one.repeat(5).split_off(before);
                let spans = (0..5).map(|index| (index * (gap + word) + gap - before) as u32);
                let expected: Vec<_> = spans.map(|begin| [begin, begin + word as u32]).collect();
                assert_eq!(found(text.as_bytes()), expected, "{gap} {word} {before}");
                assert_eq!(found([&text, " "].concat().as_bytes()), expected, "{gap} {word} {before}");
            }
        }
    }

    #[test]
    fn what_a_block_boundary_leaves_incomplete_is_left_out() {
        let rows: [(&[u8], usize); 6] = [
            (b"ab", 2),
            (b"a\xe2\x80", 1),
            (b"a\xe2", 1),
            (b"\xe3\x80", 0),
            (b"\xe2\x82", 2),
            (b"\x80\x80\x80", 3),
        ];
        for (bytes, length) in rows {
            assert_eq!(complete_prefix_len(bytes), length, "{bytes:?}");
        }
    }
}
