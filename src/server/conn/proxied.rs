//! The PROXY header of a connection from a trusted proxy: received before anything else, also before TLS, and with it the
//! client that the connection belongs to from then on.

use std::io;
use std::ops::Range;
use std::time::Instant;

use crate::error::{Error, Result};
use crate::server::conn::refusal::refuse_connection;
use crate::server::exchange::closing_response;
use crate::server::limits::FIRST_READ;
use crate::server::net::{ConnectionGuard, ProxyHeader, Stream};
use crate::server::observe::Refusal;
use crate::server::shared::Server;

/// Takes a PROXY header off the first bytes of a connection; `received` is how many came. Returns the place of the others,
/// empty under TLS, which has them then. `None` where the connection is refused. Not inlined: most connections have no proxy.
#[inline(never)]
pub fn without_header(
    server: &Server,
    guard: &mut ConnectionGuard,
    buffer: &mut [u8; FIRST_READ],
    received: usize,
) -> Option<Range<usize>> {
    guard.may_have_header = false;
    let taken = take_header(server, &guard.connection.stream, buffer, received);
    let header = taken.and_then(|(header, end)| {
        let (length, client) = match header {
            ProxyHeader::Complete(length, client) => (length, Some(client)),
            _ => (0, None),
        };
        let rest = length..end;
        feed_tls(&guard.connection.stream, buffer.get(rest.clone()).unwrap_or_default())?;
        Ok((if guard.connection.stream.is_tls() { 0..0 } else { rest }, client))
    });
    match header {
        Ok((rest, None)) => Some(rest),
        Ok((rest, Some(client))) => {
            match guard.name_client(client, &server.limits, &server.trusted_proxies) {
                true => Some(rest),
                false => {
                    refuse_connection(server, &guard.connection.stream, Refusal::Address);
                    None
                }
            }
        }
        Err(error) => {
            refuse_header(server, &guard.connection.stream, &error);
            None
        }
    }
}

/// Receives a whole header, if one begins there; returns it with the number of bytes received so far.
fn take_header(
    server: &Server,
    stream: &Stream,
    buffer: &mut [u8; FIRST_READ],
    received: usize,
) -> Result<(ProxyHeader, usize)> {
    let (mut end, deadline) = (received, Instant::now() + server.limits.header_time);
    let named = |error| Error::io("client", error);
    loop {
        match ProxyHeader::detect(buffer.get(..end).unwrap_or_default())? {
            ProxyHeader::Incomplete => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || !stream.socket.wait_to_read(left).map_err(named)? {
                    return Err(Error::timed_out("PROXY header", "did not come in time"));
                }
                let mut bytes = &stream.socket;
                match io::Read::read(&mut bytes, buffer.get_mut(end..).unwrap_or_default()) {
                    Ok(0) => return Err(Error::io("client", io::ErrorKind::UnexpectedEof.into())),
                    Ok(read) => end += read,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(named(error)),
                }
            }
            found => return Ok((found, end)),
        }
    }
}

/// Hands bytes to TLS, where there is any. An error of kind `Invalid` where they look like a request in plain HTTP.
fn feed_tls(stream: &Stream, bytes: &[u8]) -> Result<()> {
    match bytes.first() {
        Some(first) if stream.is_tls() && first.is_ascii_alphabetic() => {
            let error = Error::invalid("TLS", "is spoken here, and plain HTTP came: use https://");
            stream.send_unencrypted(&closing_response(&error));
            Err(error)
        }
        _ => stream.feed_tls(bytes).map_err(|error| Error::io("client", error)),
    }
}

/// Logs a malformed header, and closes the connection without an answer: who sent it does not expect HTTP. A client that
/// has disconnected is not logged.
fn refuse_header(server: &Server, stream: &Stream, error: &Error) {
    if matches!(error, Error::Failed { .. }) {
        server.refuse(&stream.peer, Refusal::of_kind(error.kind()), error);
    }
    stream.socket.end_writing();
}
