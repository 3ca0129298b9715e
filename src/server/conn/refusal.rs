//! The response to a connection that is not served.

use std::io::Read;
use std::time::Duration;

use crate::error::Error;
use crate::server::exchange::closing_response;
use crate::server::net::Stream;
use crate::server::observe::Refusal;
use crate::server::shared::Server;

/// Answers 503 without waiting. With TLS the connection is closed without a response: the handshake would take time.
pub fn refuse_connection(server: &Server, stream: &Stream, why: Refusal) {
    let what = match why {
        Refusal::Connections => "all connections are taken",
        Refusal::Address => "all connections of this address are taken",
        _ => "no thread is left",
    };
    let error = Error::overloaded("connection", what);
    server.refuse(stream.client(), why, &error);
    // The response fits an empty socket buffer. The client may have disconnected: the error is ignored.
    let _ = stream.try_write(&closing_response(&error));
    stream.end_writing();
    // Closing a socket with unread bytes would send a reset.
    if stream.wait_readable(Duration::ZERO).unwrap_or(false) {
        let mut bytes = stream;
        let _ = bytes.read(&mut [0; 4096]);
    }
}
