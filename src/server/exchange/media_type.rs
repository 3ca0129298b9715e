//! The media type of a stored file: told by its name, and by its first bytes where the name does not tell all of it.

use std::cell::OnceCell;

use crate::store::{Content, Name};

/// How many bytes are read to detect whether a file is text.
const SNIFFED: usize = 512;
/// A file of at most this size is read whole where its beginning is looked at: its response is one write then.
const READ_WHOLE: u64 = 4096;
/// Prefixes of media types other than text that compress well.
const SPARSE: [&str; 12] = [
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/rtf",
    "application/sql",
    "application/wasm",
    "application/x-sh",
    "application/x-tar",
    "application/xml",
    "application/yaml",
    "font/ttf",
    "image/bmp",
];
/// The first bytes of files that are compressed already: gzip, zstd and its skippable frames, xz, bzip2, lz4, zip, 7z,
/// ar (deb), rpm, PDF, PNG, JPEG.
const DENSE: [&[u8]; 13] = [
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"\x50\x2a\x4d\x18",
    b"\xfd7zXZ\0",
    b"BZh",
    b"\x04\x22\x4d\x18",
    b"PK\x03\x04",
    b"7z\xbc\xaf\x27\x1c",
    b"!<arch>\n",
    b"\xed\xab\xee\xdb",
    b"%PDF-",
    b"\x89PNG",
    b"\xff\xd8\xff",
];
/// The media type of a content of which nothing is known.
const OTHER: &str = "application/octet-stream";
/// File extensions that the list of media types lacks, or maps to something else.
const ENDINGS: [(&str, &str); 7] = [
    ("zst", "application/zstd"),
    ("tgz", "application/gzip"),
    ("bz2", "application/x-bzip2"),
    ("lz4", "application/x-lz4"),
    ("br", "application/x-brotli"),
    ("deb", "application/vnd.debian.binary-package"),
    ("rpm", "application/x-rpm"),
];

/// The beginning of a content, read on first use and once: what is read to tell the media type is sent with the head.
#[derive(Default)]
pub struct ContentStart(OnceCell<Vec<u8>>);

impl ContentStart {
    /// Returns the bytes at the beginning of `content`: all of a small one, of a large one as many as tell what it is.
    fn read<'a>(&'a self, content: &'a dyn Content) -> &'a [u8] {
        if let Some(bytes) = content.bytes() {
            return bytes;
        }
        self.0.get_or_init(|| {
            let size = content.meta().size;
            let wanted = if size <= READ_WHOLE { size } else { SNIFFED as u64 };
            let mut start = vec![0; usize::try_from(wanted).unwrap_or(SNIFFED)];
            let read = content.read_at(&mut start, 0).unwrap_or(0);
            start.truncate(read);
            start
        })
    }

    /// Returns the bytes that were read.
    pub fn known(&self) -> &[u8] {
        self.0.get().map_or(&[], Vec::as_slice)
    }
}

/// What the name of a stored file tells of its media type.
#[derive(Clone, Copy)]
pub enum NamedType {
    /// All of it.
    Whole(&'static str),
    /// That it is text, but not its charset.
    Text(&'static str),
    /// Nothing: text where its first bytes are text, else this.
    Unknown(&'static str),
}

impl NamedType {
    /// Looks at the extension.
    pub fn of(name: &Name) -> Self {
        NamedType::of_last(name.components().last().map(Vec::as_slice).unwrap_or_default())
    }

    /// Looks at the extension of the last component of a name.
    pub fn of_last(last: &[u8]) -> Self {
        let last = std::str::from_utf8(last).unwrap_or_default();
        let ending = last.rsplit_once('.').map_or("", |(_, ending)| ending);
        if let Some((_, known)) = ENDINGS.iter().find(|(own, _)| own.eq_ignore_ascii_case(ending)) {
            return NamedType::Whole(known);
        }
        match mime_guess::from_path(last).first_raw() {
            Some(known) if known.starts_with("text/") => NamedType::Text(known),
            // `.ts` is TypeScript, or a video.
            Some(known) if known.starts_with("video/") => NamedType::Unknown(known),
            // What the list says of `.java`, among others.
            Some(OTHER) | None => NamedType::Unknown(OTHER),
            Some(known) => NamedType::Whole(known),
        }
    }

    /// Returns the media type without parameters, where the name tells it.
    pub fn essence(self) -> Option<&'static str> {
        match self {
            NamedType::Whole(known) | NamedType::Text(known) => Some(known),
            NamedType::Unknown(_) => None,
        }
    }

    /// Returns whether the media type may be one that is worth compressing.
    pub fn may_be_compressible(self) -> bool {
        !matches!(self, NamedType::Whole(known) if !is_compressible(known))
    }

    /// Returns the media type. Reads the beginning of the content only where the name does not tell all of it; the
    /// response to a HEAD then costs that read too, since it has the fields of a GET (RFC 9110 §9.3.2).
    pub fn resolve(self, content: &dyn Content, start: &ContentStart) -> String {
        match self {
            NamedType::Whole(known) => known.to_ascii_lowercase(),
            NamedType::Text(known) => text_type(known, content, start),
            NamedType::Unknown(_) if begins_like_text(start.read(content)) => {
                "text/plain; charset=utf-8".to_owned()
            }
            NamedType::Unknown(other) => other.to_owned(),
        }
    }
}

/// Returns the media type of text made from a stored file. Names the charset UTF-8 only where the file begins with valid UTF-8:
/// without a charset a browser guesses, with a wrong one it shows wrong letters.
pub fn text_type(essence: &str, content: &dyn Content, start: &ContentStart) -> String {
    match begins_like_text(start.read(content)) {
        true => format!("{essence}; charset=utf-8"),
        false => essence.to_owned(),
    }
}

fn begins_like_text(start: &[u8]) -> bool {
    let start = start.get(..SNIFFED).unwrap_or(start);
    // The last character may be cut off.
    let valid = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && start.len() == SNIFFED,
    };
    valid && !start.contains(&0)
}

/// Returns whether compression of such a type is worth the work: text, and what compresses like it. For unknown types a
/// `Content-Length` serves the client better.
pub fn is_compressible(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default();
    essence.starts_with("text/")
        || SPARSE.iter().any(|sparse| essence.starts_with(sparse))
        || ["+xml", "+json"].iter().any(|suffix| essence.ends_with(suffix))
}

/// Returns whether the first bytes of a file are those of a compressed format.
pub fn is_dense(content: &dyn Content, start: &ContentStart) -> bool {
    let start = start.read(content);
    DENSE.iter().any(|dense| start.starts_with(dense))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_a_media_type_only_where_that_says_something() {
        let rows = [
            ("a.html", Some("text/html")),
            ("a.PDF", Some("application/pdf")),
            ("a.ts", None),
            ("A.java", None),
            ("a.dat", None),
            ("a.unknown", None),
        ];
        for (name, essence) in rows {
            assert_eq!(NamedType::of_last(name.as_bytes()).essence(), essence, "{name}");
        }
    }

    #[test]
    fn what_is_dense_already_is_not_compressed() {
        let rows = [
            ("text/html; charset=utf-8", true),
            ("image/svg+xml", true),
            ("application/ld+json; charset=utf-8", true),
            ("application/x-tar", true),
            ("application/octet-stream", false),
            ("application/x-iso9660-image", false),
            ("application/vnd.debian.binary-package", false),
            ("image/png", false),
            ("video/mp4", false),
            ("application/zip", false),
        ];
        for (media_type, worth) in rows {
            assert_eq!(is_compressible(media_type), worth, "{media_type}");
        }
    }
}
