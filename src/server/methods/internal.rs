//! The daemon's own resources, beneath `/.cfpd/`: health, metrics, the files of the page, and resumable uploads.

use serde_json::json;

use crate::error::{Error, Result, shown};
use crate::http::{Fields, Method};
use crate::server::exchange::Exchange;
use crate::server::methods::table::{Scope, UPLOADS, allowed};
use crate::server::methods::{options, page_file};
use crate::server::observe::metrics::MEDIA_TYPE;
use crate::server::resumable::resource;

/// Answers a request on one of the daemon's own resources.
pub fn answer(exchange: &mut Exchange<'_>, components: &[Vec<u8>]) -> Result<()> {
    let method = exchange.request.method;
    match components {
        [_, uploads, id] if uploads == UPLOADS => answer_upload(exchange, id),
        [_, page, file]
            if page == b"page" && matches!(method, Method::Get | Method::Head | Method::Options) =>
        {
            page_file::answer(exchange, file)
        }
        [_, name] if matches!(name.as_slice(), b"health" | b"metrics") => match method {
            Method::Get | Method::Head => answer_readable(exchange, name),
            Method::Options => options::send(exchange, &allowed(Scope::Anywhere, |_| true)),
            _ => refuse_method(exchange, &format!("/.cfpd/{}", shown(name)), Scope::Anywhere),
        },
        _ if matches!(method, Method::Get | Method::Head | Method::Options) => {
            Err(Error::not_found("/.cfpd/", "has no such resource"))
        }
        _ => Err(Error::forbidden("/.cfpd/", "belongs to the daemon")),
    }
}

/// Answers a request on a resumable upload, which it locks.
fn answer_upload(exchange: &mut Exchange<'_>, id: &[u8]) -> Result<()> {
    let act = match exchange.request.method {
        Method::Head => resource::offset,
        Method::Patch => resource::append,
        Method::Delete => resource::cancel,
        _ => return refuse_method(exchange, "an upload", Scope::Upload),
    };
    if exchange.request.method != Method::Head {
        exchange.query.require_none()?;
    }
    exchange.server.health.require_answer()?;
    let store = exchange.authorize()?;
    let _guard = resource::lock(exchange, id)?;
    act(exchange, &store, id)
}

/// Answers 405 with the methods that are allowed.
fn refuse_method(exchange: &mut Exchange<'_>, on: &str, scope: Scope) -> Result<()> {
    let fields = Fields::new().with("Allow", allowed(scope, |_| true));
    let error = Error::method_not_allowed(exchange.request.method_name(), format!("is not offered on {on}"));
    exchange.refuse(&error, fields, json!({}))
}

fn answer_readable(exchange: &mut Exchange<'_>, what: &[u8]) -> Result<()> {
    if what != b"health" {
        exchange.authorize()?.require_internal(what)?;
    }
    let (media_type, text) = match what {
        b"metrics" => (MEDIA_TYPE, exchange.server.metrics.text(&exchange.server.gauges())?),
        _ if is_healthy(exchange) => ("text/plain", "ok\n".to_owned()),
        _ => {
            let error = Error::unavailable("/.cfpd/health", "is not ok");
            return exchange.refuse(&error, Fields::new(), json!({}));
        }
    };
    exchange.reply.bytes(200, media_type, text.as_bytes(), Fields::new())
}

/// Returns whether the daemon can serve. The reason goes only to the log, since anybody may ask.
fn is_healthy(exchange: &Exchange<'_>) -> bool {
    let (is_ok, news) = exchange.server.health.ask();
    news.iter().for_each(|error| exchange.server.log.error(error));
    is_ok
}
