//! The content coding zstd (RFC 8878, RFC 9659): encoder and decoder with bounded windows.

use std::io::{self, Read, Write};

use super::fields::Fields;
use super::limits::ZSTD_WINDOW_LOG_MAX;
use crate::error::{Error, Result};
use crate::io_block::BlockReader;

/// The compression level: faster than most networks.
const LEVEL: i32 = 1;
/// The window of a response, as a power of two: 64 KiB. Source text gets about 8 % larger than with the default 512 KiB of
/// this level; the encoder takes 0.5 MiB instead of 1.1 for as long as a slow client reads.
const ANSWER_WINDOW_LOG: u32 = 16;
/// How much of a compressed body is read at once: the largest block of a frame.
const BLOCK: usize = 128 * 1024;
/// A shorter write is flushed: it is all that is available now.
const FLUSH_BELOW: usize = 32 * 1024;

/// The supported content codings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// Zstandard.
    Zstd,
}

/// Returns the coding that `Content-Encoding` names. An error has kind `UnsupportedType`: it is not supported.
pub fn of_message(fields: &Fields) -> Result<Coding> {
    let mut codings =
        fields.members("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    match (codings.next(), codings.next()) {
        (None, _) => Ok(Coding::Identity),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"zstd") => Ok(Coding::Zstd),
        (Some(coding), _) => {
            Err(Error::unsupported_type(coding, "is an unsupported content coding: use zstd"))
        }
    }
}

/// Decodes a body. Errors have kind `Invalid`: it is not zstd, or ends within a frame.
pub fn decoder<'a>(body: impl Read + 'a) -> io::Result<impl Read + 'a> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(BlockReader::new(BLOCK, body))?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(ZstdDecoder(decoder))
}

/// Gives errors of zstd a name and the kind `Invalid`; errors of the body itself are passed on.
struct ZstdDecoder<R>(R);

impl<R: Read> Read for ZstdDecoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|error| {
            match error.raw_os_error().is_some() || error.get_ref().is_some_and(|inner| inner.is::<Error>()) {
                true => error,
                false => Error::invalid("body", format!("is not valid zstd: {error}")).into(),
            }
        })
    }
}

/// Encodes a body. It must be ended with [`Encoder::finish`].
pub struct Encoder<W: Write>(zstd::stream::write::Encoder<'static, W>);

impl<W: Write> Encoder<W> {
    /// Makes an encoder that writes to a body.
    pub fn new(body: W) -> io::Result<Self> {
        zstd::stream::write::Encoder::new(body, LEVEL).map(Encoder)
    }

    /// Makes an encoder with a small window, for a response: it uses memory for as long as a slow client reads.
    pub fn of_answer(body: W) -> io::Result<Self> {
        let mut encoder = Encoder::new(body)?;
        encoder.0.window_log(ANSWER_WINDOW_LOG)?;
        Ok(encoder)
    }

    /// Ends the frame, and returns the body.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.0.write_all(block)?;
        if block.len() < FLUSH_BELOW {
            self.0.flush()?;
        }
        Ok(block.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn decoded(wire: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        decoder(wire)?.read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn what_is_coded_comes_back() {
        let mut encoder = Encoder::new(Vec::new()).unwrap();
        let text = b"one and one ".repeat(9000);
        encoder.write_all(&text[..5]).unwrap();
        encoder.write_all(&text[5..]).unwrap();
        let wire = encoder.finish().unwrap();
        assert!(wire.len() < text.len() / 10);
        assert_eq!(decoded(&wire).unwrap(), text);
    }

    #[test]
    fn what_is_no_zstd_or_cut_short_is_refused() {
        let mut encoder = Encoder::new(Vec::new()).unwrap();
        encoder.write_all(&b"text ".repeat(1000)).unwrap();
        let wire = encoder.finish().unwrap();
        for bad in [&b"plain text"[..], &wire[..wire.len() - 1], &wire[..5]] {
            assert_eq!(Error::io("body", decoded(bad).unwrap_err()).kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn a_window_past_the_limit_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(ZSTD_WINDOW_LOG_MAX + 1).unwrap();
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
        let wire = encoder.finish().unwrap();
        assert_eq!(Error::io("body", decoded(&wire).unwrap_err()).kind(), ErrorKind::Invalid);
    }

    #[test]
    fn only_codings_that_can_be_undone_are_taken() {
        let rows =
            [("", Ok(Coding::Identity)), ("identity", Ok(Coding::Identity)), ("ZSTD", Ok(Coding::Zstd))];
        let bad =
            [("gzip", Err(ErrorKind::UnsupportedType)), ("zstd, zstd", Err(ErrorKind::UnsupportedType))];
        for (value, coding) in rows.into_iter().chain(bad) {
            let mut fields = Fields::new();
            fields.push("Content-Encoding", value);
            assert_eq!(of_message(&fields).map_err(|error| error.kind()), coding, "{value}");
        }
    }
}
