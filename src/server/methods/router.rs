//! The router: finds the handler of a request, after the checks that all requests have in common.

use std::io::BufRead;

use serde_json::json;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::http::{Fields, Framing, Method, Query, Request, Target, authority, framing, resumption};
use crate::server::auth::rights::{AuthorizedStore, Writer};
use crate::server::auth::served_hosts::refuse_cross_site_write;
use crate::server::exchange::once::once;
use crate::server::exchange::{Exchange, Reply, RequestBody};
use crate::server::methods::table::{Scope, allowed, reads_body, row};
use crate::server::methods::{get, internal, names, options, post, put};
use crate::server::net::{RequestClient, Stream};
use crate::server::observe::{CloseReason, Outcome, Refusal};
use crate::server::shared::Server;
use crate::server::webdav::{lock, propfind, proppatch};
use crate::store::{Name, RESERVED};
use crate::text::FILTERS;

/// Answers one request, whose body follows in `input`. An error before the response has begun is sent as the response;
/// a later one aborts the connection. `client` is an error where the fields of a proxy contradict each other.
pub fn answer(
    server: &Server,
    stream: &Stream,
    client: &Result<RequestClient>,
    request: &Request,
    input: &mut dyn BufRead,
) -> Outcome {
    let reply = Reply::new(server, stream, request);
    if stream.interim.begin(request) {
        server.connections.wake_interim_sender();
    }
    let (framing, client) = match (framing::of_request(request), client) {
        (Ok(framing), Ok(client)) => (framing, client),
        (Err(error), _) => return refused(server, reply, &error, request),
        (_, Err(error)) => return refused(server, reply, error, request),
    };
    let body = RequestBody::new(request, framing, server.limits.file_size, input);
    let (target, query) = (request.target(), Query::default());
    let mut exchange = Exchange { server, stream, client, request, target, query, body, reply };
    if framing != Framing::None && !reads_body(request.method) {
        exchange.body.close_if_pending(&mut exchange.reply.outcome);
    }
    if let Err(error) = route(&mut exchange) {
        let fields = fields_of_refusal(&exchange, &error);
        exchange.fail(&error, fields);
    }
    exchange.body.finish(&mut exchange.reply.outcome);
    exchange.reply.outcome
}

/// Answers a malformed request and closes the connection, since the start of the next request is unknown.
fn refused(server: &Server, mut reply: Reply<'_>, error: &Error, request: &Request) -> Outcome {
    reply.outcome.close = Some(CloseReason::MalformedRequest);
    let target = server.prefix.below(request.target()).unwrap_or_default();
    // The client may have disconnected; ignore the write error.
    let _ = reply.problem(error, request, target, Fields::new(), json!({}));
    reply.outcome
}

/// Returns the fields of an error response: `Allow` for a 405 (RFC 9110 §15.5.6).
fn fields_of_refusal(exchange: &Exchange<'_>, error: &Error) -> Fields {
    let mut fields = Fields::new();
    if matches!(error.kind(), ErrorKind::MethodNotAllowed | ErrorKind::AlreadyExists) {
        let target = Target::of_request(exchange.request.method, exchange.target);
        let is_root = target.is_ok_and(|target| target.components.is_empty());
        let scope = if is_root { Scope::Root } else { Scope::Below };
        fields.push("Allow", allowed(scope, |row| row.method != exchange.request.method));
    }
    fields
}

