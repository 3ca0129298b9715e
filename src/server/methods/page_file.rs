//! GET and OPTIONS of a file of the page, beneath `/.cfpd/page/`. Anybody may: an error page needs them too, and they tell nothing.

use crate::error::{Error, Result};
use crate::http::condition::Validators;
use crate::http::{Fields, Method};
use crate::server::exchange::{Exchange, is_not_modified, of_not_modified, restrict_browsers};
use crate::server::methods::options;
use crate::server::methods::table::{Scope, allowed};
use crate::server::page::PageFile;
use crate::store::Name;

/// Sends the file of this name, or what can be done with it.
pub fn answer(exchange: &mut Exchange<'_>, name: &[u8]) -> Result<()> {
    let Some(file) = PageFile::named(name) else {
        return Err(Error::not_found("/.cfpd/page/", "has no such file"));
    };
    if exchange.request.method == Method::Options {
        return options::send(exchange, &allowed(Scope::Anywhere, |_| true));
    }
    let etag = file.etag();
    let mut fields = Fields::new();
    fields.push("ETag", &etag);
    // Asked for again with every page, so that a new version of the daemon is never mixed with an old one.
    fields.push("Cache-Control", "no-cache");
    restrict_browsers(&mut fields, "default-src 'none'; style-src 'unsafe-inline'");
    fields.push("Cross-Origin-Resource-Policy", "same-origin");
    let current = Validators { etag: Some(&etag), ..Validators::default() };
    match is_not_modified(exchange.request, &Name::internal(b"page").join(name, false), current)? {
        true => exchange.reply.empty(304, of_not_modified(&fields)),
        false => exchange.reply.bytes(200, file.media_type, file.content, fields),
    }
}
