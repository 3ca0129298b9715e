//! Sends bodies: a thread sends one while the response is read, and reports how it ended.

use std::io::{self, Cursor, IoSlice, Read, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::client::call::body_source::copy;
use crate::client::call::file_span::SHORTER;
use crate::client::conn::connect::ClientSocket;
use crate::client::progress::display::ProgressReader;
use crate::client::{BodySource, Progress};
use crate::error::{Error, ErrorKind, Result};
use crate::http::coding::Encoder;
use crate::http::digest::{self, Hasher, REPR_DIGEST, Tee};
use crate::http::{BodyWriter, Fields, Framing};

/// How long to wait for `100 Continue` (RFC 9110 §10.1.1: not indefinitely).
const CONTINUE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a complete response waits for the sending thread to report its end.
const SETTLE: Duration = Duration::from_secs(1);

/// How the sending of a body ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// All of it was sent.
    All,
    /// None of it: the response came first.
    Nothing,
    /// A part of it, until the server closed the connection. The response says why.
    Part,
}

/// How a body is sent.
#[derive(Debug)]
pub struct BodyPlan {
    /// The framing.
    pub framing: Framing,
    /// Whether it is encoded with zstd.
    pub zstd: bool,
    /// Whether to wait for `100 Continue`.
    pub expects_continue: bool,
    /// All of it, encoded, if it is short.
    pub short: Option<Vec<u8>>,
    /// The hasher of its digest, if that follows in the trailer section.
    pub digest: Option<Hasher>,
}

/// A body being sent. Dropping it does not wait: the source may never end.
#[derive(Debug)]
pub struct Sending {
    /// The progress bar of the body.
    pub progress: Progress,
    go: Option<Sender<()>>,
    outcome: Receiver<Result<Sent>>,
}

impl Sending {
    /// Sends the bytes of `upload` in a thread of its own.
    pub fn start(
        upload: &BodySource,
        mut plan: BodyPlan,
        socket: ClientSocket,
        progress: Progress,
    ) -> Result<Self> {
        let (reader, encodes): (Box<dyn Read + Send>, _) = match plan.short.take() {
            Some(body) => (Box::new(Cursor::new(body)), false),
            None => (upload.reader()?, plan.zstd),
        };
        plan.zstd = encodes;
        let reader = ProgressReader { reader, progress: progress.clone() };
        let (name, sent_all) = (upload.name.clone(), progress.clone());
        let (go, asked) = mpsc::channel();
        let (told, outcome) = mpsc::channel();
        socket.silence.begin_sending();
        let work = move || {
            let sent = match plan.expects_continue
                && asked.recv_timeout(CONTINUE_TIMEOUT) == Err(RecvTimeoutError::Disconnected)
            {
                true => Ok(Sent::Nothing),
                false => send(reader, &plan, &socket, &name),
            };
            sent_all.wait();
            let failed = sent.is_err();
            socket.silence.end_sending();
            let _ = told.send(sent);
            // Report first: the reader of the response looks for the reason once the connection has ended.
            if failed {
                socket.shut_down();
            }
        };
        thread::Builder::new().spawn(work).map_err(|error| Error::io("a thread", error))?;
        Ok(Sending { progress, go: Some(go), outcome })
    }

    /// Notes that the server wants the body (`100 Continue`).
    pub fn continue_with_body(&self) {
        if let Some(go) = &self.go {
            let _ = go.send(());
        }
    }

    /// Notes that the final response begins: a body that was not begun is not sent, and the progress bar is removed.
    pub fn stop_before_body(&mut self) {
        self.go = None;
        self.progress.clear();
    }

    /// Waits shortly for the end of sending, after a complete successful response; `None` if it is still running.
    pub fn outcome(&self) -> Option<Result<Sent>> {
        self.outcome.recv_timeout(SETTLE).ok()
    }

    /// Returns how sending ended, if it has.
    pub fn outcome_now(&self) -> Option<Result<Sent>> {
        self.outcome.try_recv().ok()
    }

    /// Returns why the source could not be read, if that ended the connection.
    pub fn failure(&self) -> Option<Error> {
        self.outcome_now().and_then(Result::err)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.progress.clear();
    }
}

/// Reads the source and writes the body; an error names the source.
fn send(mut reader: impl Read, plan: &BodyPlan, socket: &ClientSocket, name: &str) -> Result<Sent> {
    let body = BodyWriter::new(Wire(socket.clone()), plan.framing);
    let body = if socket.is_vectored() { body.vectored() } else { body };
    let mut body = Tee { writer: body, hasher: plan.digest.clone() };
    let sent = if plan.zstd {
        Encoder::new(body).and_then(|mut encoder| {
            copy(&mut reader, &mut encoder)?;
            finish(encoder.finish()?)
        })
    } else {
        copy(&mut reader, &mut body).and_then(|()| finish(body))
    };
    match sent.map_err(|error| Error::io(name, error)) {
        Ok(_) => Ok(Sent::All),
        Err(Error::Failed { kind: ErrorKind::Interrupted, name, .. }) if name == WIRE => Ok(Sent::Part),
        Err(Error::Failed { kind: ErrorKind::Interrupted, .. }) => Err(Error::interrupted(name, SHORTER)),
        Err(error) => Err(error),
    }
}

/// Ends a body, with the digest of the bytes as sent in the trailer section if one was computed.
fn finish<W: Write>(body: Tee<BodyWriter<W>>) -> io::Result<W> {
    let mut trailers = Fields::new();
    if let Some(hasher) = body.hasher {
        trailers.push(REPR_DIGEST, digest::format(&hasher.finish()));
    }
    body.writer.finish(&trailers)
}

/// The name in errors of the socket, to distinguish them from those of the source.
const WIRE: &str = "the wire";

/// The error of the socket.
fn closed(_: io::Error) -> io::Error {
    Error::interrupted(WIRE, "is closed").into()
}

/// The socket as a sink for a body: its errors are the server's, not the source's.
struct Wire(ClientSocket);

impl Write for Wire {
    fn write(&mut self, block: &[u8]) -> io::Result<usize> {
        self.0.write(block).map_err(closed)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(slices).map_err(closed)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
