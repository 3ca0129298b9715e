//! Bodies on their way: the thread that sends one while the answer is read, and what became of it.

use std::io::{self, Cursor, Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::client::call::body_source::{BodySource, SHORTER, copy};
use crate::client::call::progress::{Counted, Progress};
use crate::client::conn::connect::Socket;
use crate::error::{Error, ErrorKind, Result};
use crate::http::coding::Encoder;
use crate::http::digest::{self, Hasher};
use crate::http::{BodyWriter, Fields, Framing};

/// How long a server that was asked may take to say so (RFC 9110 §10.1.1: a client must not wait for ever).
const ASK_FOR: Duration = Duration::from_secs(1);
/// How long a complete answer waits for the sending thread to say that it is done.
const SETTLE: Duration = Duration::from_secs(1);

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
    /// What its digest is begun with, where that follows it in the trailer section.
    pub digest: Option<Hasher>,
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
    pub fn start(upload: &BodySource, mut form: Form, socket: Socket, progress: Progress) -> Result<Self> {
        let (reader, encodes): (Box<dyn Read + Send>, _) = match form.short.take() {
            Some(body) => (Box::new(Cursor::new(body)), false),
            None => (upload.reader()?, form.zstd),
        };
        form.zstd = encodes;
        let reader = Counted { reader, progress: progress.clone() };
        let name = upload.name.clone();
        let (go, asked) = mpsc::channel();
        let (told, outcome) = mpsc::channel();
        socket.silence.begin_sending();
        let work = move || {
            let sent = match form.asks && asked.recv_timeout(ASK_FOR) == Err(RecvTimeoutError::Disconnected) {
                true => Ok(Sent::Nothing),
                false => send(reader, &form, &socket, &name),
            };
            let failed = sent.is_err();
            socket.silence.end_sending();
            let _ = told.send(sent);
            // Only now: whoever reads the answer finds the reason when the connection ends.
            if failed {
                socket.cut();
            }
        };
        thread::Builder::new().spawn(work).map_err(|error| Error::io("a thread", error))?;
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
    let mut body = Hashed { body, hasher: form.digest.clone() };
    let sent = if form.zstd {
        Encoder::new(body).and_then(|mut encoder| {
            copy(&mut reader, &mut encoder)?;
            encoder.finish()?.finish()
        })
    } else {
        copy(&mut reader, &mut body).and_then(|()| body.finish())
    };
    match sent.map_err(|error| Error::io(name, error)) {
        Ok(_) => Ok(Sent::All),
        Err(Error::Failed { kind: ErrorKind::Interrupted, name, .. }) if name == WIRE => Ok(Sent::Part),
        Err(Error::Failed { kind: ErrorKind::Interrupted, .. }) => Err(Error::interrupted(name, SHORTER)),
        Err(error) => Err(error),
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
        self.0.write(block).map_err(|_| Error::interrupted(WIRE, "is closed").into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
