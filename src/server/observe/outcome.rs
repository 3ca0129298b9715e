//! The outcome of one request: filled in while the response is written, read by the log, the metrics and the
//! connection. Values only: it knows neither sockets nor framing.

/// The outcome of one request.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The status that was sent; 0 before the head.
    pub status: u16,
    /// How many bytes of the body were sent.
    pub body_bytes: u64,
    /// The authenticated user, where requests are logged.
    pub user: Option<Vec<u8>>,
    /// The filter that the query names.
    pub filter: Option<&'static str>,
    /// Why the connection closes after the response; `None` keeps it open.
    pub close: Option<CloseReason>,
}

/// Why a connection closes after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client sends no other request (RFC 9112 §9.6), and the whole request was read.
    ClientRequested,
    /// The request was malformed: where the next one begins is unknown.
    MalformedRequest,
    /// The request was for a host that this server does not serve (421).
    Misdirected,
    /// The rest of the request body is not read.
    BodyPending,
    /// The response body ends with the connection (RFC 9112 §6.3), as HTTP/1.0 requires.
    BodyUntilClose,
    /// The daemon shuts down.
    ShuttingDown,
    /// The response cannot be completed: only a reset tells the client so.
    Aborted,
}

impl Outcome {
    /// Closes the connection after the response. Of several reasons the first one stays.
    pub fn close(&mut self, reason: CloseReason) {
        self.close.get_or_insert(reason);
    }

    /// Aborts the connection, whatever was decided before.
    pub fn abort(&mut self) {
        self.close = Some(CloseReason::Aborted);
    }
}
