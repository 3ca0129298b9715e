//! Accepts connections: one thread for each listener, one for each connection up to the limit. Past the limit it
//! answers 503 itself.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::error::{Error, Result};
use crate::server::conn::refusal::refuse_connection;
use crate::server::conn::workers::Workers;
use crate::server::limits::EXHAUSTED_PAUSE;
use crate::server::net::{Listener, Socket, Stream};
use crate::server::observe::Peer;
use crate::server::shared::Server;

/// The threads that accept connections.
pub struct Acceptors {
    threads: Vec<thread::JoinHandle<()>>,
    /// Closed to end the threads.
    stop: io::PipeWriter,
}

impl Acceptors {
    /// Starts a thread for each listener, and passes its URL to `say`.
    pub fn start(
        server: &Arc<Server>,
        listeners: Vec<Listener>,
        say: impl Fn(&str) -> io::Result<()>,
    ) -> Result<Self> {
        let named = |error| Error::io("acceptor", error);
        let (stopped, stop) = io::pipe().map_err(named)?;
        let workers = Workers::new(server);
        let mut threads = Vec::new();
        for listener in listeners {
            let (server, workers) = (Arc::clone(server), Arc::clone(&workers));
            let stopped = stopped.try_clone().map_err(named)?;
            say(&listener.url).map_err(|error| Error::io("standard output", error))?;
            let accept = thread::Builder::new().name("accept".to_owned());
            threads.push(
                accept.spawn(move || accept_all(&server, &workers, &listener, &stopped)).map_err(named)?,
            );
        }
        Ok(Acceptors { threads, stop })
    }

    /// Stops accepting connections, and waits until no thread does.
    pub fn stop(self) {
        drop(self.stop);
        for thread in self.threads {
            // The thread returns once `stop` is closed; a panic aborts the process.
            let _ = thread.join();
        }
    }
}

/// Raises the limit of file descriptors to the hard limit: a connection may hold four at once, and the usual soft
/// limit is for programs that call select(2).
pub fn raise_descriptor_limit() -> Result<()> {
    let named = |error: Errno| Error::io("limit of descriptors", error.into());
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(named)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).map_err(named)
}

fn accept_all(server: &Server, workers: &Arc<Workers>, listener: &Listener, stop: &io::PipeReader) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    loop {
        match listener.accept(stop) {
            Ok(None) => return,
            Ok(Some((socket, peer))) => start_connection(server, workers, socket, peer),
            // The error concerns this connection only: the client has disconnected, another process has accepted it, or a
            // signal came.
            Err(error)
                if matches!(error.kind(), ConnectionAborted | Interrupted | ConnectionReset | WouldBlock) => {
            }
            Err(error) => {
                // No descriptor or memory is left: pause, or this would spin.
                server.log.error(&Error::io("accept", error));
                thread::park_timeout(EXHAUSTED_PAUSE);
            }
        }
    }
}

/// Serves a connection in a thread, or answers 503 where there is none.
fn start_connection(server: &Server, workers: &Arc<Workers>, socket: OwnedFd, peer: Peer) {
    let stream = match open_stream(server, socket, peer) {
        Ok(stream) => stream,
        Err(error) => return server.log.error(&Error::io("connection", error)),
    };
    let guard = match server.connections.enter(stream, &server.limits, &server.trusted_proxies) {
        Ok(guard) => guard,
        Err(refused) => return refuse_connection(server, &refused.0, refused.1),
    };
    workers.serve(guard);
}

/// Opens a connection as a stream, with TLS from a network, where there is a certificate. A Unix socket needs none.
fn open_stream(server: &Server, socket: OwnedFd, peer: Peer) -> io::Result<Stream> {
    let socket = Socket::new(socket, server.send_size, &server.limits, server.metrics.traffic.clone());
    let tls = server.tls.as_ref().filter(|_| matches!(peer, Peer::Address(_)));
    let session = tls.map(|tls| tls.session(server.limits.header_time)).transpose()?;
    Ok(Stream::new(socket, peer, session))
}
