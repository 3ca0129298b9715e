//! Uploads: a local source of bytes, and the thread that sends it while the answer is read.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use super::connect::Socket;
use super::progress::{Counted, Progress};
use crate::error::{Error, Result, shown};
use crate::http::coding::Encoder;
use crate::http::digest::{self, Hasher};
use crate::http::{BodyWriter, Fields, Framing};

/// From this size on a server is asked before the body is sent, in bytes.
const ASK_FROM: u64 = 1024 * 1024;
/// How long a server that was asked may take to say so (RFC 9110 §10.1.1: a client must not wait for ever).
const ASK_FOR: Duration = Duration::from_secs(1);
/// How long a complete answer waits for the sending thread to say that it is done.
const SETTLE: Duration = Duration::from_secs(1);
/// Up to this size a body is read whole before it is sent, in bytes: its length and digest stand in the head then.
const SHORT_MAX: u64 = 1024 * 1024;
/// What is read from the source at once, in bytes.
const BLOCK: usize = 128 * 1024;

/// A local source of bytes: a file, or standard input.
#[derive(Debug)]
pub struct Upload {
    /// What a person calls it.
    pub name: String,
    file: File,
    /// Where the bytes begin and how many there are, for a regular file.
    place: Option<(u64, u64)>,
}

impl Upload {
    /// Opens a local file. A directory is an error.
    pub fn open(path: &Path) -> Result<Self> {
        let name = shown(path.as_os_str().as_encoded_bytes());
        let file = File::open(path).map_err(|wrong| Error::io(&name, wrong))?;
        Upload::new(name, file)
    }

    /// Standard input: from where it stands, when it is a regular file.
    pub fn stdin() -> Result<Self> {
        let name = "standard input".to_owned();
        let owned = io::stdin().as_fd().try_clone_to_owned().map_err(|wrong| Error::io(&name, wrong))?;
        Upload::new(name, File::from(owned))
    }

    fn new(name: String, mut file: File) -> Result<Self> {
        let place = place_of(&mut file).map_err(|wrong| Error::io(&name, wrong))?;
        Ok(Upload { name, file, place })
    }

    /// How many bytes there are, where that is known before they are read.
    pub fn size(&self) -> Option<u64> {
        self.place.map(|(_, size)| size)
    }

    /// Whether the bytes can be read a second time.
    pub fn can_repeat(&self) -> bool {
        self.place.is_some()
    }

    /// The body of a short file, coded where that is wanted; `None` where it is long or nobody knows.
    pub fn short_body(&self, zstd: bool) -> Result<Option<Vec<u8>>> {
        if self.size().is_none_or(|size| size > SHORT_MAX) {
            return Ok(None);
        }
        let mut plain = Vec::new();
        let named = |wrong| Error::io(&self.name, wrong);
        self.reader()?.read_to_end(&mut plain).map_err(named)?;
        if !zstd {
            return Ok(Some(plain));
        }
        let mut encoder = Encoder::new(Vec::new()).map_err(named)?;
        encoder.write_all(&plain).and_then(|()| encoder.finish()).map(Some).map_err(named)
    }

    /// Whether a server is better asked before the bytes are sent: there may be many, or they come only once.
    pub fn is_worth_asking(&self) -> bool {
        self.size().is_none_or(|size| size > ASK_FROM)
    }

    /// The file and its size, where it is a regular one that is read from its beginning.
    pub fn whole_file(&self) -> Option<(&File, u64)> {
        self.place.filter(|(start, _)| *start == 0).map(|(_, size)| (&self.file, size))
    }

    /// The bytes, from the first one. The position is shared with whoever has the file open: read one at a time.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>> {
        let open = || -> io::Result<Box<dyn Read + Send>> {
            let mut file = self.file.try_clone()?;
            match self.place {
                Some((start, size)) => {
                    file.seek(SeekFrom::Start(start))?;
                    Ok(Box::new(file.take(size)))
                }
                None => Ok(Box::new(file)),
            }
        };
        open().map_err(|wrong| Error::io(&self.name, wrong))
    }
}

fn place_of(file: &mut File) -> io::Result<Option<(u64, u64)>> {
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    // Files of /proc say 0 and hold more: they are read until they end.
    if !meta.is_file() || (meta.len() == 0 && file.read_at(&mut [0], 0)? > 0) {
        return Ok(None);
    }
    let start = file.stream_position()?;
    Ok(Some((start, meta.len().saturating_sub(start))))
}

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// All of it is on the wire.
    All,
    /// None of it: the server's answer came first.
    Nothing,
    /// Some of it, until the server closed the connection. Its answer tells why.
    Part,
}

/// How a body goes over the wire.
#[derive(Debug)]
pub struct Form {
    /// Its framing.
    pub framing: Framing,
    /// Whether it is coded with zstd.
    pub zstd: bool,
    /// Whether the server is asked first.
    pub asks: bool,
    /// All of it, coded, where it is short.
    pub short: Option<Vec<u8>>,
    /// Whether its digest follows it, in the trailer section.
    pub digest_follows: bool,
}

