//! Executes a request with an `Idempotency-Key` once, however often it is sent
//! (draft-ietf-httpapi-idempotency-key-header-07). `idempotent_responses` stores the responses.

use std::time::Duration;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result};
use crate::http::Fields;
use crate::http::idempotency::{self, KEY, OUTCOMES};
use crate::server::auth::access::Principal;
use crate::server::exchange::{ClientLiveness, Exchange};
use crate::server::observe::Peer;
use crate::server::shared::Claim;

/// Calls `act`, unless a request with the same key was executed: then repeats its response. Without a key it just calls
/// `act`.
pub fn once(
    exchange: &mut Exchange<'_>,
    principal: &Principal,
    act: impl FnOnce(&mut Exchange<'_>) -> Result<()>,
) -> Result<()> {
    let Exchange { request, target, .. } = *exchange;
    let key = idempotency::of_request(request.method, target, &request.fields)?;
    let Some(request) = key else { return act(exchange) };
    let address = match &exchange.client.peer {
        // Without a user; a proxy on a Unix socket is not the client.
        Peer::Address(address) if principal.user.is_none() => Some(address.ip()),
        _ => None,
    };
    let liveness = ClientLiveness::new(exchange.stream);
    let client = (principal.clone(), address);
    let responses = &exchange.server.responses;
    let claim = responses
        .claim(&client, (&request.key, request.fingerprint), request.retry, &|| liveness.check_connected());
    match claim? {
        Claim::Repeated(status, fields) => {
            exchange.body.close_if_pending(&mut exchange.reply.outcome);
            exchange.reply.head_only(status, fields)
        }
        Claim::Unknown { epoch, since } => {
            // Another daemon may have carried it out, of which this one remembers nothing.
            let since = if exchange.server.upkeep().is_shared() { Duration::ZERO } else { since };
            let fields = Fields::new().with(OUTCOMES, idempotency::format_outcomes(&epoch, since));
            let what = "is not remembered: the request may have been carried out";
            exchange.refuse(&Error::conflict(KEY, what), fields, json!({}))
        }
        Claim::First(running) => {
            exchange.reply.keep_record();
            let done = act(exchange);
            match (exchange.reply.take_record(), &done) {
                // A response that could not be sent is stored too: the client will repeat the request.
                (Some((status @ 200..=299, fields)), _) => running.end(status, fields),
                (Some((500, _)), _) => running.leave_open(),
                (None, Err(error))
                    if matches!(error.kind(), ErrorKind::Internal | ErrorKind::BadDescriptor) =>
                {
                    running.leave_open()
                }
                // Nothing was changed: forget the key.
                _ => drop(running),
            }
            done
        }
    }
}
