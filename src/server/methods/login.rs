//! Login and logout of a person with a browser, as GET of the root with `?login` or `?logout`. With Basic authentication
//! (RFC 7617) a browser asks for a name only when an answer is 401, and sends it from then on with every request beneath the
//! directory of that target: so the target is one of the root.

use serde_json::json;

use crate::error::{Error, Result};
use crate::http::{Fields, Query, Target, accept, target};
use crate::server::auth::basic::CHALLENGE;
use crate::server::auth::rights::AuthorizedStore;
use crate::server::exchange::Exchange;

/// The challenge to a script: browsers do not know the scheme and ask for nothing.
const SILENT_CHALLENGE: &str = "Logout";

/// Returns whether a query of the root is a login or a logout.
pub fn is_meant(query: &Query) -> bool {
    query.has("login") || query.has("logout")
}

/// Answers 401 until a name and a password are sent, and redirects to the path in `login` then; or answers 401 for as long as
/// they are sent, with which a browser forgets them.
pub fn answer(exchange: &mut Exchange<'_>, store: &AuthorizedStore) -> Result<()> {
    match exchange.query.get("login").map(<[u8]>::to_vec) {
        Some(_) if store.may_log_in() => {
            Err(Error::unauthenticated("/", "say who you are: this needs a user name and a password"))
        }
        Some(path) => redirect(exchange, &path),
        None if store.principal().user.is_none() => redirect(exchange, b"/"),
        None => log_out(exchange),
    }
}

fn log_out(exchange: &mut Exchange<'_>) -> Result<()> {
    let is_person = accept::names(&exchange.request.fields, "text/html");
    let mut fields = Fields::new();
    fields.push("WWW-Authenticate", if is_person { CHALLENGE } else { SILENT_CHALLENGE });
    fields.push("Cache-Control", "no-store");
    exchange.refuse(&Error::unauthenticated("/", "you are logged out"), fields, json!({}))
}

/// Redirects to a path of this server, never to another: it is parsed and encoded again. Relative, so that it is right beneath
/// a prefix of a proxy.
fn redirect(exchange: &mut Exchange<'_>, path: &[u8]) -> Result<()> {
    let to = Target::parse(path).unwrap_or(Target {
        components: Vec::new(),
        directory: true,
        query: Query::default(),
    });
    let path = target::encode(&to.components, to.directory, &Query::default());
    let mut fields = Fields::new();
    fields.push("Location", [b".", path.as_slice()].concat());
    fields.push("Cache-Control", "no-store");
    exchange.reply.bytes(303, "text/plain", b"/: see Location\n", fields)
}
