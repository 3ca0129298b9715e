//! One piece of what comes from a pipe: it ends where the pipe pauses. What becomes of pieces stands in `piped.rs`.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::client::conn::silence::is_readable;
use crate::http::digest::Hasher;

/// After which pause a piece ends: sooner than any server gives a body up.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// What has been read of a pipe for an upload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Bytes.
    pub sent: u64,
    /// Their digest so far.
    pub hasher: Hasher,
    /// Whether the pipe has ended.
    pub ended: bool,
}

/// The tally of a piece that is being sent.
pub(crate) type Shared = Arc<Mutex<Tally>>;

/// One piece: what was read already, then what comes until the pipe pauses or ends.
pub(crate) struct Piece {
    /// What was read already.
    pub first: Cursor<Vec<u8>>,
    /// The pipe.
    pub file: File,
    /// What has been read of it.
    pub tally: Shared,
}

impl Read for Piece {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut read = self.first.read(out)?;
        if read == 0 && is_readable(&self.file, PAUSE) {
            read = self.file.read(out)?;
            self.tally.lock().unwrap_or_else(PoisonError::into_inner).ended |= read == 0;
        }
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.sent += read as u64;
        tally.hasher.update(out.get(..read).unwrap_or_default());
        Ok(read)
    }
}
