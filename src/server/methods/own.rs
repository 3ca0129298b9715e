//! The daemon's own resources, beneath `/.cfpd/`.

use super::partial;
use crate::error::{Error, Result};
use crate::http::Fields;
use crate::server::exchange::Exchange;
use crate::server::metrics::MEDIA_TYPE;

/// Answers a resource of the daemon's own.
pub fn answer(exchange: &mut Exchange<'_>, components: &[Vec<u8>]) -> Result<()> {
    if let [_, uploads, id] = components
        && uploads == partial::UPLOADS
    {
        return partial::answer(exchange, id);
    }
    if !matches!(exchange.request.method(), "GET" | "HEAD") {
        return Err(Error::status(403, "/.cfpd/", "belongs to the daemon"));
    }
    match components {
        [_, last] if last == b"health" => exchange.reply.bytes(200, "text/plain", b"ok\n", Fields::new()),
        [_, last] if last == b"metrics" => {
            let text = exchange.server.metrics.text(&exchange.server.moment())?;
            exchange.reply.bytes(200, MEDIA_TYPE, text.as_bytes(), Fields::new())
        }
        _ => Err(Error::status(404, "/.cfpd/", "has no such resource")),
    }
}
