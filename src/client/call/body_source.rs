//! Body sources: a local file or pipe, all of it or the rest from an offset on. `sending.rs` sends it.

use std::fs::{File, Metadata};
use std::io::{self, Cursor, IsTerminal, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::client::call::file_span::FileSpan;
use crate::client::call::segment::{PAUSE, SegmentReader, SharedTally};
use crate::client::conn::silence::is_readable;
use crate::client::output::destination::descriptor;
use crate::client::output::local_version::LocalVersion;
use crate::client::output::standard_streams::{self, STDIN};
use crate::client::progress::display::mute;
use crate::error::{Error, Result, shown};
use crate::http::coding::Encoder;
use crate::http::digest::Hasher;
use crate::io_block;

/// From this size on, in bytes, the request waits for `100 Continue`.
const EXPECT_CONTINUE_FROM: u64 = 1024 * 1024;
/// Up to this size, in bytes, a body is read before it is sent: its length and digest are in the head then.
const SHORT_MAX: u64 = 1024 * 1024;
/// The size of a read, in bytes.
const BLOCK: usize = 256 * 1024;

/// A local source of bytes: a file, or standard input.
#[derive(Debug)]
pub struct BodySource {
    /// The name in error messages.
    pub name: String,
    file: File,
    /// Offset and length, of a regular file.
    span: Option<(u64, u64)>,
    /// The digest of the bytes before these, if they are the rest of a file.
    before: Hasher,
    /// The bytes of a pipe that were read already.
    first: Vec<u8>,
    /// The metadata of a named local file when it was opened.
    opened: Option<Metadata>,
    /// Whether it is an error if the file is written to while it is read.
    refuses_changes: bool,
    /// The segment up to the next pause of a pipe, and its count, if only that is sent.
    segment: Option<SharedTally>,
}

impl BodySource {
    /// Opens a local file. A directory is an error.
    pub fn open(path: &Path) -> Result<Self> {
        let name = shown(path.as_os_str().as_encoded_bytes());
        if descriptor(path) == Some(0) {
            standard_streams::input()?;
        }
        let file = File::open(path).map_err(|error| Error::io(&name, error))?;
        let meta = file.metadata().map_err(|error| Error::io(&name, error))?;
        Ok(BodySource { opened: Some(meta), ..BodySource::new(name, file)? })
    }

    /// Makes it an error if the file is written to while it is read; of kind `Busy`. The body then ends before it is
    /// complete, so that the server stores nothing.
    pub(crate) fn refuse_changes(self) -> Self {
        BodySource { refuses_changes: true, ..self }
    }

    /// Opens standard input: from its current offset, if it is a regular file, whose offset is then moved to its end
    /// (POSIX, Utility Description Defaults, INPUT FILES).
    pub fn stdin() -> Result<Self> {
        let input = standard_streams::input()?;
        // Nothing may be drawn between the lines that a person types.
        if input.is_terminal() {
            mute();
        }
        let mut upload = BodySource::new(STDIN.to_owned(), input)?;
        if let Some((start, size)) = upload.span {
            let end = upload.file.seek(SeekFrom::Start(start + size));
            end.map_err(|error| Error::io(&upload.name, error))?;
        }
        Ok(upload)
    }

    fn new(name: String, mut file: File) -> Result<Self> {
        let span = span_of(&mut file).map_err(|error| Error::io(&name, error))?;
        Ok(BodySource::over(name, file, span))
    }

    /// Makes a source of a part of an open regular file, or of everything from a pipe.
    fn over(name: String, file: File, span: Option<(u64, u64)>) -> Self {
        let (before, first) = (Hasher::default(), Vec::new());
        let (opened, refuses_changes) = (None, false);
        BodySource { name, file, span, before, first, opened, refuses_changes, segment: None }
    }

    /// Makes a source of these bytes; `before` is the digest of those before them.
    pub(crate) fn of_bytes(name: &str, bytes: &[u8], before: Hasher) -> Result<Self> {
        let named = |error: io::Error| Error::io(name, error);
        let mut file: File =
            memfd_create(c"cfp", MFdFlags::MFD_CLOEXEC).map_err(|errno| named(errno.into()))?.into();
        file.write_all(bytes).map_err(named)?;
        let span = Some((0, bytes.len() as u64));
        Ok(BodySource { before, ..BodySource::over(name.to_owned(), file, span) })
    }

    /// Waits for the first bytes of a pipe: there is no reason to connect before.
    pub(crate) fn await_first(&mut self) -> Result<()> {
        if self.span.is_none() && self.first.is_empty() {
            self.first = self.read_some()?;
        }
        Ok(())
    }

    /// Reads a pipe until it pauses or exceeds a short body. One that ends before becomes a short body.
    pub(crate) fn gather(&mut self) -> Result<()> {
        self.await_first()?;
        while self.span.is_none() {
            let is_long = self.first.len() as u64 > SHORT_MAX;
            if is_long || (!self.first.is_empty() && !is_readable(&self.file, PAUSE)) {
                return Ok(());
            }
            let more = if self.first.is_empty() { Vec::new() } else { self.read_some()? };
            match more.is_empty() {
                true => *self = BodySource::of_bytes(&self.name, &self.first, Hasher::default())?,
                false => self.first.extend_from_slice(&more),
            }
        }
        Ok(())
    }

    /// Returns the bytes of a pipe that were read already.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// Reads some bytes of a pipe as soon as there are any; none at its end.
    pub(crate) fn read_some(&self) -> Result<Vec<u8>> {
        let mut block = vec![0; BLOCK];
        loop {
            match (&self.file).read(&mut block) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    block.truncate(read.map_err(|error| Error::io(&self.name, error))?);
                    return Ok(block);
                }
            }
        }
    }

    /// Returns the segment of a pipe up to its next pause, which begins with the bytes read already.
    pub(crate) fn segment(&self, first: Vec<u8>, tally: &SharedTally) -> Result<Self> {
        let file = self.file.try_clone().map_err(|error| Error::io(&self.name, error))?;
        let segment = Some(tally.clone());
        Ok(BodySource { first, segment, ..BodySource::over(self.name.clone(), file, None) })
    }

    /// Returns the modification time of a named local file, in seconds since 1970.
    pub(crate) fn modified(&self) -> Option<i64> {
        self.opened.as_ref().filter(|meta| meta.is_file()).map(Metadata::mtime)
    }

    /// Returns what distinguishes a version of a named local file from all others.
    pub(crate) fn version(&self) -> Option<String> {
        let meta = self.file.metadata().ok().filter(|_| self.modified().is_some())?;
        Some(LocalVersion::of(&meta).to_string())
    }

    /// Returns the size, if it is known before the bytes are read.
    pub fn size(&self) -> Option<u64> {
        self.span.map(|(_, size)| size)
    }

    /// Returns whether the bytes can be read again.
    pub fn is_rereadable(&self) -> bool {
        self.span.is_some()
    }

    /// Reads the body of a short file, encoded if wanted; `None` if it is long or its size is unknown.
    pub fn short_body(&self, zstd: bool) -> Result<Option<Vec<u8>>> {
        if self.size().is_none_or(|size| size > SHORT_MAX) {
            return Ok(None);
        }
        let size = self.size().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        let mut plain = Vec::with_capacity(size);
        let named = |error| Error::io(&self.name, error);
        self.reader()?.read_to_end(&mut plain).map_err(named)?;
        if !zstd {
            return Ok(Some(plain));
        }
        let mut encoder = Encoder::new(Vec::new()).map_err(named)?;
        encoder.write_all(&plain).and_then(|()| encoder.finish()).map(Some).map_err(named)
    }

    /// Returns whether to wait for `100 Continue`: there may be many bytes, or they can be read only once.
    pub fn is_worth_expect_continue(&self) -> bool {
        self.size().is_none_or(|size| size > EXPECT_CONTINUE_FROM)
    }

    /// Returns the file and its size, of a regular file that is read from its beginning.
    pub fn whole_file(&self) -> Option<(&File, u64)> {
        self.span.filter(|(start, _)| *start == 0).map(|(_, size)| (&self.file, size))
    }

    /// Returns a reader of the bytes from the first one. A regular file is read at offsets, because a thread that still
    /// sends to a broken connection would share its file position.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>> {
        let file = self.file.try_clone().map_err(|error| Error::io(&self.name, error))?;
        Ok(match self.span {
            Some((at, size)) => {
                let opened = self.opened.as_ref().filter(|_| self.refuses_changes);
                let version = opened.map(|meta| (self.name.clone(), LocalVersion::of(meta)));
                Box::new(FileSpan { file, at, left: size, version })
            }
            None => {
                let first = Cursor::new(self.first.clone());
                match &self.segment {
                    Some(tally) => Box::new(SegmentReader { first, file, tally: tally.clone() }),
                    None => Box::new(first.chain(file)),
                }
            }
        })
    }

    /// Adds a part of the bytes to a digest. Only of a regular file.
    pub fn hash(&self, part: Range<u64>, hasher: &mut Hasher) -> Result<()> {
        let (start, _) = self.span.unwrap_or_default();
        let left = part.end.saturating_sub(part.start);
        let mut span = FileSpan { file: &self.file, at: start + part.start, left, version: None };
        copy(&mut span, hasher).map_err(|error| Error::io(&self.name, error))
    }

    /// Returns a source of the bytes of a regular file from `offset` on; `before` is the digest of those before.
    pub fn rest(&self, offset: u64, before: Hasher) -> Result<Self> {
        let file = self.file.try_clone().map_err(|error| Error::io(&self.name, error))?;
        let span = self.span.map(|(start, size)| (start + offset, size.saturating_sub(offset)));
        let (opened, refuses_changes) = (self.opened.clone(), self.refuses_changes);
        Ok(BodySource { before, opened, refuses_changes, ..BodySource::over(self.name.clone(), file, span) })
    }

    /// Returns the digest of the bytes before the first one.
    pub fn before(&self) -> Hasher {
        self.before.clone()
    }
}

fn span_of(file: &mut File) -> io::Result<Option<(u64, u64)>> {
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !meta.is_file() || !is_size(file, meta.len())? {
        return Ok(None);
    }
    let start = file.stream_position()?;
    Ok(Some((start, meta.len().saturating_sub(start))))
}

/// Returns whether a file's size is reliable. Files of /proc have size 0 and those of /sys a page, whatever they
/// contain: they are read to their end.
fn is_size(file: &File, size: u64) -> io::Result<bool> {
    let read = file.read_at(&mut [0], size.saturating_sub(1))?;
    Ok((read > 0) == (size > 0))
}

/// Copies bytes block by block.
pub fn copy(reader: &mut impl Read, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    io_block::copy(reader, writer, BLOCK).map(drop)
}
