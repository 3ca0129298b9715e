//! One request and its response, from the parsed head until the connection is ready for the next request. `methods` has
//! the handlers; this file has what all of them share.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::http::if_header::IfHeader;
use crate::http::{Fields, Query, Request, Target, resumption};
use crate::server::auth::basic::{CHALLENGE, claimed_name, identify};
use crate::server::auth::locks::IfConditions;
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::locked;
use crate::server::exchange::{BoundedDecoding, ClientLiveness, Reply, RequestBody};
use crate::server::net::{RequestClient, Stream};
use crate::server::observe::{CloseReason, Refusal};
use crate::server::shared::Server;
use crate::server::status::status_of;
use crate::store::Name;

/// A request and its response.
pub struct Exchange<'e> {
    /// The daemon.
    pub server: &'e Server,
    /// The connection.
    pub stream: &'e Stream,
    /// The client, perhaps behind a trusted proxy.
    pub client: &'e RequestClient,
    /// The head of the request.
    pub request: &'e Request,
    /// Its target, without the prefix once that is checked.
    pub target: &'e [u8],
    /// The query of its target; empty until the target is parsed.
    pub query: Query,
    /// Its body.
    pub body: RequestBody<'e>,
    /// Its response.
    pub reply: Reply<'e>,
}

impl<'e> Exchange<'e> {
    /// Authenticates the principal of the request, and returns the store as this principal may use it. Errors have kind
    /// `Unauthenticated` where the credentials are wrong, `Overloaded` after too many failures.
    pub fn authorize(&mut self) -> Result<AuthorizedStore> {
        let current = self.server.gate.current();
        let principal = identify(self.stream, self.client, self.request, current.users());
        let store = principal.and_then(|principal| Ok(current.authorize(principal, self.if_conditions()?)));
        match &store {
            Ok(store) => self.reply.outcome.user = store.user_name(self.server.log.has_access_lines()),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                self.server.refuse_login(claimed_name(self.request).as_deref(), &self.client.peer);
            }
            Err(error) if error.kind() == ErrorKind::Overloaded => {
                self.server.refuse(&self.client.peer, Refusal::Login, error);
            }
            Err(_) => {}
        }
        store
    }

    /// Parses the `If` header, whose resources are URLs as in `Destination`.
    fn if_conditions(&self) -> Result<Option<IfConditions>> {
        IfHeader::of_request(&self.request.fields, |url| {
            let target = Target::parse(self.server.prefix.below(url)?).ok()?;
            Name::new(target.components, target.directory).ok()
        })
    }

    /// Returns the limits and the decoder pool for what the client sends or requests.
    pub fn decoding(&self) -> BoundedDecoding<'e> {
        BoundedDecoding { server: self.server, client: ClientLiveness::new(self.stream) }
    }

    /// Sends an error response with these fields, unless a response has begun.
    pub fn fail(&mut self, error: &Error, mut fields: Fields) {
        // Once a response has begun, nothing but the log can tell why it was aborted.
        let is_aborted = self.reply.is_begun() && !is_gone(error) && error.kind() != ErrorKind::TimedOut;
        if is_server_error(error) || is_aborted {
            self.server.log.error(error);
        }
        if error.kind() == ErrorKind::TimedOut {
            self.server.refuse(&self.client.peer, Refusal::Slow, error);
        }
        if self.reply.is_begun() {
            return;
        }
        if is_gone(error) {
            return self.reply.give_up();
        }
        match error.kind() {
            ErrorKind::Misdirected => self.reply.outcome.close(CloseReason::Misdirected),
            ErrorKind::TooLarge => {
                fields.push("Upload-Limit", resumption::format_limit(self.server.limits.file_size, None))
            }
            ErrorKind::Unauthenticated => fields.push("WWW-Authenticate", CHALLENGE),
            _ => {}
        }
        // The client may have disconnected; ignore the write error.
        let _ = match locked::condition(error, &self.request.fields, self.server.prefix.encoded()) {
            Some(condition) => {
                self.body.close_if_pending(&mut self.reply.outcome);
                self.reply.bytes(status_of(error), locked::XML_TYPE, &condition, fields)
            }
            None => self.refuse(error, fields, json!({})),
        };
    }

    /// Sends an error response with these fields and, for a client that prefers JSON, members. The rest of the body is
    /// not read.
    pub fn refuse(&mut self, error: &Error, fields: Fields, members: Value) -> Result<()> {
        self.body.close_if_pending(&mut self.reply.outcome);
        self.reply.problem(error, self.request, self.target, fields, members)
    }
}

/// Returns whether an error is the server's fault and goes to the log. A disconnected client is not; a reached limit is logged
/// as a refusal.
fn is_server_error(error: &Error) -> bool {
    use ErrorKind::{BadDescriptor, Busy, Internal, Interrupted, NoSpace, Unavailable};
    let is_ours =
        matches!(error.kind(), BadDescriptor | Busy | Internal | Interrupted | NoSpace | Unavailable);
    is_ours && !is_gone(error)
}

/// Returns whether the client has disconnected.
fn is_gone(error: &Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    matches!(error, Error::System { source, .. } if matches!(source.kind(), BrokenPipe | ConnectionReset))
}
