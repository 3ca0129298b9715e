//! OPTIONS: the methods and filters as text, from their tables.

use std::fmt::Write;

use crate::error::Result;
use crate::http::{Fields, resumption};
use crate::server::exchange::Exchange;
use crate::server::methods::table::{METHODS, MethodRow, Scope, allowed, allowed_somewhere};
use crate::server::resumable::resource;
use crate::store::Name;
use crate::text::{FILTERS, FilterSpec};

/// Sends the text with the methods allowed on the name; for `*` with those allowed on any name (RFC 9110 §9.3.7).
pub fn answer(exchange: &mut Exchange<'_>, name: &Name) -> Result<()> {
    let read_only = exchange.server.gate.is_read_only();
    let is_offered = |row: &MethodRow| is_offered(row, read_only);
    let allow = match exchange.target {
        b"*" => allowed_somewhere(is_offered),
        _ if name.components().is_empty() => allowed(Scope::Root, is_offered),
        _ => allowed(Scope::Below, is_offered),
    };
    send(exchange, &allow)
}

/// Sends the text with this `Allow`. A read-only server offers no uploads and no locks.
pub fn send(exchange: &mut Exchange<'_>, allow: &str) -> Result<()> {
    let read_only = exchange.server.gate.is_read_only();
    let mut fields = Fields::new();
    if !read_only {
        fields = resource::accept_patch();
        fields.push("Upload-Limit", resumption::format_limit(exchange.server.limits.file_size, None));
    }
    // RFC 4918 §18; Office and Explorer look at the second one before they write.
    fields.push("DAV", if read_only { "1" } else { "1, 2" });
    fields.push("MS-Author-Via", "DAV");
    fields.push("Allow", allow);
    exchange.reply.bytes(200, "text/plain", text(read_only).as_bytes(), fields)
}

/// Returns whether a method is of use: a read-only server has no uploads either that a HEAD could ask for.
fn is_offered(row: &MethodRow, read_only: bool) -> bool {
    !(read_only && (row.does_write || row.scope == Scope::Upload))
}

fn text(read_only: bool) -> String {
    let mut text =
        format!("cfpd {}: files, and word operations where the files are", env!("CARGO_PKG_VERSION"));
    text += if read_only { " (read-only)\n\n" } else { "\n\n" };
    let offered = METHODS.iter().filter(|row| is_offered(row, read_only));
    let methods = offered.map(|row| row.usage).filter(|[syntax, _]| !syntax.is_empty());
    let heading = [["", ""], ["F is", ""], ["(nothing)", "the bytes as they are"]];
    let rows = methods.chain(heading).map(|row| row.map(str::to_owned));
    for [usage, meaning] in rows.chain(FILTERS.into_iter().map(FilterSpec::help)) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", format!("  {usage:<24} {meaning}").trim_end());
    }
    text
}
