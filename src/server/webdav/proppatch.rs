//! PROPPATCH (RFC 4918 §9.2): sets and removes dead properties, all of them or none.

use crate::error::{Error, ErrorKind, Result};
use crate::http::{Fields, Query, head};
use crate::server::auth::rights::Writer;
use crate::server::exchange::{Exchange, XML_DECLARATION, XML_TYPE, location, precondition};
use crate::server::status::status_of;
use crate::server::webdav::multistatus::{END, START};
use crate::server::webdav::property_update::{PropertyChange, PropertyUpdate};
use crate::server::webdav::xml;
use crate::store::{Kind, Name};

/// The status of a change that was not made because another one failed (RFC 4918 §11.4).
const FAILED_DEPENDENCY: u16 = 424;

/// Changes the properties that the body names.
pub fn answer(exchange: &mut Exchange<'_>, writer: &Writer<'_>, name: &Name) -> Result<()> {
    exchange.query.require_none()?;
    let body = xml::read(exchange)?;
    let update = PropertyUpdate::parse(body.as_deref())?;
    let is_protected = |change: &PropertyChange| change.name.live.is_some();
    let meta = writer.properties_target(name)?;
    let check = precondition(&exchange.request.fields, name);
    let status_of_change: Box<dyn Fn(&PropertyChange) -> u16> = if update.iter().any(is_protected) {
        check(Some(&meta))?;
        Box::new(|change| if is_protected(change) { 403 } else { FAILED_DEPENDENCY })
    } else {
        match writer.change_properties(name, &check, &|kept| update.apply(kept)) {
            Err(error) if is_of_properties(&error) => {
                let status = status_of(&error);
                Box::new(move |_| status)
            }
            changed => {
                changed?;
                Box::new(|_| 200)
            }
        }
    };
    let mut text = [XML_DECLARATION, START, "<D:response><D:href>"].concat();
    let is_directory = meta.kind == Kind::Directory;
    xml::escape(&location(exchange.server, name, is_directory, &Query::default()), &mut text);
    text.push_str("</D:href>");
    update.iter().for_each(|change| write_change(change, status_of_change(change), &mut text));
    text.push_str("</D:response>\n");
    text.push_str(END);
    exchange.reply.bytes(207, XML_TYPE, text.as_bytes(), Fields::new())
}

/// Returns whether an error is about the properties, not about the file: it is then told for each of them.
fn is_of_properties(error: &Error) -> bool {
    error.kind() == ErrorKind::NoSpace
}

fn write_change(change: &PropertyChange, status: u16, text: &mut String) {
    text.push_str("<D:propstat><D:prop>");
    change.name.write_empty(text);
    *text += &format!("</D:prop><D:status>HTTP/1.1 {status} {}</D:status>", head::reason(status));
    if status == 403 {
        text.push_str("<D:error><D:cannot-modify-protected-property/></D:error>");
    }
    text.push_str("</D:propstat>");
}
