//! Message bodies, read and written under any framing. Only the reader here can prove that a body is complete: by a
//! [`Complete`].

use std::io::{self, BufRead, IoSlice, Read, Write};

use super::chunked::{CHUNK_END, Decoder, chunk_head, read_part, write_chunk};
use super::{Digest, Fields, Framing, Hasher};
use crate::error::Error;

/// From this size on, in bytes, copying a chunk costs more than a call with several slices.
const LARGE_CHUNK: usize = 16 << 10;

/// Proves that a body was received completely: only [`Body::finish`] makes one.
#[derive(Debug)]
pub struct Complete {
    /// The trailer fields, where there were any.
    pub trailers: Fields,
    /// The digest of the bytes as received, where [`Body::hash`] asked for it.
    pub digest: Option<Digest>,
}

/// A body being read.
#[derive(Debug)]
pub struct Body<R> {
    framed: FramedBytes<R>,
    hasher: Option<Hasher>,
}

/// The framed bytes, and what is expected next of them.
#[derive(Debug)]
struct FramedBytes<R> {
    input: R,
    state: State,
}

#[derive(Debug)]
enum State {
    Length(u64),
    Chunked(Decoder),
    UntilClose {
        ended: bool,
    },
    /// The body violates its framing: where the next message begins is unknown.
    Broken,
}

impl<R: BufRead> Body<R> {
    /// Makes the reader of a body after a head with this framing.
    pub fn new(input: R, framing: Framing) -> Self {
        let state = match framing {
            Framing::None => State::Length(0),
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Decoder::Size),
            Framing::UntilClose => State::UntilClose { ended: false },
        };
        Body { framed: FramedBytes { input, state }, hasher: None }
    }

    /// Computes the digest of the bytes while they are read. Call it before the first read.
    pub fn hash(&mut self) {
        self.hasher = Some(Hasher::default());
    }

    /// Proves that the body is complete. Reads what is left first, so that the end is the one that the framing marks.
    pub fn finish(&mut self) -> io::Result<Complete> {
        let mut block = [0; 1024];
        while self.read(&mut block)? > 0 {}
        let trailers = match &mut self.framed.state {
            State::Chunked(decoder) => decoder.take_trailers(),
            _ => Fields::new(),
        };
        Ok(Complete { trailers, digest: self.hasher.take().map(Hasher::finish) })
    }

    /// Returns whether reading failed: what follows on the connection cannot be read.
    pub fn is_broken(&self) -> bool {
        matches!(self.framed.state, State::Broken)
    }

    /// Returns whether the body was read to its end.
    pub fn is_ended(&self) -> bool {
        match &self.framed.state {
            State::Length(left) => *left == 0,
            State::Chunked(decoder) => decoder.is_done(),
            State::UntilClose { ended } => *ended,
            State::Broken => false,
        }
    }

    /// Returns how many bytes are left, if the framing tells.
    pub fn length_left(&self) -> Option<u64> {
        match self.framed.state {
            State::Length(left) => Some(left),
            _ => None,
        }
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.framed.read(out)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(out.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

impl<R: BufRead> FramedBytes<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.read_framed(out);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.state = State::Broken;
        }
        read
    }

    fn read_framed(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            // An empty read of a buffered reader may still block.
            State::Length(0) => Ok(0),
            State::Length(left) => read_part(&mut self.input, left, out),
            State::Chunked(decoder) => decoder.read(&mut self.input, out),
            State::UntilClose { ended } => {
                let read = self.input.read(out)?;
                *ended |= read == 0 && !out.is_empty();
                Ok(read)
            }
            State::Broken => Err(Error::invalid("body", "cannot be read on").into()),
        }
    }
}

/// A body being written, under the framing that the head announced.
#[derive(Debug)]
pub struct BodyWriter<W> {
    output: W,
    framing: Framing,
    /// One framed chunk, so that it takes one write.
    chunk: Vec<u8>,
    /// Whether the output writes several slices at once.
    is_vectored: bool,
}

impl<W: Write> BodyWriter<W> {
    /// Makes a writer of the body after a head with this framing.
    pub fn new(output: W, framing: Framing) -> Self {
        BodyWriter { output, framing, chunk: Vec::new(), is_vectored: false }
    }

    /// Writes large chunks without copying them, to an output that writes several slices at once.
    pub fn vectored(self) -> Self {
        BodyWriter { is_vectored: true, ..self }
    }

    /// Ends the body, with these trailer fields where it is chunked. A body shorter than its length is an error: the
    /// connection must be reset, so that the peer does not take it for complete.
    pub fn finish(mut self, trailers: &Fields) -> io::Result<W> {
        match self.framing {
            Framing::Length(1..) => {
                return Err(Error::interrupted("body", "is shorter than its length").into());
            }
            Framing::Chunked => {
                let mut end = b"0\r\n".to_vec();
                trailers.write_to(&mut end);
                end.extend_from_slice(b"\r\n");
                self.output.write_all(&end)?;
            }
            _ => {}
        }
        self.output.flush()?;
        Ok(self.output)
    }
}

