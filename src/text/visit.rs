//! The trait of those who receive a text and the occurrences of a word in it. `scan.rs` calls it.

use std::io;

/// Receives a text in order, every byte once.
pub(super) trait Visit {
    /// Receives bytes that are part of no occurrence, or none, and the occurrence that follows them. `None`: the next read
    /// may block, so what was received must be passed on.
    fn visit(&mut self, unmatched: &[u8], occurrence: Option<&[u8]>) -> io::Result<()>;
}
