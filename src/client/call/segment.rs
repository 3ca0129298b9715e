//! A segment of a pipe, up to its next pause. `piped.rs` sends them.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::conn::silence::is_readable;
use crate::http::digest::Hasher;

/// The pause after which a segment ends: shorter than any server's timeout.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// What was read of a pipe for an upload.
#[derive(Clone, Debug, Default)]
pub(crate) struct SegmentTally {
    /// The number of bytes.
    pub sent: u64,
    /// Their digest so far.
    pub hasher: Hasher,
    /// Whether the pipe is at EOF.
    pub ended: bool,
}

/// The count of a segment that is being sent.
pub(crate) type SharedTally = Arc<Mutex<SegmentTally>>;

/// A segment: the bytes read already, then those up to a pause or EOF.
pub(crate) struct SegmentReader {
    /// The bytes read already.
    pub first: Cursor<Vec<u8>>,
    /// The pipe.
    pub file: File,
    /// What was read of it.
    pub tally: SharedTally,
}

impl Read for SegmentReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut read = self.first.read(out)?;
        if read == 0 && is_readable(&self.file, PAUSE) {
            read = self.file.read(out)?;
            self.tally.lock().ended |= read == 0;
        }
        let mut tally = self.tally.lock();
        tally.sent += read as u64;
        tally.hasher.update(out.get(..read).unwrap_or_default());
        Ok(read)
    }
}