impl<W: Write> Write for BodyWriter<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        match &mut self.framing {
            Framing::None => Ok(block.len()),
            Framing::UntilClose => self.output.write(block),
            Framing::Length(left) => {
                if block.len() as u64 > *left {
                    return Err(Error::interrupted("body", "is longer than its length").into());
                }
                let written = self.output.write(block)?;
                *left -= written as u64;
                Ok(written)
            }
            Framing::Chunked => {
                // An empty chunk would end the body.
                if self.is_vectored && block.len() >= LARGE_CHUNK {
                    write_slices(&mut self.output, [chunk_head(block).as_bytes(), block, CHUNK_END])?;
                } else if !block.is_empty() {
                    self.chunk.clear();
                    write_chunk(&mut self.chunk, block);
                    self.output.write_all(&self.chunk)?;
                }
                Ok(block.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Writes all bytes of these slices, with one call where the output takes them.
fn write_slices<const COUNT: usize>(output: &mut impl Write, slices: [&[u8]; COUNT]) -> io::Result<()> {
    let mut slices = slices.map(IoSlice::new);
    let mut left = slices.as_mut_slice();
    while !left.is_empty() {
        match output.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_is_said_only_of_a_whole_body() {
        let rows: [(&[u8], Framing, bool); 7] = [
            (b"", Framing::None, true),
            (b"abc", Framing::Length(3), true),
            (b"ab", Framing::Length(3), false),
            (b"", Framing::Length(1), false),
            (b"1\r\na\r\n0\r\n\r\n", Framing::Chunked, true),
            (b"1\r\na\r\n", Framing::Chunked, false),
            (b"abc", Framing::UntilClose, true),
        ];
        for (wire, framing, whole) in rows {
            assert_eq!(Body::new(wire, framing).finish().is_ok(), whole, "{framing:?}");
        }
    }

    #[test]
    fn what_follows_a_broken_body_is_not_read() {
        let mut input = &b"x\r\n1\r\na\r\n0\r\n\r\n"[..];
        let mut body = Body::new(&mut input, Framing::Chunked);
        for _ in 0..3 {
            assert!(body.read(&mut [0; 8]).is_err());
        }
        assert!(body.is_broken() && !body.is_ended());
        assert_eq!(input, b"1\r\na\r\n0\r\n\r\n");
    }

    #[test]
    fn a_body_does_not_read_past_its_end() {
        let mut input = &b"abcNEXT"[..];
        let mut body = Body::new(&mut input, Framing::Length(3));
        let mut read = Vec::new();
        body.read_to_end(&mut read).unwrap();
        assert!(body.is_ended());
        assert_eq!((read.as_slice(), input), (&b"abc"[..], &b"NEXT"[..]));
    }

    #[test]
    fn what_is_written_is_read_again_under_every_framing() {
        for framing in [Framing::Length(7), Framing::Chunked, Framing::UntilClose] {
            let mut writer = BodyWriter::new(Vec::new(), framing);
            for piece in [&b"one"[..], b"", b"two!"] {
                writer.write_all(piece).unwrap();
            }
            let mut trailers = Fields::new();
            trailers.push("A", "b");
            let wire = writer.finish(&trailers).unwrap();
            let mut read = Vec::new();
            let mut body = Body::new(&wire[..], framing);
            body.read_to_end(&mut read).unwrap();
            assert_eq!(read, b"onetwo!", "{framing:?}");
            let complete = body.finish().unwrap();
            assert_eq!(complete.trailers.get("a").is_some(), framing == Framing::Chunked);
            let mut body = Body::new(&wire[..], framing);
            body.hash();
            let mut expected = Hasher::default();
            expected.update(b"onetwo!");
            assert_eq!(body.finish().unwrap().digest, Some(expected.finish()));
        }
    }

    /// Takes at most so many bytes of the slices at once.
    struct Narrow(Vec<u8>, usize);

    impl Write for Narrow {
        fn write(&mut self, block: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(block)])
        }

        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).take(self.1).collect();
            self.0.extend_from_slice(&all);
            Ok(all.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_chunk_is_the_same_whether_it_is_copied_or_not() {
        let block = vec![b'x'; LARGE_CHUNK];
        for size in [0, 1, LARGE_CHUNK - 1, LARGE_CHUNK] {
            let mut copied = BodyWriter::new(Vec::new(), Framing::Chunked);
            copied.write_all(&block[..size]).unwrap();
            let copied = copied.finish(&Fields::new()).unwrap();
            for width in [1, 2, 3, 5000, LARGE_CHUNK, usize::MAX] {
                let mut written = BodyWriter::new(Narrow(Vec::new(), width), Framing::Chunked).vectored();
                written.write_all(&block[..size]).unwrap();
                assert!(written.finish(&Fields::new()).unwrap().0 == copied, "{size} by {width}");
            }
        }
    }

    #[test]
    fn a_short_or_long_body_cannot_be_finished() {
        let mut writer = BodyWriter::new(Vec::new(), Framing::Length(3));
        writer.write_all(b"ab").unwrap();
        assert!(writer.write_all(b"cd").is_err());
        assert!(writer.finish(&Fields::new()).is_err());
    }
}
