//! Coded bodies: whatever comes is decoded in a bounded window, or refused as the client's fault. The first byte says
//! how many bytes come at once.

use std::io::{self, Read, Write};

use cfp::error::{Error, ErrorKind};
use cfp::http::coding::{Encoder, decoder};
use cfp::http::limits::ZSTD_WINDOW_LOG_MAX;
use cfp::text::unpack;

use super::{Drip, numbers};

/// As much as is looked at of what comes out.
const ENOUGH: u64 = 1 << 20;

pub fn check(bytes: &[u8]) {
    let ([at_once], wire) = numbers(bytes);
    let whole = decoded(wire, usize::MAX);
    assert_eq!(decoded(wire, at_once), whole);
    if window(wire).is_some_and(|window| window > 1 << ZSTD_WINDOW_LOG_MAX) {
        assert_eq!(whole, Err(ErrorKind::Invalid), "a window past the limit");
    }
    // A stored file may be packed too; its window may be larger.
    let mut unpacked = Vec::new();
    if let Ok(source) = unpack(Drip::new(wire, at_once), b"f") {
        let _ = source.take(ENOUGH).read_to_end(&mut unpacked);
    }
    check_round_trip(wire, at_once);
}

/// What comes out, or the kind of the refusal.
fn decoded(wire: &[u8], at_once: usize) -> Result<Vec<u8>, ErrorKind> {
    let mut content = Vec::new();
    let read = |content: &mut Vec<u8>| -> io::Result<()> {
        decoder(Drip::new(wire, at_once))?.take(ENOUGH).read_to_end(content).map(drop)
    };
    read(&mut content).map(|()| content).map_err(|wrong| Error::io("body", wrong).kind())
}

/// The window that a frame without a content size asks for, in bytes (RFC 8878 §3.1.1.1).
fn window(wire: &[u8]) -> Option<u64> {
    let [descriptor, window, ..] = wire.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])? else { return None };
    // No content size, no single segment, no reserved bit.
    (descriptor & 0b1110_1000 == 0).then(|| {
        let base = 1_u64 << (10 + (window >> 3));
        base + base / 8 * u64::from(window & 7)
    })
}

fn check_round_trip(content: &[u8], at_once: usize) {
    let mut encoder = Encoder::new(Vec::new()).unwrap();
    content.chunks(at_once.max(1)).for_each(|block| encoder.write_all(block).unwrap());
    let wire = encoder.finish().unwrap();
    assert_eq!(decoded(&wire, at_once).unwrap(), content);
    assert!(content.is_empty() || decoded(&wire[..wire.len() - 1], 1) == Err(ErrorKind::Invalid));
}
