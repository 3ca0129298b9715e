//! `--local`: runs filters in this process, on local files and streams. The results are the same as a server's, byte
//! for byte.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;

use crate::client::call::body_source;
use crate::client::output::standard_streams::mute_progress;
use crate::client::progress::display::{self, ProgressReader};
use crate::client::{BodySource, Client, Operand, Progress, RemoteName, Settings, filter};
use crate::error::{Error, Result};
use crate::text::{Compared, Filter, ReadAt, SizedFile, Source, SpoolStorage, unpack};

/// Returns the client, unless everything is done locally, which needs no server and no URL.
pub fn server(settings: &Settings, is_local: bool) -> Result<Option<Client>> {
    (!is_local).then(|| Client::new(settings)).transpose()
}

/// Makes the error for a file of the server with `--local`.
pub fn out_of_reach(name: &RemoteName) -> Error {
    Error::not_found(name.shown(), "is on the server, which --local does not use")
}

/// Runs a filter from a local source to a sink; an error of the sink names it.
pub fn run(
    work: &dyn Filter,
    source: &Operand,
    decompress: bool,
    sink: &mut dyn Write,
    name: &str,
) -> Result<()> {
    mute_progress(name);
    let mut sink = Named { sink, name };
    with_source(source, decompress, |source| work.run(source, &mut sink))
}

/// Copies a local source to a sink; an error of the sink names it.
pub fn copy(source: &Operand, sink: &mut dyn Write, name: &str) -> Result<()> {
    mute_progress(name);
    let source = filter::open(source)?;
    let mut reader = ProgressReader { reader: source.reader()?, progress: progress(&source) };
    let copied = body_source::copy(&mut reader, &mut Named { sink, name });
    copied.map_err(|error| Error::io(&source.name, error))
}

/// Runs a filter on a local file that is to be replaced by the result, and counts the changes.
pub fn change(work: &dyn Filter, source: &Operand, sink: &mut dyn Write, name: &str) -> Result<u64> {
    let mut sink = Named { sink, name };
    with_file(source, |file| work.change(file, &mut sink))
}

/// Replaces a local file by what `act` writes; returns 0 if the content stays the same.
pub fn compare(
    source: &Operand,
    sink: &mut dyn Write,
    act: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<u64> {
    with_file(source, |file| {
        let mut sink = Compared::new(file, sink);
        act(&mut sink)?;
        Ok(u64::from(!sink.is_same()))
    })
}

/// Opens a file that is to be replaced. One whose content is not as long as its size (as in /proc) is an error.
fn with_file<T>(source: &Operand, act: impl FnOnce(&dyn ReadAt) -> io::Result<T>) -> Result<T> {
    let upload = open(source)?;
    let Some((file, size)) = upload.whole_file() else {
        return Err(Error::conflict(upload.name, "is not a regular file"));
    };
    let counted = CountedFile { file: SizedFile { file, size }, progress: progress(&upload) };
    act(&counted).map_err(|error| Error::io(&upload.name, error))
}

/// Counts the occurrences of a word in a local source, which may be decompressed first.
pub fn count(search: &dyn Filter, source: &Operand, decompress: bool) -> Result<u64> {
    let mut answer = Vec::new();
    with_source(source, decompress, |source| search.run(source, &mut answer))?;
    filter::number(&answer)
}

/// Opens a source for a filter: a regular file is read at any offset, anything else in order.
fn with_source<T>(
    source: &Operand,
    decompress: bool,
    act: impl FnOnce(Source<'_>) -> io::Result<T>,
) -> Result<T> {
    let upload = open(source)?;
    let outcome = match upload.whole_file().filter(|_| !decompress) {
        Some((file, size)) => {
            let file = SizedFile { file, size };
            act(Source::File(&CountedFile { file, progress: progress(&upload) }))
        }
        None => {
            let reader = ProgressReader { reader: upload.reader()?, progress: progress(&upload) };
            let reader: io::Result<Box<dyn Read>> = match decompress {
                true => unpack(reader, upload.name.as_bytes()),
                false => Ok(Box::new(reader)),
            };
            reader.and_then(|mut bytes| act(Source::Stream { bytes: &mut bytes, spool: &spool }))
        }
    };
    outcome.map_err(|error| Error::io(&upload.name, error))
}

/// Begins to show how much of a source is read, as part of the work of the program.
fn progress(source: &BodySource) -> Progress {
    Progress::new(&source.name, source.size(), !display::is_shown())
}

/// A file whose reads are counted.
struct CountedFile<'a> {
    file: SizedFile<'a>,
    progress: Progress,
}

impl ReadAt for CountedFile<'_> {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.file.read_at(buffer, offset)?;
        self.progress.add(read as u64);
        Ok(read)
    }

    fn run_on_threads(&self, help: &(dyn Fn() + Sync), own: &mut dyn FnMut()) {
        self.file.run_on_threads(help, own);
    }
}

/// Opens a local source; one on the server is an error.
fn open(source: &Operand) -> Result<BodySource> {
    match source {
        Operand::Stored(name) => Err(out_of_reach(name)),
        local => filter::open(local),
    }
}

fn spool() -> io::Result<TemporarySpool> {
    named(tempfile::tempfile_in(std::env::temp_dir())).map(TemporarySpool)
}

/// A spool in the directory for temporary files, which its errors name.
struct TemporarySpool(File);

impl SpoolStorage for TemporarySpool {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        named(self.0.append(bytes))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        named(SpoolStorage::read_at(&self.0, buffer, offset))
    }

    fn clear(&mut self) -> io::Result<()> {
        named(self.0.clear())
    }
}

/// Names the directory for temporary files in an error.
fn named<T>(done: io::Result<T>) -> io::Result<T> {
    done.map_err(|error| Error::io(std::env::temp_dir().as_os_str().as_bytes(), error).into())
}

/// A sink that adds its name to errors; a broken pipe stays one.
struct Named<'a> {
    /// The sink.
    sink: &'a mut dyn Write,
    /// The name in error messages.
    name: &'a str,
}

impl Write for Named<'_> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.sink.write(block).map_err(|error| Error::io(self.name, error).into())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
