//! One connection from its first byte to its last: it waits for a request, reads the head, calls the router, and
//! repeats.

use std::io::{BufReader, Write};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::http::Request;
use crate::server::conn::proxied::without_header;
use crate::server::exchange::closing_response;
use crate::server::limits::{FIRST_READ, READ_AHEAD};
use crate::server::methods::router;
use crate::server::net::{ConnectionGuard, HeadReader, Received, Stream};
use crate::server::observe::{CloseReason, LogEntry, Refusal};
use crate::server::shared::Server;

/// What follows a burst of pipelined requests.
enum Next {
    /// Wait for the next request, which reuses the memory of this one.
    Requests(Request),
    /// Close after reading for a moment: the client may still be sending.
    Linger,
    /// Close now: the client asked for it.
    End,
    /// Reset the connection: the response has begun and cannot be completed.
    Reset,
}

/// The stack of the thread that serves a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// It has served nothing.
    Fresh,
    /// Requests have grown it.
    Grown,
}

/// Why a thread releases a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The connection has ended.
    Ended,
    /// It is idle, and better served by a thread with a fresh stack.
    Idle,
}

/// Serves a connection until it ends, or is idle for a while on a stack that requests have grown.
pub fn serve(server: &Server, guard: &mut ConnectionGuard, mut stack: Stack) -> ReleaseReason {
    let mut memory = None;
    // An idle connection holds a thread and a descriptor; the large buffer is allocated with the first byte.
    let mut first = [0; FIRST_READ];
    loop {
        let received = match guard.receive_request(&mut first, server.limits.idle_time) {
            Ok(Received::Bytes(received)) => received,
            Ok(Received::Waited) if stack == Stack::Grown => return ReleaseReason::Idle,
            Ok(Received::Waited) => continue,
            Ok(Received::TimedOut) => return ReleaseReason::Ended,
            Ok(Received::End) => {
                guard.connection.stream.end_writing();
                return ReleaseReason::Ended;
            }
            Err(error) => {
                refuse_handshake(server, &guard.connection.stream, &Error::io("client", error));
                return ReleaseReason::Ended;
            }
        };
        stack = Stack::Grown;
        let received = match guard.may_have_header {
            false => 0..received,
            true => match without_header(server, guard, &mut first, received) {
                None => return ReleaseReason::Ended,
                Some(rest) if rest.is_empty() => continue,
                Some(rest) => rest,
            },
        };
        let received = first.get(received).unwrap_or_default();
        let stream = &guard.connection.stream;
        let mut input = BufReader::with_capacity(READ_AHEAD, HeadReader::new(stream, received));
        match serve_burst(server, guard, &mut input, memory.take()) {
            Next::Requests(used) => {
                memory = Some(used);
                continue;
            }
            Next::Linger => stream.linger(),
            Next::End => stream.end_writing(),
            Next::Reset => stream.socket.abort(),
        }
        return ReleaseReason::Ended;
    }
}

/// Answers requests until the read buffer is empty.
fn serve_burst(
    server: &Server,
    guard: &ConnectionGuard,
    input: &mut BufReader<HeadReader<'_>>,
    mut memory: Option<Request>,
) -> Next {
    let (stream, connection) = (&guard.connection.stream, guard.number);
    loop {
        let request = match read_request(server, input, memory.take()) {
            Ok(Some(request)) => request,
            Ok(None) => return Next::End,
            Err(error) => {
                refuse(server, stream, &error);
                return Next::Linger;
            }
        };
        let begun = Instant::now();
        // Not the timer of writes: a client that sends many requests and hardly reads must be timed out.
        stream.socket.read_timer.reset();
        let client = server.trusted_proxies.client_on(stream, &request.fields);
        let outcome = router::answer(server, stream, &client, &request, input);
        let peer = client.as_ref().map_or(stream.client(), |client| &client.peer);
        let took = begun.elapsed();
        server.metrics.answered(request.method.name(), &outcome, took);
        server.log.exchange(&LogEntry { peer, connection, request: &request, outcome: &outcome, took });
        let is_drained = input.buffer().is_empty();
        match outcome.close {
            Some(CloseReason::Aborted) => return Next::Reset,
            Some(CloseReason::ClientRequested) if is_drained => return Next::End,
            Some(_) => return Next::Linger,
            None if is_drained => return Next::Requests(request),
            None => memory = Some(request),
        }
    }
}

/// Reads a head within its time limit. Not inlined: its locals would enlarge the stack frame below every response, and
/// with it the resident memory of each slow connection.
#[inline(never)]
fn read_request(
    server: &Server,
    input: &mut BufReader<HeadReader<'_>>,
    memory: Option<Request>,
) -> Result<Option<Request>> {
    input.get_mut().deadline = Some(Instant::now() + server.limits.header_time);
    let request = Request::read(input, memory);
    input.get_mut().deadline = None;
    request
}

/// Logs a failed TLS handshake; a client that speaks plain HTTP gets a response. A disconnected client is not logged.
#[inline(never)]
fn refuse_handshake(server: &Server, stream: &Stream, error: &Error) {
    if matches!(error, Error::Failed { .. }) {
        server.refuse(stream.client(), Refusal::of_kind(error.kind()), error);
        stream.end_unencrypted(&closing_response(error));
    }
}

/// Answers a malformed request, unless the client has disconnected.
fn refuse(server: &Server, stream: &Stream, error: &Error) {
    let gone = matches!(error, Error::Failed { kind: ErrorKind::Interrupted, .. } | Error::System { .. });
    if !gone {
        let mut out = stream;
        // The client may have disconnected; ignore the write error.
        let _ = out.write_all(&closing_response(error));
        server.refuse(stream.client(), Refusal::of_kind(error.kind()), error);
    }
}
