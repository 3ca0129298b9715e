//! LOCK and UNLOCK (RFC 4918 §9.10, §9.11).

use crate::error::{Error, ErrorKind, Result};
use crate::http::{Fields, Query, if_header};
use crate::server::auth::locks::WriteLock;
use crate::server::auth::rights::{LockOutcome, WantedLock, Writer};
use crate::server::exchange::{Exchange, XML_DECLARATION, XML_TYPE, location, precondition};
use crate::server::webdav::depth::Depth;
use crate::server::webdav::lock_discovery::write_discovery;
use crate::server::webdav::lock_request::{LockInfo, timeout};
use crate::server::webdav::{condition, xml};
use crate::store::Name;

/// The condition of a refresh or an UNLOCK whose token is that of no lock there.
const NO_MATCH: &str = "<D:lock-token-matches-request-uri/>";

/// Locks a name; without a body, begins the time of a lock again.
pub fn lock(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    exchange.query.require_none()?;
    let fields = &exchange.request.fields;
    let is_deep = match Depth::of_request(fields)? {
        Depth::Zero => false,
        Depth::Infinity => true,
        Depth::One => return Err(Error::invalid("Depth", "is neither 0 nor infinity")),
    };
    let time = timeout(fields);
    let Some(body) = xml::read(exchange)? else {
        return match writer.refresh_lock(name, time) {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
                condition::refuse(exchange, &error, NO_MATCH)
            }
            refreshed => answer(exchange, 200, Fields::new(), &refreshed?),
        };
    };
    let LockInfo { exclusion, owner } = LockInfo::parse(&body)?;
    let check = precondition(fields, name);
    match writer.lock(name, WantedLock { exclusion, is_deep, owner, time }, &check)? {
        LockOutcome::Granted { lock, is_created } => {
            let mut fields = Fields::new().with("Lock-Token", format!("<{}>", lock.token));
            if is_created {
                fields.push("Location", location(exchange.server, name, false, &Query::default()));
            }
            answer(exchange, if is_created { 201 } else { 200 }, fields, &lock)
        }
        LockOutcome::Conflict(root) => refuse(exchange, name, &root),
    }
}

/// Removes a lock.
pub fn unlock(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    exchange.query.require_none()?;
    let value = exchange.request.fields.get_once("Lock-Token")?;
    let value = value.ok_or_else(|| Error::invalid("Lock-Token", "is missing"))?;
    let token = if_header::coded_url(value);
    let token = token.ok_or_else(|| Error::invalid("Lock-Token", "is not a URL between < and >"))?;
    match writer.unlock(name, token) {
        Err(error) if error.kind() == ErrorKind::Conflict => condition::refuse(exchange, &error, NO_MATCH),
        unlocked => unlocked.and_then(|()| exchange.reply.empty(204, Fields::new())),
    }
}

/// Sends the lock as the property `lockdiscovery`.
fn answer(exchange: &mut Exchange<'_>, status: u16, mut fields: Fields, lock: &WriteLock) -> Result<()> {
    let mut body = format!("{XML_DECLARATION}<D:prop xmlns:D=\"DAV:\"><D:lockdiscovery>");
    write_discovery(exchange.server, lock, &mut body);
    body += "</D:lockdiscovery></D:prop>\n";
    fields.push("Cache-Control", "no-store");
    exchange.reply.bytes(status, XML_TYPE, body.as_bytes(), fields)
}

/// Refuses a lock because of another one: 423, or where that is on something beneath the directory, 207 with both.
fn refuse(exchange: &mut Exchange<'_>, name: &Name, root: &Name) -> Result<()> {
    let href = |name: &Name| {
        let mut href = String::from("<D:href>");
        let path = location(exchange.server, name, name.is_directory(), &Query::default());
        xml::escape(&path, &mut href);
        href + "</D:href>"
    };
    let condition = format!("<D:no-conflicting-lock>{}</D:no-conflicting-lock>", href(root));
    if root.components().len() <= name.components().len() {
        let error = Error::locked(root.shown(), "is locked by another client");
        return condition::refuse(exchange, &error, &condition);
    }
    let body = format!(
        "{XML_DECLARATION}<D:multistatus xmlns:D=\"DAV:\"><D:response>{}<D:status>HTTP/1.1 423 Locked</D:status>\
         <D:error>{condition}</D:error></D:response><D:response>{}<D:status>HTTP/1.1 424 Failed Dependency</D:status>\
         </D:response></D:multistatus>\n",
        href(root),
        href(name)
    );
    exchange.reply.bytes(207, XML_TYPE, body.as_bytes(), Fields::new())
}
