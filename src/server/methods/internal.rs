//! The daemon's own resources, beneath `/.cfpd/`.

use crate::error::{Error, Result, shown};
use crate::http::Fields;
use crate::server::exchange::exchange::Exchange;
use crate::server::methods::options;
use crate::server::observe::metrics::MEDIA_TYPE;
use crate::server::resumable::resource;

/// What it tells of itself.
const TOLD: [&[u8]; 2] = [b"health", b"metrics"];
/// How that is asked for.
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// Answers a resource of the daemon's own.
pub fn answer(exchange: &mut Exchange<'_>, components: &[Vec<u8>]) -> Result<()> {
    match components {
        [_, uploads, id] if uploads == resource::UPLOADS => resource::answer(exchange, id),
        [_, told] if TOLD.contains(&told.as_slice()) => match exchange.request.method() {
            "GET" | "HEAD" => tell(exchange, told),
            "OPTIONS" => options::tell(exchange, ALLOWED),
            _ => exchange.refuse_method(&format!("/.cfpd/{}", shown(told)), ALLOWED),
        },
        _ if matches!(exchange.request.method(), "GET" | "HEAD" | "OPTIONS") => {
            Err(Error::status(404, "/.cfpd/", "has no such resource"))
        }
        _ => Err(Error::status(403, "/.cfpd/", "belongs to the daemon")),
    }
}

fn tell(exchange: &mut Exchange<'_>, what: &[u8]) -> Result<()> {
    if what != b"health" {
        exchange.identify()?.require_own(what)?;
    }
    let (media_type, text) = match what {
        b"metrics" => (MEDIA_TYPE, exchange.server.metrics.text(&exchange.server.moment())?),
        _ => ("text/plain", health(exchange)?),
    };
    exchange.reply.bytes(200, media_type, text.as_bytes(), Fields::new())
}

/// Why it is not well is for the log: anybody may ask.
fn health(exchange: &Exchange<'_>) -> Result<String> {
    let (is_ok, news) = exchange.server.health.ask();
    news.iter().for_each(|error| exchange.server.log.trouble(error));
    match is_ok {
        true => Ok("ok\n".to_owned()),
        false => Err(Error::status(503, "/.cfpd/health", "is not ok")),
    }
}
