//! Digests of stored content: computed while a draft is written, passed in, or computed from a stored file. The size of
//! a filter's result is limited here too, since the size of the request body does not limit it.

use std::io::{self, Read, Write};

use crate::error::{Error, Result};
use crate::http::digest::{Digest, Hasher};
use crate::io_block;
use crate::server::auth::rights::GuardedDraft;
use crate::server::exchange::ClientLiveness;
use crate::server::limits::BLOCK;
use crate::store::{Check, Written};

/// Computes the digest of all bytes of a reader.
pub fn compute_digest(mut bytes: impl Read) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    io_block::copy(&mut bytes, &mut hasher, BLOCK)?;
    Ok(hasher.finish())
}

/// A draft being written.
pub struct HashedDraft<'a> {
    draft: GuardedDraft<'a>,
    hasher: Option<Hasher>,
    /// How many bytes it may hold, and how many of them are left.
    most: u64,
    left: u64,
    /// The client whose filter is cancelled when it disconnects.
    client: Option<&'a ClientLiveness<'a>>,
}

impl<'a> HashedDraft<'a> {
    /// Computes the digest of the result of a filter, at most `most` bytes: more is an error of kind `TooLarge`. Writes
    /// fail once the client has disconnected.
    pub fn new(draft: GuardedDraft<'a>, most: u64, client: &'a ClientLiveness<'a>) -> Self {
        HashedDraft { draft, hasher: Some(Hasher::default()), most, left: most, client: Some(client) }
    }

    /// Computes no digest: the caller, who hashes the same bytes anyway, passes it to `commit`.
    pub fn without_digest(draft: GuardedDraft<'a>) -> Self {
        HashedDraft { draft, hasher: None, most: u64::MAX, left: u64::MAX, client: None }
    }

    /// Commits as `Draft::commit` does; `known` is the digest where none was computed here.
    pub fn commit(self, known: Option<Digest>, check: Check<'_>) -> Result<Written> {
        self.draft.commit(self.hasher.map(Hasher::finish).or(known), check)
    }
}

impl Write for HashedDraft<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.client.map_or(Ok(()), ClientLiveness::check_connected)?;
        if block.len() as u64 > self.left {
            let what = format!("would be larger than {} bytes", self.most);
            return Err(Error::too_large("result", what).into());
        }
        let written = self.draft.write(block)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(block.get(..written).unwrap_or_default());
        }
        self.left -= written as u64;
        self.client.into_iter().for_each(|client| client.stream.interim.work.add_written(written as u64));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}
