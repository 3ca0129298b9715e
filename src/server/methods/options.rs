//! OPTIONS: the methods and filters as text, from their tables.

use std::fmt::Write;

use crate::error::Result;
use crate::http::resumption;
use crate::server::exchange::Exchange;
use crate::server::methods::table::{METHODS, Scope, allowed, allowed_somewhere};
use crate::server::resumable::resource;
use crate::store::Name;
use crate::text::{FILTERS, FilterSpec};

/// Sends the text with the methods allowed on the name; for `*` with those allowed on any name (RFC 9110 §9.3.7).
pub fn answer(exchange: &mut Exchange<'_>, name: &Name) -> Result<()> {
    let allow = match exchange.target {
        b"*" => allowed_somewhere(),
        _ if name.components().is_empty() => allowed(Scope::Root, None),
        _ => allowed(Scope::Below, None),
    };
    send(exchange, &allow)
}

/// Sends the text with this `Allow`.
pub fn send(exchange: &mut Exchange<'_>, allow: &str) -> Result<()> {
    let mut fields = resource::accept_patch();
    fields.push("Upload-Limit", resumption::format_limit(exchange.server.limits.file_size, None));
    // RFC 4918 §18; Office and Explorer look at the second one before they write.
    fields.push("DAV", "1, 2");
    fields.push("MS-Author-Via", "DAV");
    fields.push("Allow", allow);
    exchange.reply.bytes(200, "text/plain", text(exchange.server.gate.is_read_only()).as_bytes(), fields)
}

fn text(read_only: bool) -> String {
    let mut text =
        format!("cfpd {}: files, and word operations where the files are", env!("CARGO_PKG_VERSION"));
    text += if read_only { " (read-only)\n\n" } else { "\n\n" };
    let methods = METHODS.iter().map(|row| row.usage).filter(|[syntax, _]| !syntax.is_empty());
    let heading = [["", ""], ["F is", ""], ["(nothing)", "the bytes as they are"]];
    let rows = methods.chain(heading).map(|row| row.map(str::to_owned));
    for [usage, meaning] in rows.chain(FILTERS.into_iter().map(FilterSpec::help)) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", format!("  {usage:<24} {meaning}").trim_end());
    }
    text
}