/// The handler of a method, by the rights it needs: only one with an [`AuthorizedStore`] can read, and only one with a
/// [`Writer`] can write.
enum Handler {
    Tells(fn(&mut Exchange<'_>, &Name) -> Result<()>),
    Reads(fn(&mut Exchange<'_>, &AuthorizedStore, &Name) -> Result<()>),
    Writes(fn(&mut Exchange<'_>, &Writer<'_>, &Name) -> Result<()>),
}

/// Returns the handler of a method; none where the method is not offered on any name.
fn handler(method: Method) -> Option<Handler> {
    match method {
        Method::Options => Some(Handler::Tells(options::answer)),
        Method::Get | Method::Head => Some(Handler::Reads(get::answer)),
        Method::Post => Some(Handler::Reads(post::answer)),
        Method::Put => Some(Handler::Writes(put::answer)),
        Method::Copy => Some(Handler::Writes(names::copy)),
        Method::Move => Some(Handler::Writes(names::rename)),
        Method::Delete => Some(Handler::Writes(names::delete)),
        Method::Mkcol => Some(Handler::Writes(names::make_directory)),
        Method::Propfind => Some(Handler::Reads(propfind::answer)),
        Method::Proppatch => Some(Handler::Writes(proppatch::answer)),
        Method::Lock => Some(Handler::Writes(lock::lock)),
        Method::Unlock => Some(Handler::Writes(lock::unlock)),
        Method::Patch | Method::Connect | Method::Other(_) | Method::Unknown => None,
    }
}

/// Checks a request, and calls its handler.
fn route(exchange: &mut Exchange<'_>) -> Result<()> {
    let (server, request, method) = (exchange.server, exchange.request, exchange.request.method);
    let counted = server.connections.enter_request(exchange.client, &server.limits);
    let _counted =
        counted.inspect_err(|error| server.refuse(&exchange.client.peer, Refusal::Address, error))?;
    let refusal = |kind, what: &str| Err(Error::new(kind, request.method_name(), what));
    // Before the target is parsed: these methods may have a request target of another form.
    match method {
        Method::Unknown => return refusal(ErrorKind::NotImplemented, "is not a method of this server"),
        Method::Connect => {
            return refusal(ErrorKind::NotImplemented, "is not supported: this server is not a proxy");
        }
        _ => {}
    }
    let authority = authority::of_request(exchange.target, &request.fields);
    strip_prefix(exchange)?;
    if matches!(exchange.target.first(), None | Some(b'?')) {
        return redirect_to_root(exchange);
    }
    let target = Target::of_request(method, exchange.target)?;
    exchange.reply.outcome.filter = FILTERS.iter().map(|spec| spec.name).find(|name| target.query.has(name));
    let method = if creates_upload(request, method, &target) { Method::Put } else { method };
    exchange.query = target.query;
    let row = row(method, &target.components);
    if let Some(hosts) = &server.served_hosts {
        hosts.require(exchange.stream, authority, request.version)?;
    }
    if row.is_none_or(|row| row.does_write) {
        refuse_cross_site_write(&request.fields, authority, exchange.client.is_forwarded)?;
    }
    if target.components.first().is_some_and(|first| first == RESERVED) {
        exchange.body.require_acceptable()?;
        return internal::answer(exchange, &target.components);
    }
    let Some(handler) = handler(method) else {
        return refusal(ErrorKind::MethodNotAllowed, "is not offered here");
    };
    exchange.body.require_acceptable()?;
    let name = Name::new(target.components, target.directory)?;
    if row.is_none() {
        return refusal(ErrorKind::MethodNotAllowed, &format!("is not offered on {}", shown(&name.shown())));
    }
    if !matches!(handler, Handler::Tells(_)) {
        server.health.require_answer()?;
    }
    call(exchange, &handler, &name)
}

/// Calls a handler with the rights it needs.
fn call(exchange: &mut Exchange<'_>, handler: &Handler, name: &Name) -> Result<()> {
    match handler {
        Handler::Tells(act) => act(exchange, name),
        Handler::Reads(act) => {
            let store = exchange.authorize()?;
            act(exchange, &store, name)
        }
        Handler::Writes(act) => {
            let store = exchange.authorize()?;
            let writer = store.writer(name)?;
            match exchange.request.method {
                // Their responses have a body, which is not stored.
                Method::Lock | Method::Proppatch => act(exchange, &writer, name),
                _ => once(exchange, store.principal(), |exchange| act(exchange, &writer, name)),
            }
        }
    }
}

/// Removes the prefix from the target. Of the prefix itself without a final slash nothing is left, or the query; for a method of
/// WebDAV it is the root: the file manager of GNOME always leaves the slash away.
fn strip_prefix(exchange: &mut Exchange<'_>) -> Result<()> {
    let prefix = &exchange.server.prefix;
    let elsewhere = || format!("is not beneath {}/", shown(prefix.encoded()));
    let below = prefix.below(exchange.target);
    exchange.target = match below.ok_or_else(|| Error::not_found(exchange.target, elsewhere()))? {
        b"" if !matches!(exchange.request.method, Method::Get | Method::Head) => b"/",
        below => below,
    };
    Ok(())
}

/// Redirects from the prefix without a final slash, from which relative links would lead elsewhere.
fn redirect_to_root(exchange: &mut Exchange<'_>) -> Result<()> {
    let (prefix, query) = (exchange.server.prefix.encoded(), exchange.target);
    let location = [prefix, b"/", query].concat();
    let line = format!("/: is a directory: ask for {}\n", shown(&location));
    let fields = get::moved_to(exchange.server, &location);
    exchange.reply.bytes(301, "text/plain", line.as_bytes(), fields)
}

/// Returns whether a POST creates a resumable upload: it is handled like a PUT.
fn creates_upload(request: &Request, method: Method, target: &Target) -> bool {
    method == Method::Post
        && target.components.last().is_some()
        && !target.directory
        && resumption::is_complete(&request.fields).is_some()
}
