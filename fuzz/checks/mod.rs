//! What must hold for any bytes at all: one file for each door that a stranger's bytes come through. A check panics
//! where it does not hold. Who feeds it, a fuzzer or `tests/fuzz.rs`, it does not know.

// A target uses one of them. A check states facts: it may unwrap and panic.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{self, BufRead, Read};

pub mod access;
pub mod bodies;
pub mod fields;
pub mod filters;
pub mod heads;
pub mod ranges;
pub mod targets;
pub mod zstd;

/// A check and its name.
pub type Named = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Named; 8] = [
    ("access", access::check),
    ("bodies", bodies::check),
    ("fields", fields::check),
    ("filters", filters::check),
    ("heads", heads::check),
    ("ranges", ranges::check),
    ("targets", targets::check),
    ("zstd", zstd::check),
];

/// Bytes that come a few at a time, as a network has them come.
pub struct Drip<'a> {
    pub left: &'a [u8],
    pub at_once: usize,
}

impl<'a> Drip<'a> {
    pub fn new(left: &'a [u8], at_once: usize) -> Self {
        Drip { left, at_once: at_once.max(1) }
    }
}

impl BufRead for Drip<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(&self.left[..self.at_once.min(self.left.len())])
    }

    fn consume(&mut self, count: usize) {
        self.left = &self.left[count..];
    }
}

impl Read for Drip<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(out)?;
        self.consume(read);
        Ok(read)
    }
}

/// The first bytes of an input as numbers, and the rest of it.
pub fn numbers<const N: usize>(bytes: &[u8]) -> ([usize; N], &[u8]) {
    let (first, rest) = bytes.split_at(N.min(bytes.len()));
    let mut numbers = [0; N];
    numbers.iter_mut().zip(first).for_each(|(number, byte)| *number = usize::from(*byte));
    (numbers, rest)
}

/// Whether these bytes are a token (RFC 9110 §5.6.2).
pub fn is_token(bytes: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(fits)
}
