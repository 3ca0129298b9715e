//! Compressed files, for `--decompress`: zstd and gzip are recognized by their magic bytes, any other file is passed through.
//! Content codings on the wire belong to `http`.

use std::io::{self, BufRead, Cursor, Read};

use flate2::bufread::GzDecoder;
use zstd::stream::read::Decoder;

use crate::error::Error;
use crate::io_block::BlockReader;

/// The largest zstd window, as a power of two: 8 MiB, what RFC 8878 §3.1.1.1.2 has every decoder take. The window is
/// memory that the file, not the caller, asks for.
const WINDOW_LOG_MAX: u32 = 23;

/// How much is read from a gzip file at once, in bytes.
const BLOCK: usize = 32 * 1024;

/// The most magic bytes that a format needs.
const MAGIC: usize = 10;

/// Returns the error of a file whose format is recognized but not supported: a search in it would count 0 without a
/// reason.
fn unsupported(magic: &[u8]) -> Option<String> {
    let program = match magic {
        [0xfd, b'7', b'z', b'X', ..] => "xz",
        // A block, or the end of an empty file.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90] => "bzip2",
        // A frame, and a legacy frame.
        [0x04, 0x22, 0x4d, 0x18, ..] | [0x02, 0x21, 0x4c, 0x18, ..] => "lz4",
        magic => return is_utf16(magic).then(|| UTF_16.to_owned()),
    };
    Some(format!("is compressed with {program}, which is not supported: unpack it with {program} -d"))
}

/// The error of a text in UTF-16, in which hardly a word is found.
pub const UTF_16: &str =
    "is UTF-16, in which hardly a word is found: make it UTF-8 with iconv -f UTF-16 -t UTF-8";

/// Returns whether a text begins with the byte order mark of UTF-16, of either order.
pub fn is_utf16(start: &[u8]) -> bool {
    start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff")
}

/// Returns the bytes of `source`, which is called `name`, decompressed if they are zstd (RFC 8878) or gzip (RFC
/// 1952): all frames, all members. An error of kind `Damaged` where they are truncated or damaged.
pub fn unpack<'a>(mut source: impl Read + 'a, name: &'a [u8]) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::with_capacity(MAGIC);
    source.by_ref().take(4).read_to_end(&mut magic)?;
    // bzip2 needs more: its first bytes may begin a word.
    if magic.starts_with(b"BZh") {
        source.by_ref().take(MAGIC as u64 - 4).read_to_end(&mut magic)?;
    }
    if let Some(what) = unsupported(&magic) {
        return Err(Error::unprocessable(name, what).into());
    }
    // A frame, or a skippable one before it (RFC 8878 §3.1).
    let is_zstd = matches!(magic.as_slice(), [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18]);
    let is_gzip = magic.starts_with(&[0x1f, 0x8b, 0x08]) && magic.len() == 4;
    let whole = Cursor::new(magic).chain(source);
    if is_zstd {
        let mut decoder = Decoder::with_buffer(BlockReader::new(BLOCK, whole))?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        return Ok(Box::new(Unpacking { bytes: decoder, name }));
    }
    if is_gzip {
        let member = GzDecoder::new(BlockReader::new(BLOCK, whole));
        return Ok(Box::new(Unpacking { bytes: Members(Some(member)), name }));
    }
    Ok(Box::new(whole))
}

/// Decompresses all members of a gzip file; zero bytes after the last one are ignored as padding, as `gzip -d` does.
struct Members<R>(Option<GzDecoder<R>>);

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.0 {
            let read = member.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let ended = skip_zeros(member.get_mut())?;
            let source = self.0.take().map(GzDecoder::into_inner);
            self.0 = source.filter(|_| !ended).map(GzDecoder::new);
        }
        Ok(0)
    }
}

/// Skips zero bytes; returns whether the source ends after them.
fn skip_zeros(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let block = source.fill_buf()?;
        let (zeros, all) = (block.iter().take_while(|&&byte| byte == 0).count(), block.len());
        source.consume(zeros);
        if all == 0 || zeros < all {
            return Ok(all == 0);
        }
    }
}

/// Names the file in decompression errors; errors of the source itself are returned as they are.
struct Unpacking<'a, R> {
    bytes: R,
    name: &'a [u8],
}

impl<R: Read> Read for Unpacking<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(out).map_err(|error| {
            let of_the_source = error.raw_os_error().is_some()
                || error.kind() == io::ErrorKind::Interrupted
                || error.get_ref().is_some_and(|inner| inner.is::<Error>());
            if of_the_source { error } else { self.named(&error.to_string()).into() }
        })
    }
}

