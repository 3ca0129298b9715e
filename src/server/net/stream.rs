//! One connection as a byte stream, with TLS or without, from its socket to its end. `input` reads it, `output` writes
//! it. It does not know HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use nix::poll::PollFlags;
use nix::sys::socket::MsgFlags;
use parking_lot::{Mutex, MutexGuard};

use crate::server::limits::LINGER;
use crate::server::net::{Interim, Socket, TlsSession};
use crate::server::observe::Peer;

/// A connection.
#[derive(Debug)]
pub struct Stream {
    /// What TLS does not change: the state of the socket, its timers, its end. The bytes go through the stream.
    pub socket: Socket,
    /// The peer.
    pub peer: Peer,
    /// What a PROXY header says: the client that the peer is a proxy for, where it names one.
    proxied: OnceLock<Option<Peer>>,
    /// Its interim responses.
    pub interim: Interim,
    /// Locked by the connection's thread, and briefly by the one that sends interim responses.
    tls: Option<Box<Mutex<TlsSession>>>,
}

impl Stream {
    /// Returns the stream of a connected socket, with TLS where there is a session.
    pub fn new(socket: Socket, peer: Peer, tls: Option<TlsSession>) -> Self {
        let tls = tls.map(|session| Box::new(Mutex::new(session)));
        Stream { socket, peer, proxied: OnceLock::new(), interim: Interim::default(), tls }
    }

    /// Returns whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Returns whether the TLS handshake is not complete. It has a time limit of its own, which only a receive enforces.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session().is_some_and(|session| session.time_left().is_some())
    }

    pub(super) fn session(&self) -> Option<MutexGuard<'_, TlsSession>> {
        self.tls.as_ref().map(|session| session.lock())
    }

    /// Notes what a PROXY header says.
    pub fn name_client(&self, client: Option<SocketAddr>) {
        self.proxied.get_or_init(|| client.map(Peer::Address));
    }

    /// Returns what a PROXY header said; `None` where there was none.
    pub fn proxied(&self) -> Option<Option<&Peer>> {
        self.proxied.get().map(Option::as_ref)
    }

    /// Returns the client that a PROXY header names, else the peer.
    pub fn client(&self) -> &Peer {
        self.proxied().flatten().unwrap_or(&self.peer)
    }

    /// Returns the user id of the process that connected to a Unix socket, as of the connect. None where that is a proxy which
    /// speaks for somebody else.
    pub fn peer_id(&self) -> Option<u32> {
        match (&self.peer, self.proxied()) {
            (Peer::Local, None) => self.socket.peer_id(),
            _ => None,
        }
    }

    /// Hands TLS, where there is any, bytes that were received before it.
    pub fn feed_tls(&self, bytes: &[u8]) -> io::Result<()> {
        self.session().map_or(Ok(()), |mut session| session.feed(bytes))
    }

    /// Ends a connection whose TLS handshake failed. A client that speaks plain HTTP is sent `response`.
    pub fn end_unencrypted(&self, response: &[u8]) {
        if self.begins_in_plain() {
            self.send_unencrypted(response);
        }
        self.socket.end_writing();
        self.discard_input();
    }

    /// Sends a short response past TLS.
    pub fn send_unencrypted(&self, response: &[u8]) {
        // The response fits an empty send buffer. The client may have disconnected; ignore the error.
        let _ = self.socket.try_send(response, MsgFlags::empty());
    }

    /// Shuts down the writing side, then reads for a moment.
    pub fn linger(&self) {
        self.end_writing();
        self.discard_input();
    }

    /// Reads for a moment: closing a socket with unread bytes sends a reset, which would discard the response or the
    /// alert before the client has read it. Not inlined: the buffer would enlarge the stack frame of every connection.
    #[inline(never)]
    fn discard_input(&self) {
        let until = Instant::now() + LINGER;
        let left = || until.saturating_duration_since(Instant::now());
        let mut block = [0; 4096];
        while !left().is_zero() {
            match self.socket.try_receive(&mut block) {
                Ok(Some(1..)) => {}
                Ok(None) if self.socket.wait(PollFlags::POLLIN, left()).unwrap_or(false) => {}
                _ => return,
            }
        }
    }

    /// Shuts down the writing side. Does nothing on an aborted connection, whose response must not look complete.
    pub fn end_writing(&self) {
        if let Some(mut session) = self.session() {
            // An aborted socket sends no `close_notify` either.
            session.end(&mut &self.socket);
        }
        self.socket.end_writing();
    }
}
