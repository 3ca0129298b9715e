//! The pool of zstd encoders and decoders, whose number is limited since each takes memory for as long as its transfer
//! lasts. Where no encoder is free, a response is not compressed. Where no decoder is free, the connection of a slow
//! transfer is aborted to free one; without a slow transfer the request is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::server::limits::{CODER_PACE, CODER_PACE_OVER, DECODERS_MAX, ENCODERS_MAX};
use crate::server::net::{ShutdownHandle, Stream};

/// The coders in use.
pub struct Coders {
    encoders: Arc<AtomicUsize>,
    /// The limit of decoders.
    decoders_max: usize,
    decoders: Mutex<HashMap<usize, Holder>>,
    next: AtomicUsize,
}

/// A transfer that holds a decoder.
struct Holder {
    handle: Option<ShutdownHandle>,
    pace: Pace,
}

/// The recent speed of a transfer.
struct Pace {
    since: Instant,
    bytes: u64,
    /// Whether the previous period was slow.
    was_slow: bool,
}

/// A permit for an encoder, until it is dropped.
pub struct EncoderPermit(Arc<AtomicUsize>);

/// A permit for a decoder, until it is dropped.
pub struct DecoderPermit<'a> {
    coders: &'a Coders,
    number: usize,
}

impl Coders {
    /// Makes a pool with one decoder more for each of the `searchers` threads that search directories.
    pub fn new(searchers: usize) -> Self {
        Coders {
            encoders: Arc::default(),
            decoders_max: DECODERS_MAX + searchers,
            decoders: Mutex::default(),
            next: AtomicUsize::new(0),
        }
    }

    /// Takes an encoder for a response; none where all are in use.
    pub fn encoder(&self) -> Option<EncoderPermit> {
        let more = |count: usize| (count < ENCODERS_MAX).then_some(count + 1);
        let taken = self.encoders.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| EncoderPermit(Arc::clone(&self.encoders)))
    }

    /// Takes a decoder for the transfer of this connection. Where all are in use, aborts the connection of a slow
    /// transfer to free one. Errors have kind `Overloaded`.
    pub fn decoder(&self, stream: &Stream) -> Result<DecoderPermit<'_>> {
        let now = Instant::now();
        let mut decoders = self.decoders.lock();
        if decoders.len() >= self.decoders_max {
            let slow =
                decoders.iter().find(|(_, holder)| holder.handle.is_some() && holder.pace.is_slow(now));
            let slow = slow.map(|(number, _)| *number);
            match slow.and_then(|number| decoders.remove(&number)).and_then(|holder| holder.handle) {
                Some(handle) => handle.shutdown(),
                None => return Err(Error::overloaded("decoder", "all are in use, try again later")),
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        decoders
            .insert(number, Holder { handle: stream.socket.shutdown_handle().ok(), pace: Pace::new(now) });
        Ok(DecoderPermit { coders: self, number })
    }
}

impl DecoderPermit<'_> {
    /// Counts bytes that the client sent or received.
    pub fn moved(&self, bytes: usize) {
        if let Some(holder) = self.coders.decoders.lock().get_mut(&self.number) {
            holder.pace.moved(bytes as u64, Instant::now());
        }
    }
}

impl Drop for DecoderPermit<'_> {
    fn drop(&mut self) {
        self.coders.decoders.lock().remove(&self.number);
    }
}

impl Drop for EncoderPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pace {
    fn new(now: Instant) -> Self {
        Pace { since: now, bytes: 0, was_slow: false }
    }

    fn moved(&mut self, bytes: u64, now: Instant) {
        let over = now.saturating_duration_since(self.since);
        if over >= CODER_PACE_OVER {
            *self = Pace { since: now, bytes: 0, was_slow: is_slow(self.bytes, over) };
        }
        self.bytes += bytes;
    }

    /// Returns whether the transfer is slow. A burst of bytes counts for no longer than [`CODER_PACE_OVER`].
    fn is_slow(&self, now: Instant) -> bool {
        let over = now.saturating_duration_since(self.since);
        let most = CODER_PACE.saturating_mul(CODER_PACE_OVER.as_secs());
        if over >= CODER_PACE_OVER { is_slow(self.bytes.min(most), over) } else { self.was_slow }
    }
}

fn is_slow(bytes: u64, over: Duration) -> bool {
    bytes < CODER_PACE.saturating_mul(over.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stood_still_or_dripped_for_a_while_is_slow() {
        let (begun, over) = (Instant::now(), CODER_PACE_OVER);
        let (much, little) = (CODER_PACE * over.as_secs(), 1);
        let mut pace = Pace::new(begun);
        assert!(!pace.is_slow(begun), "one that begins is not");
        assert!(pace.is_slow(begun + over));
        pace.moved(much, begun);
        assert!(!pace.is_slow(begun + over));
        assert!(pace.is_slow(begun + 3 * over), "one that was fast once is");
        pace.moved(little, begun + over);
        assert!(!pace.is_slow(begun + over));
        pace.moved(much, begun + 2 * over);
        assert!(pace.is_slow(begun + 2 * over), "the time before was slow");
        let mut pace = Pace::new(begun);
        pace.moved(1000 * much, begun);
        assert!(
            pace.is_slow(begun + over + Duration::from_secs(1)),
            "one that began fast and stands still is"
        );
        pace.moved(1000 * much, begun + 3 * over);
        assert!(!pace.is_slow(begun + 3 * over), "one that goes on after a pause is not");
    }

    #[test]
    fn there_are_only_so_many_encoders() {
        let coders = Coders::new(1);
        let mut held: Vec<_> = std::iter::from_fn(|| coders.encoder()).collect();
        assert_eq!(held.len(), ENCODERS_MAX);
        held.pop();
        assert!(coders.encoder().is_some());
    }
}