/// A body on its way. Dropped, it is not waited for: its source may never end.
#[derive(Debug)]
pub struct Sending {
    /// The bar of the body.
    pub progress: Progress,
    go: Option<Sender<()>>,
    outcome: Receiver<Result<Sent>>,
}

impl Sending {
    /// Sends the bytes of `upload` in a thread of its own.
    pub fn start(upload: &Upload, mut form: Form, socket: Socket, progress: Progress) -> Result<Self> {
        let (reader, encodes): (Box<dyn Read + Send>, _) = match form.short.take() {
            Some(body) => (Box::new(Cursor::new(body)), false),
            None => (upload.reader()?, form.zstd),
        };
        form.zstd = encodes;
        let reader = Counted { reader, progress: progress.clone() };
        let name = upload.name.clone();
        let (go, asked) = mpsc::channel();
        let (told, outcome) = mpsc::channel();
        let work = move || {
            let sent = match form.asks && asked.recv_timeout(ASK_FOR) == Err(RecvTimeoutError::Disconnected) {
                true => Ok(Sent::Nothing),
                false => send(reader, &form, &socket, &name),
            };
            let failed = sent.is_err();
            let _ = told.send(sent);
            // Only now: whoever reads the answer finds the reason when the connection ends.
            if failed {
                socket.cut();
            }
        };
        thread::Builder::new().spawn(work).map_err(|wrong| Error::io("a thread", wrong))?;
        Ok(Sending { progress, go: Some(go), outcome })
    }

    /// The server has said that it wants the body.
    pub fn go_on(&self) {
        if let Some(go) = &self.go {
            let _ = go.send(());
        }
    }

    /// The server's final answer begins: a body that was not begun stays here, and the bar goes.
    pub fn hold(&mut self) {
        self.go = None;
        self.progress.clear();
    }

    /// What became of the body, once the answer of success is complete; `None` when it is still being sent.
    pub fn outcome(&self) -> Option<Result<Sent>> {
        self.outcome.recv_timeout(SETTLE).ok()
    }

    /// What has become of the body so far.
    pub fn outcome_now(&self) -> Option<Result<Sent>> {
        self.outcome.try_recv().ok()
    }

    /// Why the source could not be sent, where that is why the connection ended: it was told before that.
    pub fn failure(&self) -> Option<Error> {
        self.outcome_now().and_then(Result::err)
    }
}

/// Reads the source and writes the body; an error names the source.
fn send(mut reader: impl Read, form: &Form, socket: &Socket, name: &str) -> Result<Sent> {
    let body = BodyWriter::new(Wire(socket.clone()), form.framing);
    let mut body = Hashed { body, hasher: form.digest_follows.then(Hasher::default) };
    let sent = if form.zstd {
        Encoder::new(body).and_then(|mut encoder| {
            copy(&mut reader, &mut encoder)?;
            encoder.finish()?.finish()
        })
    } else {
        copy(&mut reader, &mut body).and_then(|()| body.finish())
    };
    match sent.map_err(|wrong| Error::io(name, wrong)) {
        Ok(_) => Ok(Sent::All),
        Err(Error::Cut { name, .. }) if name == WIRE => Ok(Sent::Part),
        Err(Error::Cut { .. }) => Err(Error::cut(name, "became shorter while it was sent")),
        Err(wrong) => Err(wrong),
    }
}

/// Moves bytes a block at a time.
pub fn copy(reader: &mut impl Read, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match reader.read(&mut block) {
            Ok(0) => return Ok(()),
            Ok(read) => writer.write_all(block.get(..read).unwrap_or_default())?,
            Err(wrong) if wrong.kind() == io::ErrorKind::Interrupted => {}
            Err(wrong) => return Err(wrong),
        }
    }
}

/// A body whose digest is taken as it is sent, of the bytes as they are sent, where it is to follow them.
struct Hashed<W> {
    body: BodyWriter<W>,
    hasher: Option<Hasher>,
}

impl<W: Write> Hashed<W> {
    fn finish(self) -> io::Result<W> {
        let mut trailers = Fields::new();
        if let Some(hasher) = self.hasher {
            trailers.push(DIGEST, digest::format(&hasher.finish()));
        }
        self.body.finish(&trailers)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        let written = self.body.write(block)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(block.get(..written).unwrap_or_default());
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.body.flush()
    }
}

/// The field of a body's digest, in the head or in the trailer section.
pub const DIGEST: &str = "Repr-Digest";

/// What an error of the wire names, so that it is told from one of the source.
const WIRE: &str = "the wire";

/// The socket as a body's sink: what it refuses is the server's doing, not the source's.
struct Wire(Socket);

impl Write for Wire {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.0.write(block).map_err(|_| Error::cut(WIRE, "is closed").into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