impl<R> Unpacking<'_, R> {
    /// Returns the error of a compressed file that cannot be decompressed. Where libzstd has no error number here,
    /// its text tells (zstd_errors.h): a file that needs a larger window or a dictionary is not damaged.
    fn named(&self, error: &str) -> Error {
        let is = |text: &str| error.contains(text);
        if is("requires too much memory") || is("Window is too large") {
            let most = (1_u64 << WINDOW_LOG_MAX) >> 20;
            let advice = "which is not supported: unpack it with zstd -d --long=31";
            let what = format!("needs a zstd window of more than {most} MiB, {advice}");
            return Error::unprocessable(self.name, what);
        }
        if is("ictionary") {
            let what = "needs the dictionary it was compressed with, which is not supported: unpack it with zstd -d -D";
            return Error::unprocessable(self.name, what);
        }
        Error::damaged(self.name, format!("is damaged: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::error::ErrorKind;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 3).unwrap()
    }

    fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        unpack(Box::new(Cursor::new(bytes)), b"f")?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn zstd_and_gzip_are_told_by_their_magic_bytes_and_read_to_the_last_member() {
        let skippable = b"\x50\x2a\x4d\x18\x02\x00\x00\x00xx".to_vec();
        let rows = [
            (zstd(b"one two"), b"one two".as_slice()),
            ([zstd(b"one "), zstd(b"two")].concat(), b"one two"),
            ([skippable, zstd(b"two")].concat(), b"two"),
            (gzip(b"one two"), b"one two"),
            ([gzip(b"one "), gzip(b"two")].concat(), b"one two"),
            ([gzip(b"one two"), vec![0; 10_000]].concat(), b"one two"),
            (b"one two".to_vec(), b"one two"),
            (b"\x1f\x8b".to_vec(), b"\x1f\x8b"),
            (b"".to_vec(), b""),
        ];
        for (bytes, text) in rows {
            assert_eq!(unpacked(bytes).unwrap(), text);
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        let rows: [(&[u8], &str); 8] = [
            (b"\xfd7zXZ\0\0\x04", "f: is compressed with xz,"),
            (b"BZh91AY&SY\0", "f: is compressed with bzip2,"),
            (b"BZh9\x17\x72\x45\x38\x50\x90", "f: is compressed with bzip2,"),
            (b"\x04\x22\x4d\x18d", "f: is compressed with lz4,"),
            (b"\x02\x21\x4c\x18d", "f: is compressed with lz4,"),
            (b"\xff\xfea\0", "f: is UTF-16,"),
            (b"\xfe\xff\0a", "f: is UTF-16,"),
            // libzstd finds no dictionary with this number.
            (b"\x28\xb5\x2f\xfd\x21\x07\x03\x19\0\0abc", "f: needs the dictionary"),
        ];
        for (bytes, said) in rows {
            let error = Error::io("other", unpacked(bytes.to_vec()).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Unprocessable, "{said}");
            assert!(error.to_string().starts_with(said), "{error}");
        }
        for text in [&b"BZh9 is a word"[..], b"\xff", b"\x04\x22"] {
            assert_eq!(unpacked(text.to_vec()).unwrap(), text);
        }
    }

    #[test]
    fn a_file_cut_short_is_an_error() {
        for whole in [zstd(b"one two three"), gzip(b"one two three")] {
            for end in 4..whole.len() {
                let error = Error::io("other", unpacked(whole[..end].to_vec()).unwrap_err());
                assert_eq!(error.kind(), ErrorKind::Damaged, "{end}");
                assert!(error.to_string().starts_with("f: is damaged: "), "{error}");
            }
        }
    }

    #[test]
    fn what_follows_a_member_and_is_none_is_damage() {
        for rest in [&b"rest"[..], b"\0\0rest", b"\x1f\x8b"] {
            let error = Error::io("other", unpacked([&gzip(b"one"), rest].concat()).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Damaged, "{rest:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_source_is_no_damage() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Error::interrupted("body", "ended early").into())
            }
        }
        for whole in [zstd(b"one two three"), gzip(b"one two three")] {
            let half = Cursor::new(whole[..8].to_vec()).chain(Broken);
            let error = unpack(half, b"f").unwrap().read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(Error::io("f", error).to_string(), "body: ended early");
        }
    }

    #[test]
    fn a_frame_that_asks_for_more_than_the_largest_window_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(WINDOW_LOG_MAX + 1).unwrap();
        encoder.write_all(b"small").unwrap();
        let huge = encoder.finish().unwrap();
        let error = unpacked(huge).unwrap_err().to_string();
        assert!(error.starts_with("f: needs a zstd window of more than"), "{error}");
    }
}
